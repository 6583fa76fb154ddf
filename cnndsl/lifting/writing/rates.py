"""Rates that grow from call to call, as those of drop path do: one call in a `for` that counts them.

In a text of their own they are fractions such as 0.07500000000000001, which say less than `0.1 * i / 8` does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from cnndsl.elaborate.operators import arithmetic
from cnndsl.lifting.writing.terms import FOR, Argument, Body, Command, Expression, Flow
from cnndsl.lifting.writing.unification import content
from cnndsl.ops.arguments import Kind, Parameter
from cnndsl.records import dataclass, replace

FEWEST = 3  # calls
MOST_PARTS = 1_000
DIGITS = 4  # of the rate that would be reached at the end
HEADER = Parameter("rounds", Kind(), required=True, positional=True)


@dataclass(frozen=True)
class _Line:
    """The rate `first + k` of `parts` from 0 to `top`, for the k-th call."""

    first: int
    parts: int
    top: float

    def rate(self, number: int) -> float:
        """As the language computes it, from the left."""
        risen = arithmetic("*", self.top, self.first + number)
        return float(arithmetic("/", risen, self.parts) if self.parts > 1 else risen)  # type: ignore[arg-type]


def with_rates(flows: Sequence[Flow], is_free: Callable[[Flow], bool]) -> list[Flow]:
    """The lines of a body, with one `for` in the place of calls that differ in such a rate alone."""
    found: list[Flow] = []
    for _, run in groupby(flows, lambda flow: _key(flow) if is_free(flow) else id(flow)):
        calls = [*run]
        line = _line([_rates(call)[0] for call in calls]) if len(calls) >= FEWEST else None
        found += [_counted(calls, line)] if line is not None else calls
    return found


def _key(flow: Flow) -> object:
    """What calls must agree in; what has no rate or several agrees with itself alone."""
    return content(Body((_with(flow, Expression("rate")),))) if len(_rates(flow)) == 1 else id(flow)


def _rates(flow: Flow) -> list[float]:
    given = [argument.value for command in flow.commands for argument in command.arguments]
    return [value for value in given if isinstance(value, float)]


def _line(rates: Sequence[float]) -> _Line | None:
    """The line on which all rates lie, to the last bit."""
    step = (rates[-1] - rates[0]) / (len(rates) - 1)
    if step <= 0 or rates[0] < 0:
        return None
    first = round(rates[0] / step)
    for parts in range(max(1, first + len(rates) - 1), MOST_PARTS):
        line = _Line(first, parts, float(f"{step * parts:.{DIGITS}g}"))
        if all(line.rate(number) == rate for number, rate in enumerate(rates)):
            return line
    return None


def _counted(calls: Sequence[Flow], line: _Line) -> Flow:
    start = f"{line.first}, " if line.first else ""
    header = Expression(f"i in range({start}{line.first + len(calls)})")
    rate = Expression(f"{line.top} * i / {line.parts}" if line.parts > 1 else f"{line.top} * i", 1)
    body = Body((replace(_with(calls[0], rate), shown=False),))
    last = calls[-1]
    command = Command(FOR, (Argument(HEADER, header),), body=body, result=last.result)
    return Flow((command,), "", last.result, calls[0].entering, last.leaving)


def _with(flow: Flow, rate: Expression) -> Flow:
    """The same call with another rate."""
    commands = tuple(
        replace(
            command,
            arguments=tuple(
                replace(each, value=rate) if isinstance(each.value, float) else each for each in command.arguments
            ),
        )
        for command in flow.commands
    )
    return replace(flow, commands=commands)
