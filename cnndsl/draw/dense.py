"""Dense blocks with an arc for each of their connections, as the figures of DenseNet (Huang et al. 2017) have them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from cnndsl.analysis.facts import Facts
from cnndsl.draw.lettering import width
from cnndsl.draw.look import PictureError
from cnndsl.draw.paper import Sheet, document
from cnndsl.draw.sizes import SMALL, TINY, TITLE
from cnndsl.draw.tags import number, tag, tooltip, words
from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.scopes import own_name
from cnndsl.ir.tree import Part, outermost_first, tree
from cnndsl.ops.base import show_shape
from cnndsl.ops.merge import Concat

SIDE = 26.0  # of a layer's square
APART = 22.0  # between the squares of a row
FLAT = 0.42  # height of an arc over its width
MARGIN = 24.0
HEADING = 64.0
FOOT = 40.0  # for what is written under a row


class Dense(NamedTuple):
    """A dense block: what it is called and puts out, its layers, and who reads whom; 0 is what comes in."""

    name: str
    shape: str
    layers: tuple[str, ...]
    arcs: tuple[tuple[int, int], ...]


def draw_dense(graph: Graph) -> str:
    """All dense blocks of a network under each other. Raises `PictureError` if there is none."""
    blocks = [*dense_blocks(Facts(graph).graph)]
    if not blocks:
        raise PictureError(f"{graph.name} has no dense block: no layers of which each reads all before it")
    marks: list[str] = []
    top, right = HEADING, 0.0
    for block in blocks:
        height = FLAT * _reach(block) / 2
        marks.extend(_row(block, top + height))
        right = max(right, _x(len(block.layers)) + SIDE)
        top += height + SIDE + FOOT
    arcs = sum(len(block.arcs) for block in blocks)
    facts = f"{sum(len(block.layers) for block in blocks)} layers, {arcs} connections in {len(blocks)} dense blocks"
    head = words(graph.name, MARGIN, 32, TITLE, "text bold") + words(facts, MARGIN, 49, SMALL, "muted")
    least = max(
        width(facts, SMALL), width(graph.name, TITLE, bold=True), *(width(_told(each), SMALL) for each in blocks)
    )
    sheet = Sheet((head, *marks), max(right, MARGIN + least) + MARGIN, top)
    return document(graph.name, f"Dense blocks of the network {graph.name}: {facts}.", sheet)


def dense_blocks(graph: Graph) -> Iterator[Dense]:
    """The layers that stand in one row in a scope, each of which may read all before it."""
    position = {node.name: at for at, node in enumerate(graph)}
    for part in outermost_first(tree(graph.nodes, graph.scopes)):
        for dense, run in groupby(part.items, _is_layer):
            layers = [item for item in run if isinstance(item, Part)]
            if dense and len(layers) > 1:
                yield _dense(part, layers, graph, position)


def _is_layer(item: Node | Part) -> bool:
    return isinstance(item, Part) and item.scope.kind == "layer"


def _dense(part: Part, layers: list[Part], graph: Graph, position: dict[str, int]) -> Dense:
    read = ((to, _read(layer, layers, graph, position)) for to, layer in enumerate(layers, start=1))
    arcs = tuple((source, to) for to, sources in read for source in sources)
    names = tuple(each.scope.path for each in layers)
    name = part.scope.path or f"{own_name(names[0])} to {own_name(names[-1])}"
    return Dense(name, show_shape(graph.nodes[layers[-1].stop - 1].shape), names, arcs)


def _read(layer: Part, layers: list[Part], graph: Graph, position: dict[str, int]) -> list[int]:
    """The layers, by their number from 1, that a layer reads through concatenations alone; 0 is what comes in."""
    inside = graph.nodes[layer.start : layer.stop]
    pending = [name for node in inside if not _passes_on(node) for name in node.sources if position[name] < layer.start]
    found: set[int] = set()
    while pending:
        node = graph[pending.pop()]
        at = position[node.name]
        number = next((n for n, each in enumerate(layers, start=1) if each.start <= at < each.stop), 0)
        if number and isinstance(node.op, Concat):
            pending.extend(node.sources)
        else:
            found.add(number)
    return sorted(found)


def _passes_on(node: Node) -> bool:
    """A concatenation adds a layer to those before it, and reads nothing for itself."""
    return isinstance(node.op, Concat)


def _x(place: int) -> float:
    return MARGIN + place * (SIDE + APART)


def _reach(block: Dense) -> float:
    return max((_x(to) - _x(source) for source, to in block.arcs), default=0.0)


def _row(block: Dense, top: float) -> Iterator[str]:
    """The squares of a block side by side, and the arcs over them."""
    for source, to in block.arcs:
        yield _arc(block, source, to, top)
    for place, name in enumerate(("in", *(str(place) for place in range(1, len(block.layers) + 1)))):
        kind, told = ("weights", block.layers[place - 1]) if place else ("terminal", f"what comes into {block.name}")
        plate = tag("rect", class_=kind, x=_x(place), y=top, width=SIDE, height=SIDE, rx=5)
        text = words(name, _x(place) + SIDE / 2, top + SIDE / 2 + 4, TINY, f"{kind}-text middle")
        yield tag("g", tooltip(told) + plate + text, data_box=told)
    yield words(_told(block), MARGIN, top + SIDE + 20, SMALL, "muted")


def _told(block: Dense) -> str:
    return f"{block.name}: {len(block.layers)} layers, {len(block.arcs)} connections, puts out {block.shape}"


def _arc(block: Dense, source: int, to: int, top: float) -> str:
    """Half an ellipse; the farther it reaches, the fainter, so that near and far can be told apart."""
    start, end = _x(source) + SIDE / 2, _x(to) + SIDE / 2
    radius = (end - start) / 2
    path = f"M{number(start)} {number(top)}A{number(radius)} {number(radius * FLAT)} 0 0 1 {number(end)} {number(top)}"
    faint = max(0.25, 1 - 0.06 * (to - source))
    return tag("path", class_="wire", d=path, stroke_opacity=f"{faint:.2f}", data_arc=f"{block.name} {source} {to}")
