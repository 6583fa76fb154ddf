"""Networks side by side as chains of layers, on common rows by the size of their maps, with arcs for shortcuts.

It is Figure 3 of He et al. 2016, of any networks: layers with weights and pools one under the other; a block that
branches otherwise than by a shortcut is one box.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from cnndsl.analysis.facts import Facts
from cnndsl.draw.labels import Labels, kind
from cnndsl.draw.lettering import width
from cnndsl.draw.look import PictureError
from cnndsl.draw.model import Kind
from cnndsl.draw.paper import Sheet, document
from cnndsl.draw.sizes import SMALL, TINY, TITLE
from cnndsl.draw.tags import number, tag, tooltip, words
from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.tree import Part, layers_in, tree
from cnndsl.ops.merge import Add, Merge

HIGH, STEP = 20.0, 34.0  # of a box, and from one to the next, in pixels
MARGIN, HEADING = 24.0, 76.0
BAND = 16.0  # above and below the boxes of one size
SIZES = 70.0  # pixels for the sizes, on the left
ARCS = 46.0  # for shortcuts, right of a chain
MOST = 400  # boxes of one network
LINES = ".row { fill: none; stroke-width: 1; stroke-dasharray: 2 4; }\n.changes { stroke-dasharray: 5 4; }"


class Link(NamedTuple):
    """One box of a chain: what is written in it, and the height x width of what it puts out."""

    key: str
    text: str
    kind: Kind
    pixels: tuple[int, ...]
    detail: str


class Shortcut(NamedTuple):
    """From what the link `start` puts out to the sum after `end`; it `changes` the shape, or adds it as it is."""

    start: int
    end: int
    changes: bool


class Chain(NamedTuple):
    """A network as one line."""

    name: str
    facts: str
    links: tuple[Link, ...]
    shortcuts: tuple[Shortcut, ...]


def draw_chains(graphs: Sequence[Graph]) -> str:
    """The networks side by side. Raises `PictureError` if one has too many layers for a page."""
    chains = [chain(graph) for graph in graphs]
    rows = _rows(chains)
    sizes = list(rows)
    tops = dict(zip(sizes, accumulate((rows[size] * STEP + 2 * BAND for size in sizes), initial=HEADING), strict=False))
    bottom = tops[sizes[-1]] + rows[sizes[-1]] * STEP + 2 * BAND
    marks: list[str] = []
    x = MARGIN + SIZES
    for each in chains:
        wide = max(width(each.name, TITLE, bold=True), width(each.facts, SMALL), *(_wide(link) for link in each.links))
        marks.extend(_column(each, x, wide, tops))
        x += wide + ARCS + MARGIN
    lines = [_row(size, tops[size], x - MARGIN) for size in sizes]
    names = ", ".join(each.name for each in chains)
    told = f"{names}, layer by layer on common rows by the size of their maps."
    return document(names, told, Sheet((*lines, *marks), x, bottom + MARGIN), LINES)


def chain(graph: Graph) -> Chain:
    """A network as one line. Raises `PictureError` if it branches outside of blocks, or its maps grow again."""
    facts = Facts(graph)
    labels = Labels(facts)
    walk = _Walk(labels, {node.name for node in facts.inference})
    pending: list[Node | Part] = [tree(facts.graph.nodes, facts.graph.scopes)]
    while pending:
        item = pending.pop()
        if isinstance(item, Node):
            walk.node(item)
        elif not walk.whole(item):
            pending.extend(reversed(item.items))
    links = walk.links
    if len(links) > MOST:
        raise PictureError(f"{graph.name} has {len(links)} layers in a chain; a picture of chains has {MOST} at most")
    if any(_order(one) < _order(other) for one, other in pairwise(links)):
        raise PictureError(f"the maps of {graph.name} grow again, so it has no place on rows by their size")
    return Chain(graph.name, labels.facts_line(), tuple(links), tuple(walk.shortcuts))


class _Walk:
    """Takes the layers of a network in their order, and keeps the link by which each can be reached."""

    def __init__(self, labels: Labels, needed: set[str]) -> None:
        self.labels = labels
        self.needed = needed
        self.links: list[Link] = []
        self.shortcuts: list[Shortcut] = []
        self._standing: dict[str, int] = {}

    def whole(self, part: Part) -> bool:
        """Take a part as one, if it is a block that branches, the shortcut of another, or not needed."""
        inside = [node for node in layers_in(part) if node.name in self.needed]
        if part.scope.path and any(map(_branches, inside)):
            detail = self.labels.scope_detail(part)
            self.links.append(Link(part.scope.path, self.labels.title(part), "scope", inside[-1].shape[1:], detail))
            self._stand(inside, len(self.links) - 1)
        elif inside and part.scope.kind == "shortcut":
            self._stand(inside, self._standing[_outer(inside)])
        else:
            return not inside
        return True

    def _stand(self, nodes: Sequence[Node], link: int) -> None:
        self._standing.update(dict.fromkeys((node.name for node in nodes), link))

    def node(self, node: Node) -> None:
        if node.name not in self.needed:
            return
        if _branches(node):
            raise PictureError(f"{self.labels.graph.name} branches outside of blocks (at {node.name}), and is no chain")
        sources = [self._standing[name] for name in node.sources if name in self._standing]
        if isinstance(node.op, Add) and min(sources) < max(sources):
            changes = any(next(self.labels.graph.scopes_around(name)).kind == "shortcut" for name in node.sources)
            self.shortcuts.append(Shortcut(min(sources), max(sources), changes))
        elif kind(node.op) in ("terminal", "weights", "pool") and node.op.word != "drop_path_draw":
            (section,) = self.labels.sections((node,))
            detail = self.labels.chain_detail((node,))
            self.links.append(Link(node.name, section.text, section.kind, node.shape[1:], detail))
        self._stand([node], max(0, len(self.links) - 1))


def _order(link: Link) -> tuple[int, tuple[int, ...]]:
    """Maps before vectors, and large ones before small ones."""
    return len(link.pixels), link.pixels


def _outer(inside: Sequence[Node]) -> str:
    """What a shortcut reads."""
    names = {node.name for node in inside}
    return next(name for node in inside for name in node.sources if name not in names)


def _branches(node: Node) -> bool:
    """Whether tensors meet otherwise than in a sum of two."""
    return isinstance(node.op, Merge) and not (isinstance(node.op, Add) and len(node.inputs) == 2)


def _rows(chains: Sequence[Chain]) -> dict[tuple[int, ...], int]:
    """The sizes of maps from the largest to vectors, each with the most boxes that a network has of it."""
    counts: dict[tuple[int, ...], int] = {}
    for each in chains:
        mine: dict[tuple[int, ...], int] = {}
        for link in each.links:
            mine[link.pixels] = mine.get(link.pixels, 0) + 1
        for size, count in mine.items():
            counts[size] = max(counts.get(size, 0), count)
    return dict(sorted(counts.items(), key=lambda row: (len(row[0]), row[0]), reverse=True))


def _wide(link: Link) -> float:
    return width(link.text, TINY) + 20


def _column(each: Chain, x: float, wide: float, tops: dict[tuple[int, ...], float]) -> Iterator[str]:
    yield words(each.name, x, 32, TITLE, "text bold")
    yield words(each.facts, x, 49, SMALL, "muted")
    taken: dict[tuple[int, ...], int] = {}
    heights = []
    for link in each.links:
        place = taken[link.pixels] = taken.get(link.pixels, -1) + 1
        heights.append(tops[link.pixels] + BAND + place * STEP)
    for above, below in pairwise(heights):
        yield _wire(x + wide / 2, above + HIGH, below)
    for shortcut in each.shortcuts:
        yield _arc(shortcut, x + wide / 2, x + wide, heights)
    for link, top in zip(each.links, heights, strict=True):
        plate = tag("rect", class_=link.kind, x=x, y=top, width=wide, height=HIGH, rx=5)
        text = words(link.text, x + wide / 2, top + 14, TINY, f"{link.kind}-text middle")
        yield tag("g", tooltip(link.detail) + plate + text, data_box=f"{each.name} {link.key}")


def _wire(x: float, start: float, end: float) -> str:
    line = tag("path", class_="wire", d=f"M{number(x)} {number(start)}V{number(end - 5)}")
    return line + tag("path", class_="head", d=f"M{number(x)} {number(end)}l-3 -6h6z")


def _arc(shortcut: Shortcut, middle: float, right: float, heights: Sequence[float]) -> str:
    """From under one box around the right to under another, broken if it changes the shape."""
    start, end = heights[shortcut.start] + HIGH + 4, heights[shortcut.end] + HIGH + 4
    bow = min(ARCS - 8, 14 + (end - start) / 8)
    path = f"M{number(middle)} {number(start)}H{number(right)}"
    path += f"C{number(right + bow)} {number(start)} {number(right + bow)} {number(end)} {number(right)} {number(end)}"
    style = "wire changes" if shortcut.changes else "wire"
    return tag("path", class_=style, d=f"{path}H{number(middle + 6)}") + tag(
        "path", class_="head", d=f"M{number(middle)} {number(end)}l6 -3v6z"
    )


def _row(size: tuple[int, ...], top: float, right: float) -> str:
    told = " x ".join(map(str, size)) if size else "vector"
    line = tag("path", class_="wire row", d=f"M{number(MARGIN)} {number(top)}H{number(right)}")
    return line + words(told, MARGIN, top + BAND + 14, SMALL, "muted")
