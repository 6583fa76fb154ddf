"""The forms that a picture can be written in, which the endings of files say, and the figures that it can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnndsl.draw.boxes import picture
from cnndsl.draw.chain import draw_chains
from cnndsl.draw.cuboids import draw_cuboids
from cnndsl.draw.dense import draw_dense
from cnndsl.draw.dot import dot
from cnndsl.draw.look import FigureName, Look
from cnndsl.draw.mermaid import markdown
from cnndsl.draw.printing import pdf, png
from cnndsl.draw.svg import draw
from cnndsl.draw.viewer.page import page
from cnndsl.ir.graph import Graph

FIGURES: dict[FigureName, Callable[[Sequence[Graph], Look], str]] = {
    "graph": lambda graphs, look: draw(graphs[0], look),
    "boxes": lambda graphs, look: draw_cuboids(graphs[0]),
    "dense": lambda graphs, look: draw_dense(graphs[0]),
    "chain": lambda graphs, look: draw_chains(graphs),
}
PRINTS: dict[str, Callable[[str], str | bytes]] = {"svg": str, "png": png, "pdf": pdf}
TEXTS: dict[str, Callable[[Graph, Look], str]] = {
    "html": lambda graph, look: page(graph, look.depth),
    "md": lambda graph, look: markdown(picture(graph, look.depth)),
    "dot": lambda graph, look: dot(picture(graph, look.depth)),
}
FORMS = (*PRINTS, *TEXTS)


def figure(graphs: Sequence[Graph], look: Look) -> str:
    """The picture of a network, or the chains of several, as an SVG document. Raises `PictureError`."""
    return FIGURES[look.figure](graphs, look)


def draw_as(graphs: Sequence[Graph], form: str, look: Look) -> str | bytes:
    """A picture in a form of FORMS: bytes of PNG and PDF, text of the others. Raises `PictureError`."""
    return PRINTS[form](figure(graphs, look)) if form in PRINTS else TEXTS[form](graphs[0], look)
