"""Networks as circles over two axes, their areas a third number: the chart of Canziani, Paszke and Culurciello 2016."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from xml.sax.saxutils import escape

from cnndsl.comparison.measures import Comparison, Entry, axis_words, mixed, written
from cnndsl.draw.axes import BOTTOM, LEFT, LINE, RIGHT, SMALL, STYLE, Scale, frame_marks, framed, scales
from cnndsl.draw.leads import label_marks, label_size
from cnndsl.draw.lettering import width
from cnndsl.draw.paper import Sheet, document
from cnndsl.draw.placement import Box, Disc, placed
from cnndsl.draw.tags import tag, words

LARGEST, PLAIN = 34.0, 6.0  # radii
GROWTH = 1.25


def chart(comparison: Comparison) -> str:
    """The SVG document. Its frame grows until every label has a place of its own."""
    grown = 1.0
    while True:
        frame = framed(grown)
        discs, along = _discs(comparison, frame)
        labels = placed(discs, frame)
        if labels is not None:
            heading = f"{axis_words(comparison.y)} over {axis_words(comparison.x)}"
            names = ", ".join(entry.network for entry in comparison.entries)
            content = _sheet(comparison, heading, frame, along, discs, labels)
            return document(heading, f"Chart of {names}.", content, STYLE)
        grown *= GROWTH


def _discs(comparison: Comparison, frame: Box) -> tuple[list[Disc], tuple[Scale, Scale]]:
    radii = _radii(comparison)
    xs, ys = ([entry.numbers[axis] for entry in comparison.entries] for axis in (comparison.x, comparison.y))
    across, down = scales(xs, ys, frame, max(radii, default=0) + 8)
    discs = [
        Disc(
            across.at(entry.numbers[comparison.x]),
            down.at(entry.numbers[comparison.y]),
            radius,
            label_size(entry.network),
        )
        for entry, radius in zip(comparison.entries, radii, strict=True)
    ]
    return discs, (across, down)


def _radii(comparison: Comparison) -> list[float]:
    """Areas are as the numbers are."""
    if comparison.size is None:
        return [PLAIN] * len(comparison.entries)
    sizes = [entry.numbers[comparison.size] for entry in comparison.entries]
    largest = max(sizes, default=0) or 1.0
    return [max(2.5, LARGEST * sqrt(max(size, 0) / largest)) for size in sizes]


def _sheet(
    comparison: Comparison,
    heading: str,
    frame: Box,
    along: tuple[Scale, Scale],
    discs: list[Disc],
    labels: list[Box],
) -> Sheet:
    notes = [*_notes(comparison)]
    bottom = frame.bottom + BOTTOM
    names = [entry.network for entry in comparison.entries]
    marks = (
        *frame_marks(heading, frame, *along, axis_words(comparison.x), axis_words(comparison.y)),
        *(_circle(entry, disc, comparison) for entry, disc in _largest_first(comparison, discs)),
        *label_marks(names, discs, labels),
        *(words(note, LEFT, bottom + LINE * (1 + at), SMALL, "muted note") for at, note in enumerate(notes)),
    )
    broad = max([frame.right + RIGHT, *(LEFT + width(note, SMALL) + RIGHT for note in notes)])
    return Sheet(marks, broad, bottom + LINE * (len(notes) + 1))


def _largest_first(comparison: Comparison, discs: list[Disc]) -> list[tuple[Entry, Disc]]:
    return sorted(zip(comparison.entries, discs, strict=True), key=lambda pair: -pair[1].radius)


def _circle(entry: Entry, disc: Disc, comparison: Comparison) -> str:
    """Filled as its source is: a paper's, or torchvision's."""
    told = ", ".join(f"{axis_words(axis)}: {written(axis, entry.numbers[axis])}" for axis in comparison.axes)
    source = f"; {entry.result.by}, {entry.result.crop}" if entry.result else ""
    kind = "activation" if entry.result and entry.result.source == "torchvision" else "weights"
    inside = tag("title", escape(f"{entry.network}: {told}{source}"))
    return tag("circle", inside, class_=f"disc {kind}", cx=disc.x, cy=disc.y, r=disc.radius)


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
