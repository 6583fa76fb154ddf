"""The variants of a sweep as points over two measures, and the Pareto front among them with its names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from cnndsl.comparison.measures import MEASURES, axis_words, written
from cnndsl.draw.axes import BOTTOM, LEFT, LINE, RIGHT, SMALL, STYLE, Scale, frame_marks, framed, scales
from cnndsl.draw.leads import label_marks, label_size
from cnndsl.draw.lettering import width
from cnndsl.draw.paper import Sheet, document
from cnndsl.draw.placement import Box, Disc, placed
from cnndsl.draw.tags import number, tag, words
from cnndsl.errors import SweepError
from cnndsl.sweeping.rows import Goals, Row
from cnndsl.sweeping.sweep import Sweep

DOT, POINT = 2.5, 6.0  # radii: of other variants, and of the front
MOST_LABELS = 12
GROWTH = 1.25


def front_chart(sweep: Sweep, rows: Sequence[Row], goals: Goals, notes: Sequence[str]) -> str:
    """The SVG document, over the first two goals of least and most. Raises `SweepError` if nothing is to be shown."""
    kept = [row for row in rows if row.kept]
    if not kept:
        raise SweepError("there is nothing to draw: no variant meets the condition")
    x, y = axes_of(goals)
    best = sorted((row for row in kept if row.front), key=lambda row: (_at(row, x), _at(row, y)))
    labelled = best[:: -(-len(best) // MOST_LABELS)]
    frame, grown = framed(), 1.0
    while True:
        along = scales([_at(row, x) for row in kept], [_at(row, y) for row in kept], frame, POINT + 8)
        discs = [_disc(sweep, row, (x, y), along) for row in labelled]
        labels = placed(discs, frame)
        if labels is not None:
            break
        grown *= GROWTH
        frame = framed(grown)
    heading = f"{sweep.ground.network}: {axis_words(y)} over {axis_words(x)}"
    marks = (
        *frame_marks(heading, frame, *along, axis_words(x), axis_words(y)),
        *(_dot(sweep, row, (x, y), along, "other", DOT) for row in kept if not row.front),
        *(_line(best, (x, y), along) if len(goals.all) == 2 else ()),
        *(_dot(sweep, row, (x, y), along, "weights", POINT) for row in best),
        *label_marks([sweep.named(row.variant) for row in labelled], discs, labels),
    )
    return document(heading, f"The front has {goals.in_words()}.", _with_notes(marks, frame, notes), STYLE)


def axes_of(goals: Goals) -> tuple[str, str]:
    """The first of least over the first of most; of one kind alone its first two."""
    names = [*goals.least[:1], *goals.most[:1], *goals.least[1:], *goals.most[1:]]
    if len(names) < 2:
        raise SweepError("a chart is over two goals: name another in --least or --most")
    return names[0], names[1]


def _at(row: Row, axis: str) -> float:
    return row.numbers[axis] / MEASURES[axis].unit


def _place(row: Row, axes: tuple[str, str], along: tuple[Scale, Scale]) -> tuple[float, float]:
    return along[0].at(_at(row, axes[0])), along[1].at(_at(row, axes[1]))


def _disc(sweep: Sweep, row: Row, axes: tuple[str, str], along: tuple[Scale, Scale]) -> Disc:
    return Disc(*_place(row, axes, along), POINT, label_size(sweep.named(row.variant)))


def _dot(sweep: Sweep, row: Row, axes: tuple[str, str], along: tuple[Scale, Scale], kind: str, radius: float) -> str:
    x, y = _place(row, axes, along)
    told = ", ".join(f"{axis_words(axis)}: {written(axis, _at(row, axis))}" for axis in MEASURES)
    inside = tag("title", escape(f"{sweep.named(row.variant)}: {told}"))
    return tag("circle", inside, class_=f"disc {kind}", cx=x, cy=y, r=radius)


def _line(best: Sequence[Row], axes: tuple[str, str], along: tuple[Scale, Scale]) -> Iterator[str]:
    """Along the front of two goals: in more, its points lie on no line."""
    places = [_place(row, axes, along) for row in best]
    yield tag("path", class_="wire lead", fill="none", d="M" + "L".join(f"{number(x)} {number(y)}" for x, y in places))


def _with_notes(marks: Sequence[str], frame: Box, notes: Sequence[str]) -> Sheet:
    bottom = frame.bottom + BOTTOM
    lines = (words(note, LEFT, bottom + LINE * (1 + at), SMALL, "muted note") for at, note in enumerate(notes))
    broad = max([frame.right + RIGHT, *(LEFT + width(note, SMALL) + RIGHT for note in notes)])
    return Sheet((*marks, *lines), broad, bottom + LINE * (len(notes) + 1))
