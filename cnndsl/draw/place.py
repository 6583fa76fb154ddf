"""Where everything in one frame stands, from the top of the frame and its axis."""

from __future__ import annotations

from collections.abc import Mapping

from cnndsl.draw.arrange import Arrangement, Plan, Row, Stack
from cnndsl.draw.measure import Room
from cnndsl.draw.sizes import STRIP, Extent

SIDE = 30  # pixels between the main part and what stands on its side


class Places:
    """The places of one frame's items.

    at      the (axis, top) of each
    axes    the axis of each stack
    gaps    of each stack, the top and the bottom of those between its children and around them
    extent  what all of them take
    """

    def __init__(self, plan: Plan, room: Room, attached: Mapping[Arrangement, int]) -> None:
        self.room = room
        self.at: dict[str, tuple[float, float]] = {}
        self.gaps: dict[Stack, list[tuple[float, float]]] = {}
        self.axes: dict[Stack, float] = {}
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
        self.axes[stack] = axis
        self.gaps[stack] = []
        for child, gap, lead in zip(stack.children, self.room.gaps[stack], self.room.leads[stack], strict=False):
            self.gaps[stack].append((top + lead, top + gap))
            top += gap
            self._place(child, axis, top)
            top += self.room.extents[child].height
        self.gaps[stack].append((top, top + self.room.gaps[stack][-1]))

    def _place_sides(self, plan: Plan, attached: Mapping[Arrangement, int]) -> None:
        """From the bottom up, each in the nearest column in which it ends above what stands there.

        What a wire to a farther column crosses counts as standing there, so that no side is placed upon it.
        """
        columns: list[list[tuple[Arrangement, float]]] = []
        ceilings: list[float] = []
        for side in sorted(plan.sides, key=lambda side: attached[side], reverse=True):
            wire, top = self.gaps[plan.main][attached[side] + 1]
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
