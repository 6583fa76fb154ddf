"""A picture as SVG: one file without scripts, fonts or images from elsewhere, the same text for the same network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple
from xml.sax.saxutils import escape

from cnndsl.draw.boxes import picture
from cnndsl.draw.curves import Strokes, wire_mark
from cnndsl.draw.geometry import MARGIN, Layout, Route
from cnndsl.draw.layout import layout
from cnndsl.draw.lettering import width
from cnndsl.draw.marks import box_mark, frame_mark, shape_area, shape_mark
from cnndsl.draw.model import OUTER, Picture
from cnndsl.draw.sizes import SMALL
from cnndsl.draw.style import stylesheet
from cnndsl.draw.tags import number, tag, words
from cnndsl.ir.graph import Graph

TITLE = 17  # size of the network's name in pixels


def draw(graph: Graph, depth: int | None = None) -> str:
    """The picture of a network as an SVG document.

    `depth` is the number of levels of scopes to open, 1 showing the outermost as boxes; without it as many levels as
    come to about sixty boxes.
    """
    return render(picture(graph, depth))


class Sheet(NamedTuple):
    """What stands on one sheet of paper, and how large that is in pixels."""

    marks: tuple[str, ...]
    width: float
    height: float


def render(drawn: Picture) -> str:
    """A picture as an SVG document."""
    return document(drawn.heading, _description(drawn), sheet(drawn))


def sheet(drawn: Picture) -> Sheet:
    places, levels = layout(drawn), _levels(drawn)
    heading = max(width(drawn.heading, TITLE, bold=True), width(drawn.facts, SMALL))
    marks = (
        words(drawn.heading, MARGIN, 32, TITLE, "text bold"),
        words(drawn.facts, MARGIN, 49, SMALL, "muted"),
        *(frame_mark(frame, places.frames[key], levels[key]) for key, frame in drawn.frames.items() if key != OUTER),
        *_wires(drawn, places),
        *(box_mark(box, places.boxes[key]) for key, box in drawn.boxes.items()),
        *_shapes(drawn, places, levels),
    )
    return Sheet(marks, max(places.width, heading + 2 * MARGIN), places.height)


def document(heading: str, description: str, content: Sheet, styles: str = "") -> str:
    """The SVG document of what stands on a sheet, with further `styles`; the paper is under it."""
    parts = [
        tag("title", escape(heading), id="title"),
        tag("desc", escape(description), id="desc"),
        tag("style", escape(f"\n{stylesheet()}\n{styles}")),
        tag("rect", class_="paper", width=content.width, height=content.height, rx=8),
        *content.marks,
    ]
    return (
        tag(
            "svg",
            "\n" + "\n".join(parts) + "\n",
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {number(content.width)} {number(content.height)}",
            width=content.width,
            height=content.height,
            role="img",
            aria_labelledby="title desc",
        )
        + "\n"
    )


def _description(drawn: Picture) -> str:
    ends = [box.sections[0].text for box in drawn.boxes.values() if box.kind == "terminal"]
    return f"Diagram of the network {drawn.heading}: {', '.join(ends)}; {drawn.facts}."


def _wires(drawn: Picture, places: Layout) -> Iterator[str]:
    """One mark for each tensor that is read."""
    routes: defaultdict[str, list[Route]] = defaultdict(list)
    for route in places.routes:
        routes[route.segment.tensor].append(route)
    targets: defaultdict[str, list[str]] = defaultdict(list)
    for wire in drawn.wires:
        targets[wire.source].append(wire.target)
    for tensor, found in routes.items():
        yield wire_mark(tensor, drawn.boxes[tensor].detail, found, targets[tensor], drawn.boxes)


def _shapes(drawn: Picture, places: Layout, levels: dict[str, int]) -> Iterator[str]:
    """Each shape to the right of its wire, or to the left; where wires run on both sides a pointer alone is told."""
    strokes = Strokes(places.routes)
    for key, at in (*places.boxes.items(), *places.frames.items()):
        item = drawn.boxes.get(key) or drawn.frames[key]
        sides = (left for left in (False, True) if item.shape and not strokes.cross(shape_area(item, at, left=left)))
        for left in islice(sides, 1):
            yield shape_mark(item, at, levels[key] - (key in drawn.frames), left=left)


def _levels(drawn: Picture) -> dict[str, int]:
    """How many frames stand around each box and frame; a frame counts itself."""
    found = {OUTER: 0}
    for frame in drawn.frames.values():
        for item in frame.items:
            found[item] = found[frame.key] + (item in drawn.frames)
    return found
