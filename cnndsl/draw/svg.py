"""A network as SVG, the same text for the same network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice

from cnndsl.draw.boxes import Pictures
from cnndsl.draw.curves import Strokes, wire_mark
from cnndsl.draw.geometry import MARGIN, Direction, Layout, Rectangle, Route
from cnndsl.draw.layout import layout
from cnndsl.draw.look import PAGES, PLAIN, Look
from cnndsl.draw.marks import box_mark, frame_mark, shape_area, shape_mark
from cnndsl.draw.model import OUTER, Box, Frame, Picture
from cnndsl.draw.notes import chosen, noted, with_legend
from cnndsl.draw.pages import fitted
from cnndsl.draw.paper import Paper, Sheet, document
from cnndsl.draw.sizes import SMALL, TITLE, sheet_size
from cnndsl.draw.style import look_styles
from cnndsl.draw.tags import words
from cnndsl.ir.graph import Graph


def draw(graph: Graph, look: Look = PLAIN) -> str:
    """The picture of a network as an SVG document. Raises `PictureError` if it cannot be had like that."""
    pictures = Pictures(graph, chosen(graph, look.highlight))
    if look.page is not None:
        drawn, places, scale = fitted(graph, pictures, look, look.page)
        paper = Paper(PAGES[look.page], scale)
    else:
        drawn, paper = noted(pictures.best(look.depth), look), None
        places = layout(drawn, look.direction or "down")
    content = with_legend(sheet(drawn, places), drawn, look)
    return document(drawn.heading, _description(drawn), content, "" if look.plain else look_styles(), paper)


def render(drawn: Picture, direction: Direction = "down") -> str:
    """A picture as an SVG document."""
    return document(drawn.heading, _description(drawn), sheet(drawn, layout(drawn, direction)))


def sheet(drawn: Picture, places: Layout) -> Sheet:
    levels = frame_levels(drawn)
    marks = (
        words(drawn.heading, MARGIN, 32, TITLE, "text bold"),
        words(drawn.facts, MARGIN, 49, SMALL, "muted"),
        *_frames(drawn, places, levels),
        *(mark for _, mark in wire_marks(drawn, places)),
        *(box_mark(box, places.drawn(places.boxes[key])) for key, box in drawn.boxes.items()),
        *(mark for _, mark in shape_marks(drawn, places, levels)),
    )
    return Sheet(marks, *sheet_size(drawn, places))


def _description(drawn: Picture) -> str:
    ends = [box.sections[0].text for box in drawn.boxes.values() if box.kind == "terminal"]
    return f"Diagram of the network {drawn.heading}: {', '.join(ends)}; {drawn.facts}."


def _frames(drawn: Picture, places: Layout, levels: dict[str, int]) -> Iterator[str]:
    for key, frame in drawn.frames.items():
        if key != OUTER:
            yield frame_mark(frame, places.drawn(places.frames[key]), levels[key])


def wire_marks(drawn: Picture, places: Layout, *, told: bool = True) -> Iterator[tuple[str, str]]:
    """One mark for each tensor that is read, by its box; a pointer is `told` what it carries."""
    routes: defaultdict[str, list[Route]] = defaultdict(list)
    for route in places.routes:
        routes[route.segment.tensor].append(route)
    targets: defaultdict[str, list[str]] = defaultdict(list)
    for wire in drawn.wires:
        targets[wire.source].append(wire.target)
    for tensor, found in routes.items():
        detail = drawn.boxes[tensor].detail if told else ""
        yield tensor, wire_mark(tensor, detail, found, targets[tensor], drawn.boxes, places.direction)


def shape_marks(drawn: Picture, places: Layout, levels: dict[str, int]) -> Iterator[tuple[str, str]]:
    """Each shape to the right of its wire, or to the left; where wires run on both sides a pointer alone is told.

    In a network that runs to the right there is room for it under what puts it out.
    """
    strokes = Strokes(places.routes)
    for key, at in (*places.boxes.items(), *places.frames.items()):
        item = drawn.boxes.get(key) or drawn.frames[key]
        sides = [False] if places.direction == "right" else _free_sides(item, at, strokes)
        for left in islice(sides, 1 if item.shape else 0):
            yield key, shape_mark(item, places.drawn(at), levels[key] - (key in drawn.frames), left=left)


def _free_sides(item: Box | Frame, at: Rectangle, strokes: Strokes) -> Iterator[bool]:
    return (left for left in (False, True) if not strokes.cross(shape_area(item, at, left=left)))


def frame_levels(drawn: Picture) -> dict[str, int]:
    """How many frames stand around each box and frame; a frame counts itself."""
    found = {OUTER: 0}
    for frame in drawn.frames.values():
        for item in frame.items:
            found[item] = found[frame.key] + (item in drawn.frames)
    return found
