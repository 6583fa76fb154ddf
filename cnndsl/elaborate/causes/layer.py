"""A layer that does not take its input: what else it could be, or what could come before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import gcd
from typing import Any

from cnndsl.diagnostics import Edit, Fix
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.causes.conflict import Conflict
from cnndsl.elaborate.causes.edits import edits_of, value_text, written
from cnndsl.elaborate.causes.history import CHANNELS, deciding, step
from cnndsl.elaborate.causes.inputs import window_fits
from cnndsl.elaborate.causes.windows import Change, changed, spatial_changes
from cnndsl.elaborate.causes.written import given, positional_names
from cnndsl.elaborate.drafts import ScopeDraft
from cnndsl.ops import show_shape
from cnndsl.ops.base import Op
from cnndsl.syntax import tree

_MOST_GROUPS = 4096
_MOST_FACTOR = 9
_MOST_PARTS = 16
_MOST_LISTED = 6  # sizes that a repair writes out


def larger_padding(conflict: Conflict, op: Op, command: tree.Command) -> Iterator[Candidate]:
    """Half padding for a convolution that said otherwise: here alone, or in all that are written alike."""
    if hasattr(op, "round") or not conflict.text.editable(command.span):
        return
    for change in spatial_changes(op, command):
        if change.cost == 10 and [*change.values] == ["pad"]:
            alike = conflict.text.like(command, ("pad",), type(op))
            if window_fits(change.op, [conflict.shape(0)]):
                cost = 10 if len(alike) == 1 and not conflict.instances([command.span]) else 31
                yield _padded(change, [command], cost, f"makes {show_shape(change.op.output(conflict.shape(0)))}")
            if len(alike) > 1:
                yield _padded(change, alike, 29, f"in all {len(alike)} layers like this")


def _padded(change: Change, commands: Sequence[tree.Command], cost: int, result: str) -> Candidate:
    op = type(change.op)
    edits = tuple(edit for each in commands for edit in edits_of(each, op, change.values))
    pad = given(commands[0], "pad", [])
    now = f"`{pad.span.text}`" if pad is not None else "this padding"
    title = f"half of the kernel as padding, not {now}, {result}"
    return Candidate(Fix(title, edits), cost, commands[-1].span, "")


def whole_map(conflict: Conflict, op: Any, command: tree.Command) -> Iterator[Candidate]:
    """A pool over the whole map for one that was made for a larger one."""
    if hasattr(op, "round") and conflict.text.editable(command.span):
        _, height, width = conflict.shape(0)
        if op.kernel[0] > max(3, height) and op.kernel[1] > max(3, width):
            word = f"global_{op.word}"
            fix = Fix(f"`{word}` takes a map of any size", (Edit(command.span, word),))
            yield Candidate(fix, 15, command.span, "")


def as_vector(conflict: Conflict, command: tree.Command) -> Iterator[Candidate]:
    """What makes a vector of an image for a `linear`."""
    if conflict.text.editable(command.span):
        shape = conflict.shape(0)
        at = command.span.source.span(command.span.start, command.span.start)
        for cost, word, size in ((20, "flatten", shape[0] * shape[1] * shape[2]), (24, "global_avgpool", shape[0])):
            fix = Fix(f"`{word}` before it makes {size} features", (Edit(at, f"{word} -> "),))
            yield Candidate(fix, cost, command.span, "")


def other_factors(conflict: Conflict, op: Any, command: tree.Command) -> Iterator[Candidate]:
    """Other factors of a `pixel_shuffle` for which there are channels enough, the nearest first."""
    for rank, factor in enumerate(sorted(range(2, _MOST_FACTOR), key=lambda n: _distance(n, op.factor))):
        change = changed(op, 20 + rank, factor=factor)
        if change is not None and window_fits(change.op, [conflict.shape(0)]) and conflict.text.editable(command.span):
            title = f"`{op.word} {factor}` makes {show_shape(change.op.output(conflict.shape(0)))}"
            yield Candidate(Fix(title, edits_of(command, type(op), change.values)), change.cost, command.span, "")


def other_parts(conflict: Conflict, parts: int, place: tree.Expression | tree.Body) -> Iterator[Candidate]:
    """Other numbers of equal parts that a `split` could make, the nearest first, and as many of nearly equal ones."""
    if not isinstance(place, tree.Literal) or not conflict.text.editable(place.span):
        return
    channels = conflict.shape(0)[CHANNELS]
    divisors = [count for count in range(2, min(channels, _MOST_PARTS) + 1) if channels % count == 0]
    for rank, count in enumerate(sorted(divisors, key=lambda each: _distance(each, parts))):
        fix = Fix(f"`split {count}` makes {count} parts of {channels // count}", (Edit(place.span, str(count)),))
        yield Candidate(fix, 20 + 2 * rank, place.span, "")
    if parts <= min(channels, _MOST_LISTED):
        each, more = divmod(channels, parts)
        sizes = str([each + 1] * more + [each] * (parts - more))
        yield Candidate(
            Fix(f"unequal parts stand in a list: `split {sizes}`", (Edit(place.span, sizes),)), 21, place.span, ""
        )


def other_widths(conflict: Conflict, op: Any) -> Iterator[Candidate]:
    """Other filters of the one layer that decides the channels before a `pixel_shuffle`: multiples that it can take."""
    block = op.factor**2
    found = deciding(conflict.drafts, conflict.ends[0], conflict.settled)
    if len(found) != 1:
        return
    decides = found[0]
    command, before = conflict.text.command_of(decides.draft), getattr(decides.draft.op, "filters", None)
    argument = given(command, "filters", positional_names(type(decides.draft.op)))
    if before is None or command is None or not isinstance(argument and argument.value, tree.Literal):
        return
    least = before // block * block
    for rank, filters in enumerate(sorted((least, least + block), key=lambda each: abs(each - before))):
        change = changed(decides.draft.op, 20 + rank, filters=filters) if filters else None
        if change is not None and conflict.mends({decides.node: change.op}) and conflict.text.editable(command.span):
            title = f"{filters} filters on the `{command.name.id}` of line {command.span.line} fit"
            edits = edits_of(command, type(change.op), change.values)
            yield Candidate(Fix(title, edits), change.cost, command.span, f"this makes {before} channels")


def other_groups(conflict: Conflict, op: Any, command: tree.Command, scope: ScopeDraft) -> Iterator[Candidate]:
    """Numbers of groups that divide what there is to divide, the nearest first; else filters that they divide."""
    channels, now = conflict.shape(0)[0], op.groups
    filters = getattr(op, "filters", channels)
    common = gcd(channels, filters)
    divisors = [d for d in range(1, min(common, _MOST_GROUPS) + 1) if common % d == 0]
    beside = _beside(conflict, op)
    for rank, count in enumerate(sorted(divisors, key=lambda d: (d not in beside, _distance(d, now)))[:3]):
        yield from _regrouped(conflict, changed(op, 20 + rank, groups=count), command, scope)
    if hasattr(op, "filters") and filters % now and (channels % now == 0 or channels == filters):
        for rank, count in enumerate(sorted((filters // now * now, -(-filters // now) * now), key=filters.__sub__)):
            if count:
                yield from _rewidened(conflict, changed(op, 18 + rank, filters=count), command, scope)


def _distance(divisor: int, wanted: int) -> float:
    return max(divisor, wanted) / min(divisor, wanted)


def _beside(conflict: Conflict, op: Any) -> set[int]:
    """How many groups layers of this kind have in the network so far; 1 says nothing."""
    steps = [
        step(conflict.drafts, number) for number, node in enumerate(conflict.drafts.nodes) if node.op.word == op.word
    ]
    found = {getattr(each.draft.op, "groups", 1) for each in steps}
    if any(getattr(each.draft.op, "groups", 1) == each.before[CHANNELS] > 1 for each in steps):  # one for each channel
        found.add(conflict.shape(0)[CHANNELS])
    return found - {1}


def _rewidened(
    conflict: Conflict, change: Change | None, command: tree.Command, scope: ScopeDraft
) -> Iterator[Candidate]:
    """Another number of filters; where a call gives it to the layer before too, in all calls that say the same."""
    if change is None or window_fits(change.op, [conflict.shape(0)]):
        yield from _regrouped(conflict, change, command, scope)
        return
    argument = given(command, "filters", positional_names(type(change.op)))
    if argument is None or isinstance(argument.value, tree.Body):
        return
    *names, place = conflict.text.origins(argument.value, conflict.text.scopes_around(scope))
    if names and isinstance(place, tree.Literal) and conflict.text.editable(place.span):
        width = str(change.values["filters"])
        edits = tuple(Edit(span, width) for span in conflict.text.said_alike(place.span))
        title = f"`{width}` for `{place.span.text}` in line {place.span.line} can be divided"
        yield Candidate(Fix(title, edits), change.cost, place.span, "the channels are given here")


def _regrouped(
    conflict: Conflict, change: Change | None, command: tree.Command, scope: ScopeDraft
) -> Iterator[Candidate]:
    if change is None or not window_fits(change.op, [conflict.shape(0)]):
        return
    ((name, value),) = change.values.items()
    op = type(change.op)
    argument = given(command, name, positional_names(op))
    if argument is None or isinstance(argument.value, tree.Body):
        return
    places = [*conflict.text.origins(argument.value, conflict.text.scopes_around(scope))]
    place = places[-1]
    if not isinstance(place, tree.Literal) and not (len(places) == 1 and "//" not in place.span.text):
        return
    if conflict.text.editable(place.span):
        said = f"`{written(op, name, value)}`" if len(places) == 1 else f"`{value}` for `{place.span.text}`"
        title = f"{said} fits in line {place.span.line}"
        fix = Fix(title, (Edit(place.span, value_text(op, name, value, place.span.text)),))
        yield Candidate(fix, change.cost, place.span, "" if len(places) == 1 else f"{name} is given here")
