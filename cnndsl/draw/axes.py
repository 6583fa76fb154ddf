"""A frame with two axes and round numbers along them, in which charts put their points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor, log10
from typing import NamedTuple
from xml.sax.saxutils import escape

from cnndsl.draw.placement import Box
from cnndsl.draw.tags import number, tag, words

WIDTH, HEIGHT = 960.0, 620.0  # of the frame, in pixels
LEFT, TOP, RIGHT, BOTTOM = 74.0, 62.0, 24.0, 44.0  # around it
LABEL, SMALL, TITLE = 12, 11, 17  # text sizes
LINE = 16.0
STYLE = """\
.disc { stroke-width: 1.2; fill-opacity: 0.7; }
.tick { stroke-width: 1; opacity: 0.35; }
.lead { stroke-width: 0.8; }"""


class Scale(NamedTuple):
    """From numbers to pixels along an axis."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> Iterator[float]:
        """Round numbers, four to ten of them."""
        rough = (self.high - self.low) / 6
        power = 10.0 ** floor(log10(rough))
        step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
        for index in range(ceil(self.low / step), floor(self.high / step) + 1):
            yield index * step


def framed(grown: float = 1.0) -> Box:
    return Box(LEFT, TOP, LEFT + WIDTH * grown, TOP + HEIGHT * grown)


def scale(values: Sequence[float], start: float, end: float) -> Scale:
    """One on which all values are, with a little room."""
    low, high = min(values), max(values)
    spare = (high - low) * 0.02 or abs(high) * 0.1 or 1.0
    return Scale(low - spare, high + spare, start, end)


def scales(across: Sequence[float], down: Sequence[float], frame: Box, room: float) -> tuple[Scale, Scale]:
    """Those of a frame, on which circles with a radius of `room` stay inside."""
    return (
        scale(across, frame.left + room, frame.right - room),
        scale(down, frame.bottom - room, frame.top + room),
    )


def frame_marks(heading: str, frame: Box, across: Scale, down: Scale, x: str, y: str) -> Iterator[str]:
    """The heading, the frame, and both axes with what they are in words."""
    yield words(heading, LEFT, 34, TITLE, "text bold")
    broad, high = frame.right - frame.left, frame.bottom - frame.top
    yield tag("rect", class_="frame", x=frame.left, y=frame.top, width=broad, height=high, fill="none")
    for value in across.ticks():
        at = across.at(value)
        yield tag("path", class_="wire tick", d=f"M{number(at)} {number(frame.top)}V{number(frame.bottom)}")
        yield words(f"{value:g}", at, frame.bottom + 16, SMALL, "muted middle")
    for value in down.ticks():
        at = down.at(value)
        yield tag("path", class_="wire tick", d=f"M{number(frame.left)} {number(at)}H{number(frame.right)}")
        yield words(f"{value:g}", frame.left - 8, at + 4, SMALL, "muted end")
    yield words(x, (frame.left + frame.right) / 2, frame.bottom + 36, LABEL, "text middle")
    middle = (frame.top + frame.bottom) / 2
    turned = f"rotate(-90 18 {number(middle)})"
    yield tag("text", escape(y), class_="text middle", x=18, y=middle, font_size=LABEL, transform=turned)
