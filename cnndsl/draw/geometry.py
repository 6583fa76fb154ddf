"""Where things are: rectangles of boxes and frames, routes of wires, and all of them together as a layout.

Pixels, from the top left of the picture; within a frame, from its top and its axis.
"""

from __future__ import annotations

from dataclasses import dataclass

from cnndsl.draw.passing import Segment

MARGIN = 24  # around a picture, in pixels
HEADING = 64  # height above the network


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Where a box or frame is drawn. `axis` is where wires come in and go out; `up` says that they go upwards."""

    x: float
    y: float
    width: float
    height: float
    axis: float
    up: bool = False

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Run:
    """A vertical part of a wire, from `start` to `end`, which is above it where the wire goes upwards."""

    x: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Route:
    """A wire through one frame: runs with bends between them.

    A bend is an S where the next run starts further on, and a turn to the side and back where it starts at the same
    height. At the end of its last run the wire turns aside to `side`, if that is not None.
    """

    segment: Segment
    runs: tuple[Run, ...]
    side: float | None = None

    def moved(self, x: float, y: float) -> Route:
        runs = tuple(Run(run.x + x, run.start + y, run.end + y) for run in self.runs)
        return Route(self.segment, runs, None if self.side is None else self.side + x)


@dataclass(frozen=True, slots=True)
class Layout:
    """Rectangles by key of boxes and frames, and the routes of wires, frame by frame.

    rooms  what the items of the outermost frame take, in definition order, with the shapes beside their wires
    """

    width: float
    height: float
    boxes: dict[str, Rectangle]
    frames: dict[str, Rectangle]
    routes: tuple[Route, ...]
    rooms: dict[str, Rectangle]
