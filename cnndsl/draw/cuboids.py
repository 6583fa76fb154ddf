"""Feature maps as cuboids, as the figures of AlexNet and VGG have them: height and width of a map, and its channels.

Sizes differ by thousands, so edges grow with powers of them: what is larger looks larger, and nothing vanishes.
"""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.draw.arrange import Flow, plan
from cnndsl.draw.boxes import Pictures
from cnndsl.draw.lettering import width
from cnndsl.draw.look import PictureError
from cnndsl.draw.model import OUTER, Box, Picture
from cnndsl.draw.paper import Sheet, document
from cnndsl.draw.sizes import SMALL, TINY, TITLE
from cnndsl.draw.tags import number, tag, tooltip, words
from cnndsl.ir.graph import Graph
from cnndsl.ops.base import Shape, show_shape

TALLEST, THICKEST, LONGEST = 190.0, 64.0, 190.0  # pixels: of a map, of its channels, of a vector
FLATTEST, THINNEST = 5.0, 5.0
SKEW = 0.42  # of the width of a map, which goes back into the picture
GAP, MARGIN, HEADING, FOOT = 20.0, 24.0, 64.0, 58.0
PLATE = 9.0  # of a vector, which has neither height nor width
FACES = ".lit { fill: #ffffff; fill-opacity: 0.35; }\n.shady { fill: #000000; fill-opacity: 0.12; }"
MOST = 40  # cuboids in a row


def draw_cuboids(graph: Graph) -> str:
    """The maps of a network in a row. Raises `PictureError` if its outermost level is not one line."""
    drawn, boxes = _line(graph)
    facts = f"{drawn.facts}; edges grow with roots of sizes"
    largest = [max(sizes) for sizes in zip(*(_sizes(box.output) for box in boxes), strict=True)]
    edges = [_edges(box.output, largest) for box in boxes]
    high = max(tall + skew for tall, skew, _ in edges)
    marks, x = [], MARGIN
    for before, (box, edge) in zip([None, *boxes], zip(boxes, edges, strict=True), strict=False):
        tall, skew, thick = edge
        room = max(skew + thick, *(width(line, TINY) for line in _told(box)))
        if before is not None:
            marks.append(_link(x - GAP + 2, HEADING + high / 2, GAP - 5))
        marks.append(_cuboid(box, x + (room - skew - thick) / 2, HEADING + (high - tall + skew) / 2, edge))
        marks.extend(_foot(box, x + room / 2, HEADING + high + 18))
        x += room + GAP
    head = words(graph.name, MARGIN, 32, TITLE, "text bold") + words(facts, MARGIN, 49, SMALL, "muted")
    wide = max(x - GAP, MARGIN + width(facts, SMALL), MARGIN + width(graph.name, TITLE, bold=True)) + MARGIN
    told = ", ".join(f"{box.caption or box.sections[0].text} {show_shape(box.output)}" for box in boxes)
    return document(
        graph.name, f"Maps of {graph.name}: {told}.", Sheet((head, *marks), wide, HEADING + high + FOOT), FACES
    )


def _line(graph: Graph) -> tuple[Picture, list[Box]]:
    """The deepest picture that is one line, else the outermost level, and its boxes from the input on."""
    pictures = [*Pictures(graph).levels(MOST)]
    for drawn in reversed(pictures):
        if all(len(ends) <= 1 for ends in _readers(drawn).values()) and _single(drawn):
            return drawn, [box for box in drawn.boxes.values() if box.output]
    outermost = pictures[0]
    order = plan(outermost.frames[OUTER].items, Flow.of(outermost.boxes, outermost.wires), outermost.results)
    items = [child for child in order.main.children if isinstance(child, str)]
    if len(items) < len(order.main.children) or len(items) > MOST:
        raise PictureError(
            f"{graph.name} is no line of at most {MOST} maps at its outermost level, and cannot be drawn as boxes"
        )
    return outermost, [outermost.boxes[key] for key in items if outermost.boxes[key].output]


def _readers(drawn: Picture) -> dict[str, list[str]]:
    return {key: [target for source, target in drawn.wires if source == key] for key in drawn.boxes}


def _single(drawn: Picture) -> bool:
    """Whether each box reads one other, but for the one input."""
    read = [sum(target == key for _, target in drawn.wires) for key in drawn.boxes]
    return sorted(read)[:2] == [0, 1] and max(read) == 1


def _sizes(shape: Shape) -> tuple[int, int, int]:
    """Channels of a map, its larger side, and the length of a vector."""
    return (0, 0, shape[0]) if len(shape) == 1 else (shape[0], max(shape[1:]), 0)


def _edges(shape: Shape, largest: list[int]) -> tuple[float, float, float]:
    """Height, depth into the picture and thickness in pixels; the height holds no part of the skew."""
    channels, side, length = largest
    if len(shape) == 1:
        return max(FLATTEST, LONGEST * (shape[0] / length) ** 0.5), PLATE * SKEW, PLATE
    tall, wide = (max(FLATTEST, TALLEST * (size / side) ** 0.6) for size in shape[1:])
    return tall, wide * SKEW, max(THINNEST, THICKEST * (shape[0] / channels) ** 0.7)


def _cuboid(box: Box, x: float, y: float, edges: tuple[float, float, float]) -> str:
    """Front, top and side of a cuboid with the front's upper left corner at (x, y); the top is light, the side dark."""
    tall, skew, thick = edges
    kind = box.kind
    front = tag("rect", class_=kind, x=x, y=y, width=thick, height=tall)
    back = f"l{number(skew)} {number(-skew)}"
    forth = f"l{number(-skew)} {number(skew)}z"
    top = f"M{number(x)} {number(y)}{back}h{number(thick)}{forth}"
    side = f"M{number(x + thick)} {number(y)}{back}v{number(tall)}{forth}"
    faces = "".join(
        tag("path", class_=kind, d=face) + tag("path", class_=shade, d=face)
        for face, shade in ((top, "lit"), (side, "shady"))
    )
    return tag("g", tooltip(box.detail) + front + faces, data_box=box.key)


def _told(box: Box) -> list[str]:
    """What is written under a cuboid: its name, its layer, its shape."""
    layer = box.sections[0].text
    if box.kind == "terminal":
        return [layer.removesuffix(show_shape(box.output)).strip(), show_shape(box.output)]
    return [*([box.caption] if box.caption else []), layer, show_shape(box.output)]


def _foot(box: Box, x: float, y: float) -> Iterator[str]:
    *lines, shape = _told(box)
    for place, line in enumerate(lines):
        yield words(
            line, x, y + place * 13, TINY, f"{box.kind}-text middle" + (" bold" if len(lines) > 1 and not place else "")
        )
    yield words(shape, x, y + len(lines) * 13, TINY, "muted middle")


def _link(x: float, y: float, long: float) -> str:
    line = tag("path", class_="wire", d=f"M{number(x)} {number(y)}h{number(long - 5)}")
    return line + tag("path", class_="head", d=f"M{number(x + long)} {number(y)}l-6 -3v6z")
