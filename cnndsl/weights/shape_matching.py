"""Weights from a bare file, which says nothing of wiring: their shapes in order must fit our layers in some order.

A shape that only one layer and one place of the file have belongs together wherever it stands. The other layers follow
the file's order, up to the order of branches. Where two fits differ in what the network computes, neither is taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

from cnndsl.alignment.align import network
from cnndsl.alignment.skeleton import Skeleton, Slot, Unit
from cnndsl.errors import Unmatched, WeightsError
from cnndsl.ir.isomorphism import refine
from cnndsl.ops.base import Shape, show_shape
from cnndsl.weights.adapt import Layout, Move, stem_steps, steps_between
from cnndsl.weights.files.names import in_order_of_roles, numbered, role_of
from cnndsl.weights.plan import Parallel, Plan, Steps, parallels_of, plan, units_of
from cnndsl.weights.transfer import Transfer, check_heads

LAYOUTS: tuple[Layout, ...] = ("OIHW", "HWIO")
LIMIT = 200_000  # steps of the search; a file in any order that makes sense needs about as many as it has layers

Fit: TypeAlias = Mapping[str, int]  # by unit, the place of its first tensor in the file


def by_order(
    ours: Skeleton, train_only: Sequence[str], file: Sequence[Slot], *, ordered: bool = True, new_head: bool = False
) -> Transfer:
    """Find what each of our tensors is in a file. Raises `Unmatched` if nothing fits, or several things do.

    `train_only` names the outputs that exist in training alone; `ordered` says whether the file has an order at all.
    """
    file = list(in_order_of_roles(slot for slot in file if slot.shape))  # counts of batches are no weights
    for freedom in _freedoms(ours):
        known = plan(ours, train_only, freedom.absent)
        readings = [Reading(known, file, layout, freedom) for layout in LAYOUTS]
        fits = [(reading, fit) for reading in readings for fit in Search(reading).run(2) if fit]
        if fits:
            return _decided(ours, fits, ordered, new_head)
    raise _nothing_fits(Reading(plan(ours, train_only), file, "OIHW", Freedom()), ordered)


@dataclass(frozen=True)
class Freedom:
    """Where a file may be another network's: the size of `heads`, layers that are `absent`, the colours of `stems`."""

    heads: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    stems: frozenset[str] = frozenset()


def _freedoms(ours: Skeleton) -> Iterator[Freedom]:
    """From none to most; what is tried first is taken if it fits."""
    heads, classifiers = frozenset(ours.heads()), frozenset(ours.classifiers())
    ends = [Freedom(), Freedom(heads), Freedom(absent=heads), Freedom(absent=classifiers)]
    for stems in dict.fromkeys([frozenset[str](), frozenset(ours.stems())]):
        yield from (replace(end, stems=stems) for end in dict.fromkeys(ends))


@dataclass(frozen=True)
class Reading:
    """A file read in one layout against a plan, with some freedom."""

    plan: Plan
    file: Sequence[Slot]
    layout: Layout
    freedom: Freedom

    def steps(self, unit: Unit, place: int) -> list[tuple[str, ...]] | None:
        """What each tensor of a unit needs if its first is at `place`; None if one does not fit."""
        found = [self.steps_of(unit, number, place + number) for number in range(len(unit.slots))]
        needed = [each for each in found if each is not None]
        return needed if len(needed) == len(found) else None

    def steps_of(self, unit: Unit, number: int, at: int) -> tuple[str, ...] | None:
        """What one tensor of a unit, by its number, needs if it is at a place."""
        role, slot = list(unit.slots.items())[number]
        if at >= len(self.file) or role_of(self.file[at].name) not in (None, role):
            return None
        ours, theirs = slot.shape, self.file[at].shape
        if unit.name in self.freedom.heads:
            ours = (theirs[-1] if self.layout == "HWIO" else theirs[0], *ours[1:])
        between = stem_steps if role == "weight" and unit.name in self.freedom.stems else steps_between
        return between(theirs, ours, self.layout)

    def anchors(self) -> dict[str, int]:
        """Units whose weight fits one place of the file, which fits no other unit."""
        units = [unit for steps in self.plan for unit in units_of(steps) if len(unit.slots["weight"].shape) > 1]
        alike = Counter(shapes_of((unit,)) for unit in units)
        places = {unit.name: self._places(unit) for unit in units if alike[shapes_of((unit,))] == 1}
        taken = Counter(place for found in places.values() for place in found)
        return {name: found[0] for name, found in places.items() if len(found) == 1 and taken[found[0]] == 1}

    def _places(self, unit: Unit) -> list[int]:
        return [place for place in range(len(self.file)) if self.steps(unit, place) is not None]


@dataclass(frozen=True)
class Attempt:
    """A fit half made: what is still to be placed, train-only heads that have not begun, places of the file used up."""

    steps: Steps
    heads: tuple[Steps, ...]
    used: int = 0
    chosen: tuple[tuple[str, int], ...] = ()

    def branches(self, parallel: Parallel) -> Iterator[Attempt]:
        """With each branch that may come first; of branches with equal shapes only the first of ours."""
        seen = set()
        for number, branch in enumerate(parallel.branches):
            if shapes_of(branch) not in seen:
                seen.add(shapes_of(branch))
                others = (*parallel.branches[:number], *parallel.branches[number + 1 :])
                left = others[0] if len(others) == 1 else (Parallel(others),)
                yield replace(self, steps=(*branch, *left, *self.steps[1:]))

    def begun(self) -> Iterator[Attempt]:
        """With each head that may begin here."""
        for number, head in enumerate(self.heads):
            left = (*self.heads[:number], *self.heads[number + 1 :])
            yield replace(self, steps=(*head, *self.steps), heads=left)


class Search:
    """Depth first over the orders of a plan; `reached` is the furthest unit that did not fit, and its place."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.anchors = reading.anchors()
        anchored = (unit for steps in reading.plan for unit in units_of(steps) if unit.name in self.anchors)
        taken = {self.anchors[unit.name] + number for unit in anchored for number in range(len(unit.slots))}
        self.free = [place for place in range(len(reading.file)) if place not in taken]
        self.reached: tuple[int, Unit | None] = (0, None)

    def run(self, wanted: int) -> list[Fit]:
        """As many fits, or all there are."""
        found: list[Fit] = []
        pending = [Attempt(self.reading.plan.main, self.reading.plan.heads)]
        for _ in range(LIMIT):
            if not pending or len(found) == wanted:
                return found
            attempt = pending.pop()
            if self._complete(attempt):
                found.append({**self.anchors, **dict(attempt.chosen)})
            else:
                pending += reversed(list(self._next(attempt)))
        raise WeightsError("there are too many orders in which these weights could stand")

    def _complete(self, attempt: Attempt) -> bool:
        """Is all of the file used, and are all train-only heads in it or none?"""
        absent = {unit.name for head in attempt.heads for unit in units_of(head)}
        heads_agree = not attempt.heads or attempt.heads == self.reading.plan.heads
        return not attempt.steps and attempt.used == len(self.free) and heads_agree and not absent & self.anchors.keys()

    def _next(self, attempt: Attempt) -> Iterator[Attempt]:
        if attempt.steps:
            step = attempt.steps[0]
            yield from attempt.branches(step) if isinstance(step, Parallel) else self._placed(attempt, step)
        yield from attempt.begun()

    def _placed(self, attempt: Attempt, unit: Unit) -> Iterator[Attempt]:
        count, used = len(unit.slots), attempt.used
        if unit.name in self.anchors:
            yield replace(attempt, steps=attempt.steps[1:])
            return
        places = self.free[used : used + count]
        together = len(places) == count and places[-1] - places[0] == count - 1
        if together and self.reading.steps(unit, places[0]) is not None:
            chosen = (*attempt.chosen, (unit.name, places[0]))
            yield replace(attempt, steps=attempt.steps[1:], used=used + count, chosen=chosen)
        elif used >= self.reached[0]:
            self.reached = (used, unit)


def shapes_of(steps: Steps) -> tuple[tuple[Shape, ...], ...]:
    return tuple(tuple(slot.shape for slot in unit.slots.values()) for unit in units_of(steps))


def _decided(ours: Skeleton, fits: Sequence[tuple[Reading, Fit]], ordered: bool, new_head: bool) -> Transfer:
    """The one fit as a transfer; of several, what they disagree about."""
    reading, fit = fits[0]
    lines = [
        *_alike(ours, reading.plan, fit),
        *_disagreement(ours, fits),
        *(() if ordered else _unordered(ours, reading, fit)),
    ]
    if lines:
        raise Unmatched("order and shapes leave open which is which; --from tells how the layers are wired", lines)
    units = [unit for unit in ours.units if unit.name in fit]
    resized = {unit.name: theirs for unit in units if (theirs := _resized(reading, unit, fit[unit.name]))}
    without = [name for name in ours.classifiers() if name in reading.freedom.absent]
    check_heads(ours, [*resized.items(), *((name, "none") for name in without)], new_head)
    moves: list[Move] = []
    for unit in units:
        if unit.name not in resized:
            moves += _moves(ours, reading, unit, fit[unit.name])
    absent = [unit.name for unit in ours.units if unit.slots and unit.name not in fit]
    return Transfer(tuple(moves), (*resized, *absent))


def _resized(reading: Reading, unit: Unit, place: int) -> str | None:
    """The filters of theirs, if ours has another number of them."""
    shape = reading.file[place].shape
    filters = shape[-1] if reading.layout == "HWIO" else shape[0]
    return str(filters) if unit.name in reading.freedom.heads and str(filters) != unit.facts["filters"] else None


def _moves(ours: Skeleton, reading: Reading, unit: Unit, place: int) -> Iterator[Move]:
    steps = reading.steps(unit, place) or []
    for number, ((role, slot), needed) in enumerate(zip(unit.slots.items(), steps, strict=True)):
        theirs = reading.file[place + number]
        turned = role == "weight" and reading.layout == "HWIO" and len(theirs.shape) == 2
        image = ours.flattened(unit) if turned else ()
        yield Move(slot, theirs, (*needed, "inputs from HWC to CHW") if image else needed, image)


def _alike(ours: Skeleton, known: Plan, fit: Fit) -> Iterator[str]:
    """Branches of equal shapes that may not change places: which of the file's is which cannot be told."""
    (colours,) = refine(network(ours, strict=True))
    for steps in known:
        for parallel in parallels_of(steps):
            groups: dict[object, list[Steps]] = {}
            for branch in parallel.branches:
                groups.setdefault(shapes_of(branch), []).append(branch)
            for branches in groups.values():
                looks = {tuple(colours[unit.name] for unit in units_of(branch)) for branch in branches}
                if len(looks) > 1 and next(units_of(branches[0])).name in fit:
                    names = " and ".join(next(units_of(branch)).name for branch in branches)
                    yield f"{names} begin branches of equal shapes"


def _disagreement(ours: Skeleton, fits: Sequence[tuple[Reading, Fit]]) -> Iterator[str]:
    if len(fits) < 2:
        return
    (one, first), (other, second) = fits[:2]
    if one.layout != other.layout:
        yield "the shapes fit as (out, in, height, width) and as (height, width, in, out)"
    for unit in ours.units:
        if unit.name in first and unit.name in second and first[unit.name] != second[unit.name]:
            names = (one.file[first[unit.name]].name, other.file[second[unit.name]].name)
            yield f"{unit.name} could be {' or '.join(names)}"


def _unordered(ours: Skeleton, reading: Reading, fit: Fit) -> Iterator[str]:
    """Layers of equal shapes in a file sorted by name, which no number in their names puts in an order."""
    groups: dict[object, list[str]] = {}
    for unit in ours.units:
        if unit.name in fit:
            groups.setdefault(shapes_of((unit,)), []).append(reading.file[fit[unit.name]].name)
    for one, other in (pair for names in groups.values() for pair in pairwise(names)):
        if not numbered(one, other):
            yield f"{one} and {other} are sorted by name and have equal shapes"


def _nothing_fits(reading: Reading, ordered: bool) -> Unmatched:
    search = Search(reading)
    search.run(1)
    position, unit = search.reached
    lines = []
    if unit is not None:
        place = search.free[position] if position < len(search.free) else len(reading.file)
        fits = [reading.steps_of(unit, number, place + number) is not None for number in range(len(unit.slots))]
        number = 0 if all(fits) else fits.index(False)
        slot, rest = list(unit.slots.values())[number], reading.file[place + number :]
        found = f"{rest[0].name} is {show_shape(rest[0].shape)}" if rest else "the file is at its end"
        lines.append(f"{slot.name} is {show_shape(slot.shape)} where {found}")
    elif search.free:
        left = [reading.file[place].name for place in search.free]
        lines.append(f"nothing of ours is left for {', '.join(left[:3])}{' ...' if len(left) > 3 else ''}")
    if not ordered:
        lines.append("the file is sorted by name, so that its order says little; --from tells how the layers are wired")
    return Unmatched("the shapes in the file do not fit, in whatever order branches are defined", lines)
