"""A picture on a page: of all ways to lay it out, the one with the largest letters; blocks close till it fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from cnndsl.draw.boxes import Pictures
from cnndsl.draw.columns import in_columns
from cnndsl.draw.geometry import Direction, Layout
from cnndsl.draw.layout import bent, one_line
from cnndsl.draw.look import PAGES, Look, Page, PageName, PictureError
from cnndsl.draw.model import Box, Picture, Section
from cnndsl.draw.notes import LEGEND, noted
from cnndsl.draw.sizes import TINY, sheet_size
from cnndsl.ir.graph import Graph

SMALLEST = 9.0  # points of the smallest letters
LARGEST = 1.5  # points to a pixel: a small network need not fill a slide
MOST_COLUMNS = 12
DIRECTIONS: tuple[Direction, ...] = ("down", "right")


class Placed(NamedTuple):
    """A picture laid out for a page; `scale` is the points to a pixel."""

    drawn: Picture
    places: Layout
    scale: float


def fitted(graph: Graph, pictures: Pictures, look: Look, page: PageName) -> Placed:
    """The picture that fits the page, opened as far as it can be. Raises `PictureError` if none does."""
    drawings = [pictures.at(look.depth)] if look.depth else [*pictures.levels()][::-1]
    for drawn in (*drawings, _brief(drawings[-1])):
        best = max(_choices(noted(drawn, look), look, PAGES[page]), key=lambda choice: choice.scale)
        if best.scale * TINY >= SMALLEST:
            return best
    raise PictureError(_too_large(graph.name, best, page))


def _brief(drawn: Picture) -> Picture:
    """Of closed blocks that have a name only that."""
    boxes = {key: _named(box) if box.kind == "scope" and box.caption else box for key, box in drawn.boxes.items()}
    return replace(drawn, boxes=boxes)


def _named(box: Box) -> Box:
    return replace(box, sections=(Section(box.caption, "scope"),), caption="")


def _choices(drawn: Picture, look: Look, page: Page) -> Iterator[Placed]:
    for direction in [look.direction] if look.direction else DIRECTIONS:
        straight = one_line(drawn, direction)
        around = bent(drawn, straight)
        columns = (in_columns(straight, count) for count in range(2, MOST_COLUMNS + 1))
        for places in (straight, *([around] if around else columns)):
            width, height = sheet_size(drawn, places)
            height += LEGEND if look.colour else 0
            scale = min(LARGEST, page.width / width, page.height / height if page.height else LARGEST)
            yield Placed(drawn, places, scale)


def _too_large(name: str, best: Placed, page: PageName) -> str:
    width, height = (size * SMALLEST / TINY for size in sheet_size(best.drawn, best.places))
    room = PAGES[page]
    have = f"{room.width:g} x {room.height:g}" if room.height else f"{room.width:g} wide"
    return (
        f"{name} does not fit {page} with letters of {SMALLEST:g} points:"
        f" it takes {width:.0f} x {height:.0f} points, and there are {have}"
    )
