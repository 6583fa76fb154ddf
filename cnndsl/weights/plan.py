"""In which orders could someone else have defined our layers? Branches of a merge in any order, heads anywhere.

Everything else is taken to be defined in the order in which it runs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from cnndsl.alignment.skeleton import Skeleton, Unit, first_uses


@dataclass(frozen=True, eq=False)
class Parallel:
    """Branches that may be defined in any order, each without interruption."""

    branches: tuple[Steps, ...]


Step: TypeAlias = Unit | Parallel
Steps: TypeAlias = tuple[Step, ...]


@dataclass(frozen=True)
class Plan:
    """The layers with tensors, as our network defines them; `heads` exist in training alone and may be missing."""

    main: Steps
    heads: tuple[Steps, ...] = ()

    def __iter__(self) -> Iterator[Steps]:
        return iter((self.main, *self.heads))


def units_of(steps: Steps) -> Iterator[Unit]:
    """All units of a plan, in our order."""
    for step in steps:
        if isinstance(step, Unit):
            yield step
        else:
            for branch in step.branches:
                yield from units_of(branch)


def parallels_of(steps: Steps) -> Iterator[Parallel]:
    for step in steps:
        if isinstance(step, Parallel):
            yield step
            for branch in step.branches:
                yield from parallels_of(branch)


def plan(skeleton: Skeleton, train_only: Sequence[str] = (), absent: Collection[str] = ()) -> Plan:
    """The plan of a network without `absent` layers; `train_only` names the outputs that exist in training alone."""
    units = [unit for unit in first_uses(skeleton.units) if unit.slots and unit.name not in absent]
    above = _above(skeleton, {unit.name: number for number, unit in enumerate(units)})
    kept = 0
    for output in skeleton.outputs:
        kept |= 0 if output in train_only else above[output]
    heads, taken = [], kept
    for output in train_only:
        heads.append(_numbers(above[output] & ~taken))
        taken |= above[output]
    groups = [group for unit in skeleton.units if (group := _branches(unit, above))]
    nest = _Nest(units, groups)
    return Plan(nest.steps(_numbers(kept)), tuple(nest.steps(head) for head in heads))


def _above(skeleton: Skeleton, numbers: dict[str, int]) -> dict[str, int]:
    """The layers with tensors at and above each unit, as the bits of a number."""
    above: dict[str, int] = {}
    for unit in skeleton.units:
        above[unit.name] = 1 << numbers[unit.name] if unit.name in numbers else 0
        for source in unit.inputs:
            above[unit.name] |= above[source]
    return above


def _numbers(bits: int) -> list[int]:
    return [number for number in range(bits.bit_length()) if bits >> number & 1]


def _branches(merge: Unit, above: dict[str, int]) -> list[list[int]]:
    """The layers that belong to one input of a merge alone, for each such input, if there are several."""
    sources = dict.fromkeys(merge.inputs)
    alone = []
    for source in sources:
        others = 0
        for other in sources:
            others |= above[other] if other != source else 0
        if own := above[source] & ~others:
            alone.append(_numbers(own))
    return sorted(alone) if len(alone) > 1 else []


class _Nest:
    """Groups of branches as a tree. A group whose branches do not stand one after the other in our order is none."""

    def __init__(self, units: list[Unit], groups: list[list[list[int]]]) -> None:
        self.units = units
        self.groups = sorted((g for g in groups if _contiguous(g)), key=lambda group: group[-1][-1] - group[0][0])

    def steps(self, numbers: list[int]) -> Steps:
        """Layers by number, with the largest groups among them as parallels."""
        if not numbers:
            return ()
        group = self._largest(numbers)
        if group is None:
            return tuple(self.units[number] for number in numbers)
        first, last = group[0][0], group[-1][-1]
        before = [number for number in numbers if number < first]
        after = [number for number in numbers if number > last]
        return (*self.steps(before), Parallel(tuple(map(self.steps, group))), *self.steps(after))

    def _largest(self, numbers: list[int]) -> list[list[int]] | None:
        inside = set(numbers)
        for group in reversed(self.groups):
            if all(number in inside for branch in group for number in branch):
                return group
        return None


def _contiguous(group: list[list[int]]) -> bool:
    numbers = [number for branch in group for number in branch]
    return numbers == list(range(numbers[0], numbers[-1] + 1))
