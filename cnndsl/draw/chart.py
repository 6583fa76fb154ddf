"""Networks as circles over two axes, their areas a third number: the chart of Canziani, Paszke and Culurciello 2016."""

from __future__ import annotations

from collections.abc import Iterator
from math import hypot, sqrt
from xml.sax.saxutils import escape

from cnndsl.comparison.measures import Comparison, Entry, axis_words, mixed, written
from cnndsl.draw.axis import Scale
from cnndsl.draw.lettering import width
from cnndsl.draw.paper import Sheet, document
from cnndsl.draw.placement import Box, Disc, nearest, placed
from cnndsl.draw.tags import number, tag, words

WIDTH, HEIGHT = 960.0, 620.0  # of the frame, in pixels
LEFT, TOP, RIGHT = 74.0, 62.0, 24.0  # around it
LABEL, SMALL, TITLE = 12, 11, 17  # text sizes
LINE = 16.0
LARGEST, PLAIN = 34.0, 6.0  # radii
ROOM = 1.1  # for systems whose fonts are wider than Helvetica
GROWTH = 1.25
FAR = 9.0  # pixels from which a line leads to a label


def chart(comparison: Comparison) -> str:
    """The SVG document. Its frame grows until every label has a place of its own."""
    grown = 1.0
    while True:
        frame = Box(LEFT, TOP, LEFT + WIDTH * grown, TOP + HEIGHT * grown)
        discs, scales = _discs(comparison, frame)
        labels = placed(discs, frame)
        if labels is not None:
            heading = f"{axis_words(comparison.y)} over {axis_words(comparison.x)}"
            names = ", ".join(entry.network for entry in comparison.entries)
            content = _sheet(comparison, heading, frame, scales, discs, labels)
            return document(heading, f"Chart of {names}.", content, STYLE)
        grown *= GROWTH


STYLE = """\
.disc { stroke-width: 1.2; fill-opacity: 0.7; }
.tick { stroke-width: 1; opacity: 0.35; }
.lead { stroke-width: 0.8; }"""


def _discs(comparison: Comparison, frame: Box) -> tuple[list[Disc], tuple[Scale, Scale]]:
    radii = _radii(comparison)
    room = max(radii, default=0) + 8
    across = _scale(comparison, comparison.x, frame.left + room, frame.right - room)
    down = _scale(comparison, comparison.y, frame.bottom - room, frame.top + room)
    discs = [
        Disc(across.at(entry.numbers[comparison.x]), down.at(entry.numbers[comparison.y]), radius, _label_size(entry))
        for entry, radius in zip(comparison.entries, radii, strict=True)
    ]
    return discs, (across, down)


def _label_size(entry: Entry) -> tuple[float, float]:
    return ROOM * width(entry.network, LABEL) + 2.0, LABEL + 4.0


def _radii(comparison: Comparison) -> list[float]:
    """Areas are as the numbers are."""
    if comparison.size is None:
        return [PLAIN] * len(comparison.entries)
    sizes = [entry.numbers[comparison.size] for entry in comparison.entries]
    largest = max(sizes, default=0) or 1.0
    return [max(2.5, LARGEST * sqrt(max(size, 0) / largest)) for size in sizes]


def _scale(comparison: Comparison, axis: str, start: float, end: float) -> Scale:
    values = [entry.numbers[axis] for entry in comparison.entries]
    low, high = min(values), max(values)
    spare = (high - low) * 0.02 or abs(high) * 0.1 or 1.0
    return Scale(low - spare, high + spare, start, end)


def _sheet(
    comparison: Comparison,
    heading: str,
    frame: Box,
    scales: tuple[Scale, Scale],
    discs: list[Disc],
    labels: list[Box],
) -> Sheet:
    notes = [*_notes(comparison)]
    bottom = frame.bottom + 44
    marks = (
        words(heading, LEFT, 34, TITLE, "text bold"),
        tag(
            "rect",
            class_="frame",
            x=frame.left,
            y=frame.top,
            width=frame.right - frame.left,
            height=frame.bottom - frame.top,
            fill="none",
        ),
        *_axes(comparison, frame, scales),
        *(_circle(entry, disc, comparison) for entry, disc in _largest_first(comparison, discs)),
        *_leads(discs, labels),
        *(_label(entry, box) for entry, box in zip(comparison.entries, labels, strict=True)),
        *(words(note, LEFT, bottom + LINE * (1 + at), SMALL, "muted note") for at, note in enumerate(notes)),
    )
    broad = max([frame.right + RIGHT, *(LEFT + width(note, SMALL) + RIGHT for note in notes)])
    return Sheet(marks, broad, bottom + LINE * (len(notes) + 1))


def _largest_first(comparison: Comparison, discs: list[Disc]) -> list[tuple[Entry, Disc]]:
    return sorted(zip(comparison.entries, discs, strict=True), key=lambda pair: -pair[1].radius)


def _axes(comparison: Comparison, frame: Box, scales: tuple[Scale, Scale]) -> Iterator[str]:
    across, down = scales
    for value in across.ticks():
        x = across.at(value)
        yield tag("path", class_="wire tick", d=f"M{number(x)} {number(frame.top)}V{number(frame.bottom)}")
        yield words(f"{value:g}", x, frame.bottom + 16, SMALL, "muted middle")
    for value in down.ticks():
        y = down.at(value)
        yield tag("path", class_="wire tick", d=f"M{number(frame.left)} {number(y)}H{number(frame.right)}")
        yield words(f"{value:g}", frame.left - 8, y + 4, SMALL, "muted end")
    yield words(axis_words(comparison.x), (frame.left + frame.right) / 2, frame.bottom + 36, LABEL, "text middle")
    turned = f"rotate(-90 18 {number((frame.top + frame.bottom) / 2)})"
    middle = (frame.top + frame.bottom) / 2
    text = escape(axis_words(comparison.y))
    yield tag("text", text, class_="text middle", x=18, y=middle, font_size=LABEL, transform=turned)


def _circle(entry: Entry, disc: Disc, comparison: Comparison) -> str:
    """Filled as its source is: a paper's, or torchvision's."""
    told = ", ".join(f"{axis_words(axis)}: {written(axis, entry.numbers[axis])}" for axis in comparison.axes)
    source = f"; {entry.result.by}, {entry.result.crop}" if entry.result else ""
    kind = "activation" if entry.result and entry.result.source == "torchvision" else "weights"
    inside = tag("title", escape(f"{entry.network}: {told}{source}"))
    return tag("circle", inside, class_=f"disc {kind}", cx=disc.x, cy=disc.y, r=disc.radius)


def _leads(discs: list[Disc], labels: list[Box]) -> Iterator[str]:
    for disc, box in zip(discs, labels, strict=True):
        x, y = nearest(box, disc)
        away = hypot(x - disc.x, y - disc.y)
        if away > disc.radius + FAR:
            part = disc.radius / away
            start = disc.x + part * (x - disc.x), disc.y + part * (y - disc.y)
            yield tag("path", class_="wire lead", d=f"M{number(start[0])} {number(start[1])}L{number(x)} {number(y)}")


def _label(entry: Entry, box: Box) -> str:
    return words(entry.network, box.left + 1, box.bottom - 4, LABEL, "text label halo on0")


def _notes(comparison: Comparison) -> Iterator[str]:
    if comparison.size is not None and comparison.entries:
        largest = max(comparison.entries, key=lambda entry: entry.numbers[comparison.size or ""])
        most = written(comparison.size, largest.numbers[comparison.size])
        yield f"Areas are {axis_words(comparison.size)}: the largest, {largest.network}, has {most}."
    if mixed(comparison):
        yield mixed(comparison)
        if len({each.source for each in comparison.sources}) > 1:
            yield "Blue: measured by the network's paper. Yellow: measured by torchvision."
    elif comparison.sources:
        only = comparison.sources[0]
        yield f"Accuracies are by {only.by}, {only.dataset}, {only.crop}: {only.where}."
