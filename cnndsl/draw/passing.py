"""How wires find their way: each bends only in the gaps between the children of stacks, and passes beside the others.

So no wire can cross a box: gaps are free over the whole width of their stack, and a passing wire has a lane of its own
to the right of what it passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple, TypeAlias

from cnndsl.draw.arrange import Arrangement, Plan, Row, Stack

LANE = 14  # pixels between lanes


class Segment(NamedTuple):
    """A wire's way through one frame, from one of its items to another; None is the frame's border.

    `tensor` is the box whose output it carries.
    """

    tensor: str
    start: str | None
    end: str | None


class Step(NamedTuple):
    """A way through a stack: from child `above` (-1: from its top) to child `below` (their number: to its bottom)."""

    stack: Stack
    above: int
    below: int

    @property
    def passes(self) -> range:
        """The children that it passes by."""
        return range(self.above + 1, self.below)


Address: TypeAlias = tuple[tuple[Stack | Row, int], ...]  # from the main stack inwards, with indices of children


@dataclass(frozen=True, slots=True)
class Way:
    """A segment's way: out of what its start stands in, along the innermost stack around both, in to its end.

    The steps outwards and inwards all pass something; `across` may not.
    """

    segment: Segment
    outwards: tuple[Step, ...]
    across: Step
    inwards: tuple[Step, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        return (*self.outwards, self.across, *self.inwards)


def addresses(plan: Plan, attached: Mapping[Arrangement, int]) -> dict[str, Address]:
    """Where each item stands. A side stands like a child of the main stack after the one it is attached to."""
    found: dict[str, Address] = {}
    pending: list[tuple[Arrangement, Address]] = [(plan.main, ())]
    pending.extend((side, ((plan.main, attached[side] + 1),)) for side in plan.sides)
    while pending:
        arranged, address = pending.pop()
        if isinstance(arranged, str):
            found[arranged] = address
        else:
            pending.extend((child, (*address, (arranged, at))) for at, child in enumerate(arranged.children))
    return found


def attachments(plan: Plan, segments: Iterable[Segment]) -> dict[Arrangement, int]:
    """The child of the main stack below which each side begins: the last of those that it reads; -1 is its top."""
    inside = addresses(Plan(plan.main), {})
    found = {}
    for side in plan.sides:
        items = addresses(Plan(Stack((side,))), {})
        starts = [s.start for s in segments if s.end in items and s.start not in items]
        found[side] = max((inside[start][0][1] for start in starts if start in inside), default=-1)
    return found


def way(segment: Segment, plan: Plan, address: Mapping[str, Address]) -> Way:
    """The steps from where a segment starts to where it ends."""
    top: Address = ((plan.main, -1),)
    bottom: Address = ((plan.main, len(plan.main.children)),)
    up = address[segment.start] if segment.start is not None else top
    down = address[segment.end] if segment.end is not None else bottom
    shared = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(up, down, strict=False))))
    stack = up[shared][0]
    assert isinstance(stack, Stack)  # no wire leads from one child of a row to another
    outwards = [Step(c, at, len(c.children)) for c, at in reversed(up[shared + 1 :]) if isinstance(c, Stack)]
    inwards = [Step(c, -1, at) for c, at in down[shared + 1 :] if isinstance(c, Stack)]
    across = Step(stack, up[shared][1], down[shared][1])
    return Way(segment, tuple(s for s in outwards if s.passes), across, tuple(s for s in inwards if s.passes))


def lanes(steps: Iterable[tuple[str, Step, bool]], rights: list[float]) -> dict[str, float]:
    """How far to the right of a stack's axis each tensor passes; `rights` is how far its children reach.

    `steps` are those that pass something, each with its tensor and whether it ends at the side of child `below`.
    A tensor has one lane, however many read it. Short lanes are further in.
    """
    spans: dict[str, tuple[int, int]] = {}
    reach: dict[str, float] = {}
    for tensor, step, sideways in steps:
        above, below = spans.get(tensor, (step.above, step.below))
        spans[tensor] = (min(above, step.above), max(below, step.below))
        beside = rights[step.above + 1 : step.below + (1 if sideways else 0)]
        reach[tensor] = max(reach.get(tensor, 0), *beside)
    found: dict[str, float] = {}
    for tensor in sorted(spans, key=lambda t: (spans[t][1] - spans[t][0], spans[t])):
        above, below = spans[tensor]
        others = [x for other, x in found.items() if spans[other][0] < below and above < spans[other][1]]
        found[tensor] = max([reach[tensor], *others]) + LANE
    return found
