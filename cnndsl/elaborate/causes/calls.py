"""Arguments that a call of a block leaves to their defaults, where others give them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnndsl.diagnostics import Fix
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.causes.conflict import Conflict
from cnndsl.elaborate.causes.edits import addition, value_text
from cnndsl.elaborate.causes.history import CHANNELS, Step
from cnndsl.elaborate.causes.written import given
from cnndsl.syntax import tree

COST = 18
FARTHER = 3  # what it costs more for each call between it and the place where the ends meet
UNHEARD = 12  # and where no other call gives the argument


def left_out(conflict: Conflict) -> Iterator[Candidate]:
    """The stride or the width with which a layer behind an end makes what is wanted, in a call that does not give it.

    What else depends on the argument, a trial tells.
    """
    seen: dict[tuple[int, int, str], None] = {}
    for end, steps in enumerate(conflict.histories):
        for step in steps:
            for name, value in _wanted(conflict, end, step):
                found = conflict.text.left_out(step.draft, name)
                if found is None or not conflict.text.editable(found[0].span):
                    continue
                command, at, parameters = found
                text = value_text(type(step.draft.op), name, value, "1")
                key = (command.span.start, at, text)
                if key not in seen:
                    seen[key] = None
                    yield _candidate(conflict, command, at, parameters, text, len(seen) - 1)


def _wanted(conflict: Conflict, end: int, step: Step) -> Iterator[tuple[str, object]]:
    """The arguments of a layer that would make what is wanted, if it alone makes the end differ."""
    wanted, have, op = conflict.wanted[end], conflict.shape(end), step.draft.op
    if wanted is None or not len(wanted) == len(have) == 3:
        return
    stride, filters = getattr(op, "stride", None), getattr(op, "filters", None)
    down, across = have[1] / wanted[1], have[2] / wanted[2]
    if isinstance(stride, tuple) and conflict.spatial(end):
        yield "stride", (max(1, round(stride[0] * down)), max(1, round(stride[1] * across)))
    if isinstance(filters, int) and conflict.differs(end, CHANNELS) and filters * wanted[0] % have[0] == 0:
        yield "filters", filters * wanted[0] // have[0]


def _candidate(
    conflict: Conflict,
    command: tree.Command,
    at: int,
    parameters: Sequence[tree.ParameterDefinition],
    value: str,
    calls: int,
) -> Candidate:
    """The call with one argument more, by its order if other calls give it so, else by its name."""
    name, names = parameters[at].name.id, [each.name.id for each in parameters]
    alike = [each for each in conflict.text.commands.values() if each.name.id == command.name.id]
    others = [argument for each in alike if (argument := given(each, name, names)) is not None]
    next_in_order = len(command.arguments) == at and all(each.name is None for each in command.arguments)
    by_order = next_in_order and any(each.name is None for each in others)
    edit = addition(command, value if by_order else f"{name}={value}")
    default = parameters[at].default
    words = f"`{name}` is {default.span.text} here by default" if default is not None else ""
    fix = Fix(f"`{name}={value}` for the `{command.name.id}` of line {command.span.line}", (edit,))
    return Candidate(fix, COST + FARTHER * calls + UNHEARD * (not others), command.span, words)
