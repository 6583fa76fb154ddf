"""Labels of points: near their circles, or with a line that leads to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import hypot

from cnndsl.draw.axes import LABEL
from cnndsl.draw.lettering import width
from cnndsl.draw.placement import Box, Disc, nearest
from cnndsl.draw.tags import number, tag, words

FAR = 9.0  # pixels from which a line leads to a label
ROOM = 1.1  # for systems whose fonts are wider than Helvetica


def label_size(text: str) -> tuple[float, float]:
    return ROOM * width(text, LABEL) + 2.0, LABEL + 4.0


def label_marks(texts: Sequence[str], discs: Sequence[Disc], boxes: Sequence[Box]) -> Iterator[str]:
    """The lines, and over them the labels."""
    yield from _leads(discs, boxes)
    for text, box in zip(texts, boxes, strict=True):
        yield words(text, box.left + 1, box.bottom - 4, LABEL, "text label halo on0")


def _leads(discs: Sequence[Disc], boxes: Sequence[Box]) -> Iterator[str]:
    for disc, box in zip(discs, boxes, strict=True):
        x, y = nearest(box, disc)
        away = hypot(x - disc.x, y - disc.y)
        if away > disc.radius + FAR:
            part = disc.radius / away
            start = disc.x + part * (x - disc.x), disc.y + part * (y - disc.y)
            yield tag("path", class_="wire lead", d=f"M{number(start[0])} {number(start[1])}L{number(x)} {number(y)}")
