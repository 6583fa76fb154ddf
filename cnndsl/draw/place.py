"""Where everything in one frame stands, and how its wires run, from the top of the frame and its axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cnndsl.draw.arrange import Arrangement, Plan, Row, Stack
from cnndsl.draw.geometry import Route, Run
from cnndsl.draw.measure import LEVEL, Room
from cnndsl.draw.passing import Segment, Step, Way
from cnndsl.draw.sizes import STRIP, Extent

SIDE = 30  # pixels between the main part and what stands on its side
LANDING = 9  # straight part after a bend, which holds an arrow's head

Turn: TypeAlias = tuple[float, tuple[float, float]]  # to a place from the axis, in a gap from its top to its bottom
Ports = Mapping[str, float]  # where on a frame's border, from its axis, a tensor comes in or goes out


@dataclass(frozen=True, slots=True)
class Border:
    """Where wires cross the borders of inner frames and of the frame itself (key None)."""

    entries: Mapping[str | None, Ports]
    exits: Mapping[str | None, Ports]


class Places:
    """The places of one frame's items. `at` is the (axis, top) of each; `extent` what all of them take.

    `insets` are how far some of them are drawn from the top and the bottom of their room.
    """

    def __init__(
        self,
        plan: Plan,
        room: Room,
        attached: Mapping[Arrangement, int],
        border: Border,
        insets: Mapping[str, float],
    ) -> None:
        self.room = room
        self.border = border
        self._insets = insets
        self.at: dict[str, tuple[float, float]] = {}
        self._gaps: dict[Stack, list[tuple[float, float]]] = {}  # top and bottom of each
        self._axes: dict[Stack, float] = {}
        self._place(plan.main, 0.0, 0.0)
        self.extent = room.extents[plan.main]
        self._place_sides(plan, attached)

    def _place(self, arranged: Arrangement, axis: float, top: float) -> None:
        if isinstance(arranged, str):
            self.at[arranged] = (axis, top)
        elif isinstance(arranged, Row):
            for child, x in zip(arranged.children, self.room.axes(arranged), strict=True):
                self._place(child, axis + x, top + self._drop(arranged, child))
        else:
            self._place_stack(arranged, axis, top)

    def _drop(self, row: Row, child: Arrangement) -> float:
        """Branches are centred on each other, those of nearly the same height begin at the same."""
        slack = self.room.extents[row].height - self.room.extents[child].height
        return slack / 2 if slack > STRIP else 0.0

    def _place_stack(self, stack: Stack, axis: float, top: float) -> None:
        self._axes[stack] = axis
        self._gaps[stack] = []
        for child, gap, lead in zip(stack.children, self.room.gaps[stack], self.room.leads[stack], strict=False):
            self._gaps[stack].append((top + lead, top + gap))
            top += gap
            self._place(child, axis, top)
            top += self.room.extents[child].height
        self._gaps[stack].append((top, top + self.room.gaps[stack][-1]))

    def _place_sides(self, plan: Plan, attached: Mapping[Arrangement, int]) -> None:
        """From the bottom up, each in the nearest column in which it ends above what stands there.

        What a wire to a farther column crosses counts as standing there, so that no side is placed upon it.
        """
        columns: list[list[tuple[Arrangement, float]]] = []
        ceilings: list[float] = []
        for side in sorted(plan.sides, key=lambda side: attached[side], reverse=True):
            wire, top = self._gaps[plan.main][attached[side] + 1]
            bottom = top + self.room.extents[side].height + SIDE
            nearest = next((at for at, ceiling in enumerate(ceilings) if bottom < ceiling), len(columns))
            if nearest == len(columns):
                columns.append([])
                ceilings.append(0.0)
            columns[nearest].append((side, top))
            ceilings[: nearest + 1] = [wire] * (nearest + 1)
        for column in columns:
            self._place_column(column)

    def _place_column(self, column: list[tuple[Arrangement, float]]) -> None:
        axis = self.extent.right + SIDE + max(self.room.extents[side].left for side, _ in column)
        for side, top in column:
            self._place(side, axis, top)
            taken = self.room.extents[side]
            right, height = max(self.extent.right, axis + taken.right), max(self.extent.height, top + taken.height)
            self.extent = Extent(self.extent.left, right, height)

    def route(self, way: Way) -> Route:
        """How a wire runs: it changes from run to run within gaps."""
        segment = way.segment
        x, y = self._leaves(segment)
        turns = self._apart(segment, list(self._turns(way)))
        sideways = self.room.sideways(way)
        runs = []
        for next_x, (top, bottom) in turns[:-1] if sideways else turns:
            if next_x != x:
                runs.append(Run(x, y, top))
                x, y = next_x, bottom - LANDING
        end_x, end_y = self._arrives(segment)
        if not sideways:
            return Route(segment, (*runs, Run(x, y, end_y)))
        assert segment.end is not None
        across, along = self.room.merges[segment.end]
        return Route(segment, (*runs, Run(x, y, end_y + along)), end_x + across)

    def _apart(self, segment: Segment, turns: list[Turn]) -> list[Turn]:
        """Of several tensors that come into a frame each bends at a level of its own, which tells them apart."""
        entries = sorted(self.border.entries[None], key=self.border.entries[None].__getitem__)
        if segment.start is not None or len(entries) < 2:
            return turns
        (x, (top, bottom)), *others = turns
        level = entries.index(segment.tensor)
        return [(x, (top + level * LEVEL, bottom - (len(entries) - 1 - level) * LEVEL)), *others]

    def _turns(self, way: Way) -> Iterator[Turn]:
        """The columns that a wire takes one after the other, each with the gap in which it bends there."""
        across = (way.across,) if way.across.passes else ()
        columns = [self._lane(step, way) for step in (*way.outwards, *across, *way.inwards)]
        stack, above, below = way.across
        gaps = [self._gaps[step.stack][step.above + 1] for step in way.outwards]
        gaps += [self._gaps[stack][above + 1], *([self._gaps[stack][below]] if across else [])]
        gaps += [self._gaps[step.stack][step.below] for step in way.inwards]
        return zip([*columns, self._arrives(way.segment)[0]], gaps, strict=True)

    def _lane(self, step: Step, way: Way) -> float:
        return self._axes[step.stack] + self.room.lanes[step.stack][way.segment.tensor]

    def _leaves(self, segment: Segment) -> tuple[float, float]:
        """Where it starts: at the bottom of an item, or at the top of the frame."""
        if segment.start is None:
            return self.border.entries[None][segment.tensor], 0.0
        axis, top = self.at[segment.start]
        port = self.border.exits.get(segment.start, {}).get(segment.tensor, 0.0)
        return axis + port, top + self.room.extents[segment.start].height - self._insets.get(segment.start, 0.0)

    def _arrives(self, segment: Segment) -> tuple[float, float]:
        """Where it ends: at the top of an item, or at the bottom of the frame."""
        if segment.end is None:
            return self.border.exits[None][segment.tensor], self.extent.height
        axis, top = self.at[segment.end]
        port = self.border.entries.get(segment.end, {}).get(segment.tensor, 0.0)
        return axis + port, top + self._insets.get(segment.end, 0.0)
