"""A sheet of paper with marks on it as an SVG document: one file without scripts, fonts or images from elsewhere."""

from __future__ import annotations

from typing import NamedTuple
from xml.sax.saxutils import escape

from cnndsl.draw.look import Page
from cnndsl.draw.style import stylesheet
from cnndsl.draw.tags import number, tag


class Paper(NamedTuple):
    """A page on whose middle a sheet is printed, `scale` points to a pixel."""

    page: Page
    scale: float


class Sheet(NamedTuple):
    """What stands on one sheet of paper, and how large that is in pixels."""

    marks: tuple[str, ...]
    width: float
    height: float


def document(heading: str, description: str, content: Sheet, styles: str = "", on: Paper | None = None) -> str:
    """The SVG document of what stands on a sheet, with further `styles`; the paper is under it."""
    view, size = _view(content, on)
    parts = [
        tag("title", escape(heading), id="title"),
        tag("desc", escape(description), id="desc"),
        tag("style", escape(f"\n{stylesheet()}\n{styles}")),
        tag("rect", "", class_="paper", **view, rx=8),
        *content.marks,
    ]
    return (
        tag(
            "svg",
            "\n" + "\n".join(parts) + "\n",
            xmlns="http://www.w3.org/2000/svg",
            viewBox=" ".join(number(view.get(side, 0)) for side in ("x", "y", "width", "height")),
            **size,
            role="img",
            aria_labelledby="title desc",
        )
        + "\n"
    )


def _view(content: Sheet, on: Paper | None) -> tuple[dict[str, float], dict[str, str | float]]:
    """What of the plane is seen, in pixels, and how large that is."""
    if on is None:
        seen = {"width": content.width, "height": content.height}
        return seen, {**seen}
    width, height = on.page.width / on.scale, (on.page.height or content.height * on.scale) / on.scale
    seen = {"x": (content.width - width) / 2, "y": (content.height - height) / 2, "width": width, "height": height}
    return seen, {"width": f"{number(on.page.width)}pt", "height": f"{number(height * on.scale)}pt"}
