"""Where things are: rectangles of boxes and frames, routes of wires, and all of them together as a layout.

Pixels, from the top left of the picture; within a frame, from its top and its axis. All of it is said of a network that
runs downwards. One that runs to the right is laid out like that, too, and turned when it is drawn: x and y change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from cnndsl.draw.passing import Segment

MARGIN = 24  # around a picture, in pixels
HEADING = 64  # height above the network

Direction: TypeAlias = Literal["down", "right"]


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Where a box or frame is drawn. `axis` is where wires come in and go out.

    `up` says that they go upwards, `across` that they go to the right; the axis is then in the middle.
    """

    x: float
    y: float
    width: float
    height: float
    axis: float
    up: bool = False
    across: bool = False

    @property
    def turned(self) -> Rectangle:
        """The place of what runs downwards here in a picture that runs to the right."""
        return Rectangle(self.y, self.x, self.height, self.width, self.y + self.height / 2, across=True)

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

    rooms   what the items of the outermost frame take, in definition order, with the shapes beside their wires
    before  pixels before the first of them: MARGIN, or where the network runs to the right, the heading
    """

    width: float
    height: float
    boxes: dict[str, Rectangle]
    frames: dict[str, Rectangle]
    routes: tuple[Route, ...]
    rooms: dict[str, Rectangle]
    direction: Direction = "down"
    before: float = MARGIN

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the picture as it is drawn."""
        return (self.width, self.height) if self.direction == "down" else (self.height, self.width)

    def drawn(self, at: Rectangle) -> Rectangle:
        return at if self.direction == "down" else at.turned
