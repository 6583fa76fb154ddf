"""Lines that come again: `repeat` where they are the same, `for` where they differ in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from cnndsl.elaborate.structures.bundling import Group
from cnndsl.elaborate.structures.nesting import Repeat
from cnndsl.lifting.writing.expressions import fitted, listed
from cnndsl.lifting.writing.heights import height
from cnndsl.lifting.writing.rates import HEADER, with_rates
from cnndsl.lifting.writing.rounds import over_items
from cnndsl.lifting.writing.terms import FOR, Argument, Body, Command, Expression, Flow, commands_in, flows_in
from cnndsl.lifting.writing.unification import content, skeleton, unified
from cnndsl.records import replace

LONGEST = 8  # lines of a round
MOST = 1_000  # lines among which rounds of a `for` are sought
FEWEST_BRANCHES = 3  # that are folded
COUNT = next(iter(Repeat.signature()))


def shortened(body: Body, *, loops: bool = True) -> Body:
    """The body with its repetitions folded, the innermost first."""
    flows = [replace(flow, commands=tuple(_inside(each) for each in flow.commands)) for flow in body.flows]
    flows = _repeats(with_rates(flows, _is_free) if loops else flows)
    return Body(tuple(_loops(flows) if loops and len(flows) <= MOST else flows))


def _inside(command: Command) -> Command:
    if command.body is None and not command.branches:
        return command
    body = None if command.body is None else shortened(command.body, loops=False)
    branches = _alike([folded(flow) for flow in command.branches])
    branches = over_items(branches) if command.word == Group.word else branches
    return replace(command, body=body, branches=branches)


def _alike(branches: Sequence[Flow]) -> tuple[Flow, ...]:
    """The branches of a merge, with `repeat` around one in the place of several that are the same."""
    found: list[Flow] = []
    for _, run in groupby(branches, lambda flow: content(Body((flow,))) if _is_free(flow) else id(flow)):
        same = [*run]
        if len(same) < FEWEST_BRANCHES:
            found += same
        else:
            command = Command(Repeat.word, (Argument(COUNT, len(same)),), branches=(same[0],), result=same[-1].result)
            found.append(replace(same[-1], commands=(command,)))
    return tuple(found)


def folded(flow: Flow) -> Flow:
    """A chain with runs of equal commands folded."""
    single = [Flow((_inside(each),), result=each.result) for each in flow.commands]
    commands: list[Command] = []
    for _, run in groupby(single, lambda each: content(Body((each,))) if _is_free(each) else id(each)):
        same = list(run)
        commands += [_repeat(same[:1], len(same), same[-1]).commands[0]] if len(same) > 1 else same[0].commands
    return replace(flow, commands=tuple(commands))


def _repeats(flows: list[Flow]) -> list[Flow]:
    keys = [content(Body((bare,))) if _is_free(bare) else object() for bare in map(_bare, flows)]
    found: list[Flow] = []
    at = 0
    while at < len(flows):
        period, count = _best_period(flows, keys, at)
        if count > 1:
            found.append(_repeat(flows[at : at + period], count, flows[at + period * count - 1]))
            at += period * count
        else:
            found.append(flows[at])
            at += 1
    return found


def _best_period(flows: Sequence[Flow], keys: Sequence[object], at: int) -> tuple[int, int]:
    """The round that begins there and saves most lines, and how often it comes."""
    best, saved = (1, 1), 0
    for period in range(1, LONGEST + 1):
        count = 1
        while keys[at + period * count : at + period * (count + 1)] == keys[at : at + period]:
            if at + period * (count + 1) > len(keys) or _is_labelled(flows[at : at + period * (count + 1) - 1]):
                break
            count += 1
        lines = height(Body(tuple(flows[at : at + period])))
        here = (count - 1) * lines - (2 if lines > 1 else 0)
        if count > 1 and here > saved:
            best, saved = (period, count), here
    return best


def _repeat(flows: Sequence[Flow], count: int, last: Flow) -> Flow:
    rounds = Body(tuple(replace(flow, shown=False, labelled=False) for flow in flows))
    command = Command(Repeat.word, (Argument(COUNT, count),), body=rounds, result=last.result)
    return Flow((command,), "", last.result, flows[0].entering, last.leaving, last.labelled)


def _bare(flow: Flow) -> Flow:
    """A flow without its own label, which it may have if it ends the last round."""
    return replace(flow, labelled=False) if flow.labelled else flow


def _is_labelled(flows: Sequence[Flow]) -> bool:
    return any(flow.labelled for flow in flows)


def _is_free(flow: Flow) -> bool:
    """Whether it names no tensor and is named nowhere, so that it may stand in a loop."""
    free = all(not each.source and not each.labelled for each in flows_in(flow))
    return free and bool(flow.commands) and not any(each.word in ("head", "again") for each in commands_in(flow))


# --- rounds that differ


def _loops(flows: list[Flow]) -> list[Flow]:
    while (found := _best_loop(flows)) is not None:
        start, stop, loop = found
        flows = [*flows[:start], loop, *flows[stop:]]
    return flows


def _best_loop(flows: list[Flow]) -> tuple[int, int, Flow] | None:
    """The rounds that a `for` makes shorter by most."""
    keys = [skeleton(Body((flow,))) if _is_free(flow) else object() for flow in flows]
    best: tuple[int, int, Flow] | None = None
    most = 1
    for period in range(1, LONGEST + 1):
        for start, count in _rounds(keys, period):
            stop = start + period * count
            loop = _loop(flows[start:stop], period)
            if loop is None:
                continue
            saved = height(Body(tuple(flows[start:stop]))) - height(Body((loop,)))
            if saved > most and (period > 1 or height(Body((flows[start],))) > 1 or saved > 3):
                best, most = (start, stop, loop), saved
    return best


def _rounds(keys: Sequence[object], period: int) -> Iterator[tuple[int, int]]:
    """Where rounds of this length begin, and how many follow each other."""
    same = [keys[at] == keys[at + period] for at in range(len(keys) - period)]
    run = 0
    for at in range(len(same) - 1, -1, -1):
        run = run + 1 if same[at] else 0
        begins = at == 0 or not same[at - 1] or run % period == 0
        if run >= period and begins:
            yield at, run // period + 1


def _loop(flows: Sequence[Flow], period: int) -> Flow | None:
    flows = [replace(flow, shown=False) for flow in flows]
    rounds = [Body(tuple(flows[at : at + period])) for at in range(0, len(flows), period)]
    together = unified(rounds)
    if together is None:
        return None
    body, variables = fitted(together, len(rounds), open=False)
    if not variables or any(value is None for variable in variables for value in variable.values):
        return (
            None  # of what only some rounds have, such as a way around a residual, no number can be said for the others
        )
    names = ", ".join(variable.name for variable in variables)
    header = Expression(f"{names} in {listed(variables, len(rounds))}")
    command = Command(FOR, (Argument(HEADER, header),), body=body, result=flows[-1].result)
    return Flow((command,), "", flows[-1].result, flows[0].entering, flows[-1].leaving)
