"""Moving parts of a layout: bands of heights of the outermost frame go to places of their own, some turned upwards.

So a network that is too tall for a page gets several columns, and one with nested skips becomes a U.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cnndsl.draw.geometry import Layout, Rectangle, Route, Run


@dataclass(frozen=True, slots=True)
class Band:
    """All from the height `top` to that of the next band, and how it moves: to the right by `x`, down by `y`.

    With `up` it is first turned upside down, on the line of height 0.
    """

    top: float
    x: float
    y: float
    up: bool = False

    def moved(self, height: float) -> float:
        return self.y - height if self.up else self.y + height

    def together(self, other: Band) -> bool:
        """Whether a vertical line from one to the other stays one."""
        return self.x == other.x and self.up == other.up


@dataclass(frozen=True, slots=True)
class Gap:
    """Free height between two items of the outermost frame, over the whole width, and the wires that cross it."""

    above: float
    below: float
    routes: tuple[Route, ...]

    @property
    def middle(self) -> float:
        return (self.above + self.below) / 2

    def entering(self, route: Route) -> Run:
        """The run with which a route that crosses the gap comes to it."""
        return next(run for run in reversed(route.runs) if run.start <= self.middle)

    @property
    def narrow(self) -> bool:
        """Whether a single wire comes out of what stands directly above it; it may then branch."""
        entries = {(route.segment.tensor, self.entering(route).start) for route in self.routes}
        return len(entries) == 1 and all(start == self.above for _, start in entries)


class Bands:
    """Bands from the top to the bottom of a layout; the first begins at its top."""

    def __init__(self, bands: Sequence[Band]) -> None:
        self._bands = sorted(bands, key=lambda band: band.top)
        self._tops = [band.top for band in self._bands]

    def at(self, height: float) -> Band:
        return self._bands[max(0, bisect_right(self._tops, height) - 1)]

    def height(self, before: float) -> float:
        return self.at(before).moved(before)

    def rectangles(self, found: Mapping[str, Rectangle]) -> dict[str, Rectangle]:
        return {key: self._rectangle(each) for key, each in found.items()}

    def _rectangle(self, at: Rectangle) -> Rectangle:
        band = self.at(at.middle)
        top = band.moved(at.bottom if band.up else at.y)
        return replace(at, x=at.x + band.x, y=top, axis=at.axis + band.x, up=band.up)

    def keeps(self, route: Route) -> bool:
        """Whether all of a route moves in one way, but for straight parts that become longer."""
        first = self.at(route.runs[0].start)
        return all(first.together(self.at(height)) for run in route.runs for height in (run.start, run.end))

    def run(self, run: Run) -> Run:
        return Run(run.x + self.at(run.start).x, self.height(run.start), self.height(run.end))

    def route(self, route: Route) -> Route:
        side = None if route.side is None else route.side + self.at(route.runs[-1].end).x
        return replace(route, runs=tuple(map(self.run, route.runs)), side=side)

    def bridge(self, route: Route, gap: Gap, low: float, over: Run | None = None) -> Route:
        """A route whose two sides of a gap move apart: it turns at height `low`, and goes back up by the run `over`."""
        cut = gap.entering(route)
        before, after = self.at(gap.above), self.at(gap.below)
        between = (over,) if over is not None else ()
        turn = low if over is None else over.end
        parts = (
            *map(self.run, route.runs[: route.runs.index(cut)]),
            Run(cut.x + before.x, before.moved(cut.start), low),
            *between,
            Run(cut.x + after.x, turn, after.moved(cut.end)),
            *map(self.run, route.runs[route.runs.index(cut) + 1 :]),
        )
        side = None if route.side is None else route.side + self.at(route.runs[-1].end).x
        return replace(route, runs=parts, side=side)


def gaps(layout: Layout) -> Iterator[Gap]:
    """The gaps of a layout from top to bottom."""
    rooms = sorted(layout.rooms.values(), key=lambda room: room.y)
    waiting = sorted(outermost(layout), key=lambda route: route.runs[0].start, reverse=True)
    crossing: list[Route] = []
    above = rooms[0].bottom
    for room in rooms[1:]:
        if room.y > above:
            middle = (above + room.y) / 2
            while waiting and waiting[-1].runs[0].start < middle:
                crossing.append(waiting.pop())
            crossing = [route for route in crossing if route.runs[-1].end > middle]
            yield Gap(above, room.y, tuple(crossing))
        above = max(above, room.bottom)


def outermost(layout: Layout) -> Iterator[Route]:
    """The routes between items of the outermost frame."""
    for route in layout.routes:
        if route.segment.start in layout.rooms and route.segment.end in layout.rooms:
            yield route
