"""The forms that a picture can be written in, which the endings of files say."""

from __future__ import annotations

from collections.abc import Callable

from cnndsl.draw.boxes import picture
from cnndsl.draw.dot import dot
from cnndsl.draw.look import Look
from cnndsl.draw.mermaid import markdown
from cnndsl.draw.printing import pdf, png
from cnndsl.draw.svg import draw
from cnndsl.draw.viewer.page import page
from cnndsl.ir.graph import Graph

FORMS: dict[str, Callable[[Graph, Look], str | bytes]] = {
    "svg": draw,
    "png": lambda graph, look: png(draw(graph, look)),
    "pdf": lambda graph, look: pdf(draw(graph, look)),
    "html": lambda graph, look: page(graph, look.depth),
    "md": lambda graph, look: markdown(picture(graph, look.depth)),
    "dot": lambda graph, look: dot(picture(graph, look.depth)),
}


def draw_as(graph: Graph, form: str, look: Look) -> str | bytes:
    """The picture of a network in a form of FORMS: bytes of PNG and PDF, text of the others."""
    return FORMS[form](graph, look)
