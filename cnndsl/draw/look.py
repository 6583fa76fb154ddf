"""What a picture is to be like: how far its blocks are opened, which way the network runs, what page it is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from cnndsl.draw.geometry import Direction
from cnndsl.draw.model import Fact
from cnndsl.errors import Error

FigureName: TypeAlias = Literal["graph", "boxes", "dense", "chain"]
Colour: TypeAlias = Literal["kind", "macs", "params"]
PageName: TypeAlias = Literal["16:9", "4:3", "column"]


class PictureError(Error):
    """What was asked of a picture cannot be had of this network."""


class Page(NamedTuple):
    """Room for a picture in points, 72 to the inch; without a height it is as high as the picture is."""

    width: float
    height: float | None


PAGES: dict[PageName, Page] = {
    "16:9": Page(960, 540),  # slides as programs make them: 13.33 x 7.5 inches, and
    "4:3": Page(720, 540),  # 10 x 7.5
    "column": Page(252, None),  # one of two on a page, as in IEEE's and CVPR's style
}


@dataclass(frozen=True, slots=True)
class Look:
    """How to draw a network.

    depth      levels of scopes to open, 1 showing the outermost as boxes; without it as many as come to about 60 boxes
    direction  which way it runs; without it down, or what fits the page best
    page       what it has to fit, with letters of nine points at least
    labels     what of its numbers each box says
    colour     by what boxes are coloured, with a legend
    highlight  paths of layers and blocks around which there are rings
    figure     a graph of boxes, maps as cuboids, the arcs of dense blocks, or chains of layers side by side
    """

    depth: int | None = None
    direction: Direction | None = None
    page: PageName | None = None
    figure: FigureName = "graph"
    labels: tuple[Fact, ...] = ()
    colour: Colour | None = None
    highlight: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether colours are those of kinds, without a legend, and nothing is chosen."""
        return self.colour is None and not self.highlight


PLAIN = Look()
