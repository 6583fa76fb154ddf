"""How the wires of one frame run between what stands in it, from the top of the frame and its axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from cnndsl.draw.geometry import Route, Run
from cnndsl.draw.measure import LEVEL
from cnndsl.draw.passing import Segment, Step, Way
from cnndsl.draw.place import Places

LANDING = 9  # straight part after a bend, which holds an arrow's head
BESIDE = 12  # between wires that come into one block
CORNER = 9  # of a box, which no wire touches

Turn: TypeAlias = tuple[float, tuple[float, float]]  # to a place from the axis, in a gap from its top to its bottom
Ports: TypeAlias = Mapping[str, float]  # where, from the axis of a box or frame, a tensor comes in or goes out


@dataclass(frozen=True, slots=True)
class Border:
    """Where wires cross the borders of inner frames, of blocks and of the frame itself (key None)."""

    entries: Mapping[str | None, Ports]
    exits: Mapping[str | None, Ports]

    def entered(self, blocks: Mapping[str | None, Ports]) -> Border:
        """With these places at blocks."""
        return Border({**self.entries, **blocks}, self.exits)


class Wires:
    """The wires of a frame. `insets` are how far boxes are drawn from the top and the bottom of their room."""

    def __init__(self, places: Places, border: Border, insets: Mapping[str, float]) -> None:
        self.places = places
        self.border = border
        self._insets = insets

    def ports(self, block: str, ways: Sequence[Way], half: float) -> Ports:
        """Where tensors come into a block, `half` of whose width this is: side by side, and none across another."""
        axis, _ = self.places.at[block]
        ending = [way for way in ways if way.segment.end == block]
        return side_by_side({way.segment.tensor: self._nears(way) - axis for way in ending}, half - CORNER)

    def _nears(self, way: Way) -> float:
        """From where it comes to its end."""
        before = [x for x, _ in [*self._turns(way)][:-1]]
        return before[-1] if before else self._leaves(way.segment)[0]

    def route(self, way: Way) -> Route:
        """How a wire runs: it changes from run to run within gaps."""
        segment = way.segment
        x, y = self._leaves(segment)
        turns = self._apart(segment, list(self._turns(way)))
        sideways = self.places.room.sideways(way)
        runs = []
        for next_x, (top, bottom) in turns[:-1] if sideways else turns:
            if next_x != x:
                runs.append(Run(x, y, top))
                x, y = next_x, bottom - LANDING
        end_x, end_y = self._arrives(segment)
        if not sideways:
            return Route(segment, (*runs, Run(x, y, end_y)))
        assert segment.end is not None
        across, along = self.places.room.merges[segment.end]
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
        gaps = [self.places.gaps[step.stack][step.above + 1] for step in way.outwards]
        gaps += [self.places.gaps[stack][above + 1], *([self.places.gaps[stack][below]] if across else [])]
        gaps += [self.places.gaps[step.stack][step.below] for step in way.inwards]
        return zip([*columns, self._arrives(way.segment)[0]], gaps, strict=True)

    def _lane(self, step: Step, way: Way) -> float:
        return self.places.axes[step.stack] + self.places.room.lanes[step.stack][way.segment.tensor]

    def _leaves(self, segment: Segment) -> tuple[float, float]:
        """Where it starts: at the bottom of an item, or at the top of the frame."""
        if segment.start is None:
            return self.border.entries[None][segment.tensor], 0.0
        axis, top = self.places.at[segment.start]
        port = self.border.exits.get(segment.start, {}).get(segment.tensor, 0.0)
        return axis + port, top + self.places.room.extents[segment.start].height - self._insets.get(segment.start, 0.0)

    def _arrives(self, segment: Segment) -> tuple[float, float]:
        """Where it ends: at the top of an item, or at the bottom of the frame."""
        if segment.end is None:
            return self.border.exits[None][segment.tensor], self.places.extent.height
        axis, top = self.places.at[segment.end]
        port = self.border.entries.get(segment.end, {}).get(segment.tensor, 0.0)
        return axis + port, top + self._insets.get(segment.end, 0.0)


def side_by_side(nearing: Mapping[str, float], half: float) -> Ports:
    """Places of what comes from here and there, in that order; what comes straight down goes straight on."""
    order = sorted(nearing, key=nearing.__getitem__)
    straight: float = next((at for at, each in enumerate(order) if nearing[each] == 0), (len(order) - 1) / 2)
    widest = max(straight, len(order) - 1 - straight)
    step = min(BESIDE, half / widest) if widest else 0.0
    return {each: (at - straight) * step for at, each in enumerate(order)}
