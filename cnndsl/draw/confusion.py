"""Which classes are taken for which: a square for each pair, as dark as it is frequent among those of its class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

from cnndsl.draw.lettering import shortened, width
from cnndsl.draw.paper import Sheet, document
from cnndsl.draw.tags import number, tag, words

SIDE, NAMED = 34.0, 24  # pixels of a cell, and most letters of a name, where cells have counts
SMALL_SIDE, FEW = 5.0, 40  # for more classes than that
LEFT, TOP = 24.0, 56.0
TITLE, TEXT, SMALL = 17, 12, 11  # text sizes
STYLE = ".cell { stroke: none; }"


def confusion_svg(heading: str, classes: Sequence[str], pairs: Mapping[tuple[int, int], int]) -> str:
    """The SVG document; `pairs` are numbers of pictures by the class they are of and the one they are taken for."""
    told = len(classes) <= FEW
    side = SIDE if told else SMALL_SIDE
    names = [shortened(name, NAMED) for name in classes] if told else []
    room = max((width(name, SMALL) for name in names), default=0)
    left, top, whole = LEFT + 20 + room + 8, TOP + 20 + room + 8, side * len(classes)
    marks = (
        words(heading, LEFT, 32, TITLE, "text bold"),
        *_cells(classes, pairs, left, top, side, told),
        tag("rect", class_="frame", x=left, y=top, width=whole, height=whole, fill="none"),
        *_names(names, left, top, side),
        words("taken for", left + whole / 2, TOP + 8, TEXT, "text middle"),
        tag("text", "is", class_="text middle", font_size=TEXT, **_turned(LEFT + 8, top + whole / 2)),
    )
    broad = max(left + whole, LEFT + width(heading, TITLE, bold=True)) + LEFT
    return document(heading, "Confusion of classes.", Sheet(marks, broad, top + whole + LEFT), STYLE)


def _cells(
    classes: Sequence[str], pairs: Mapping[tuple[int, int], int], left: float, top: float, side: float, told: bool
) -> Iterator[str]:
    sums = [0] * len(classes)
    for (own, _), count in pairs.items():
        sums[own] += count
    for (own, guessed), count in sorted(pairs.items()):
        part, x, y = count / sums[own], left + guessed * side, top + own * side
        inside = tag("title", escape(f"{classes[own]} taken for {classes[guessed]}: {count:,} of {sums[own]:,}"))
        kind = "badge cell"
        yield tag("rect", inside, class_=kind, fill_opacity=f"{part:.2f}", x=x, y=y, width=side, height=side)
        if told:
            style = "badge-text middle" if part > 0.5 else "text middle"
            yield words(f"{count:,}", x + side / 2, y + side / 2 + 4, SMALL, style)


def _names(names: Sequence[str], left: float, top: float, side: float) -> Iterator[str]:
    for at, name in enumerate(names):
        middle = (at + 0.5) * side
        yield words(name, left - 8, top + middle + 4, SMALL, "text end")
        yield tag("text", escape(name), class_="text", font_size=SMALL, **_turned(left + middle + 4, top - 8))


def _turned(x: float, y: float) -> dict[str, str | float]:
    return {"x": x, "y": y, "transform": f"rotate(-90 {number(x)} {number(y)})"}
