"""Layers that stand nowhere: the width that a block was given, and that nothing reads, tells of one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from cnndsl.diagnostics import Edit, Fix
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.causes.conflict import Conflict, definitions_behind
from cnndsl.elaborate.causes.history import CHANNELS
from cnndsl.elaborate.causes.unread import Known, known_in, not_read
from cnndsl.elaborate.names import parts_of
from cnndsl.ops import find
from cnndsl.ops.activation import Pointwise
from cnndsl.ops.normalization import Normalization
from cnndsl.syntax import tree

COST = 12
LESS_USUAL = 2  # what it costs more at the head of a chain, or behind an activation
ELSEWHERE = 4


def lost_layers(conflict: Conflict) -> Iterator[Candidate]:
    """A convolution or linear layer of an unread width, in each gap of its definition's chains, the last chain first.

    Whether the channels come out, and the counts that are claimed, a trial tells.
    """
    if not conflict.differs(0, CHANNELS):
        return
    word = "conv 1x1," if len(conflict.shape(0)) == 3 else "linear"
    for definition in definitions_behind(conflict):
        flows = [part for part in parts_of(definition.body) if isinstance(part, tree.Flow)]
        for known in known_in(definition):
            for flow in reversed(flows) if not known.read else ():
                yield from _in_gaps(known, f"{word} {known.name}", flow)


def _in_gaps(known: Known, layer: str, flow: tree.Flow) -> Iterator[Candidate]:
    for before, after in pairwise((None, *flow.elements, None)):
        if after is not None:
            place, text = after.span.source.span(after.span.start, after.span.start), f"{layer} -> "
        elif before is not None:
            place, text = before.span.source.span(before.span.end, before.span.end), f" -> {layer}"
        fix = Fix(f"`{layer}` in line {place.line}", (Edit(place, text),))
        at = flow.elements[0].span if before is None else before.span
        yield Candidate(fix, COST + _oddity(before, after), at, not_read(known), family=known.name)


def _oddity(before: tree.Element | None, after: tree.Element | None) -> int:
    """What it costs more to put a layer between two: norms and activations follow one, pools do not."""
    follows = before is not None and not _is(before, Pointwise, Normalization)
    if follows and _is(after, Pointwise, Normalization):
        return 0
    return LESS_USUAL if after is not None and (before is None or _is(before, Pointwise)) else ELSEWHERE


def _is(element: tree.Element | None, *kinds: type[Pointwise] | type[Normalization]) -> bool:
    op = find(element.name.id) if isinstance(element, tree.Command) else None
    return op is not None and issubclass(op, kinds)
