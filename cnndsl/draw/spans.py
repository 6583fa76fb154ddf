"""Spans over one axis, each with a name and a middle: where most measurements of a thing lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

from cnndsl.draw.axes import LABEL, LINE, SMALL, STYLE, TITLE, Scale
from cnndsl.draw.lettering import width
from cnndsl.draw.paper import Sheet, document
from cnndsl.draw.tags import number, tag, words

ACROSS, ROW = 640.0, 30.0  # pixels
TOP, GAP, RIGHT = 56.0, 12.0, 90.0
POINT = 5.0


class Span(NamedTuple):
    name: str
    low: float
    middle: float
    high: float
    told: str  # beside it


def spans_chart(heading: str, axis: str, spans: Sequence[Span]) -> str:
    """The SVG document; the axis begins at zero, so that lengths may be compared."""
    left = 24 + max(width(each.name, LABEL) for each in spans) * 1.1 + GAP
    bottom = TOP + ROW * len(spans)
    most = max(each.high for each in spans) or 1.0
    scale = Scale(0.0, most * 1.02, left, left + ACROSS)
    marks = (
        words(heading, 24, 32, TITLE, "text bold"),
        *_axis(axis, scale, bottom),
        *(mark for at, each in enumerate(spans) for mark in _span(each, scale, TOP + ROW * (at + 0.5))),
    )
    content = Sheet(marks, left + ACROSS + RIGHT, bottom + 3.5 * LINE)
    return document(heading, f"{axis}: {', '.join(each.name for each in spans)}.", content, STYLE)


def _axis(axis: str, scale: Scale, bottom: float) -> Iterator[str]:
    for value in scale.ticks():
        x = scale.at(value)
        yield tag("path", class_="wire tick", d=f"M{number(x)} {number(TOP)}V{number(bottom)}")
        yield words(f"{value:g}", x, bottom + 16, SMALL, "muted middle")
    yield words(axis, (scale.start + scale.end) / 2, bottom + 36, LABEL, "text middle")


def _span(span: Span, scale: Scale, y: float) -> Iterator[str]:
    low, middle, high = (scale.at(value) for value in (span.low, span.middle, span.high))
    yield words(span.name, scale.start - GAP, y + 4, LABEL, "text end")
    yield tag("path", class_="wire", d=f"M{number(low)} {number(y)}H{number(high)}")
    inside = tag("title", escape(f"{span.name}: {span.told}"))
    yield tag("circle", inside, class_="disc weights", cx=middle, cy=y, r=POINT)
    yield words(span.told, high + GAP, y + 4, SMALL, "muted")
