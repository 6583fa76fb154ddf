"""The receptive field of a layer as squares on the pixels of the picture, from layer to layer, several side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import ceil, floor
from xml.sax.saxutils import escape

from cnndsl.analysis.field_steps import Step, Steps
from cnndsl.draw.lettering import shortened, width
from cnndsl.draw.paper import Sheet, document
from cnndsl.draw.tags import number, tag, words

SIDE = 320.0  # of the picture, in pixels
MARGIN, GAP = 24.0, 48.0
TITLE, TEXT, SMALL = 15, 12, 11  # text sizes
LINE = 17.0
GRID = 4.0  # the least side of a pixel that is drawn
RINGS = 10
NAMED = 40  # letters
ROOM = 1.1  # for systems whose fonts are wider than Helvetica
CELLS = 64  # along an axis
FAINTEST = 0.01

STYLE = """\
.grid { stroke-width: 0.6; opacity: 0.5; }
.ring { stroke-width: 1.4; fill-opacity: 0.16; }
.picture { stroke-dasharray: 5 3; fill: none; }
.heat { stroke: none; }"""

Heat = Mapping[tuple[float, float], float]
"""How much each pixel counts, from 0 to 1, by (row, column) from the middle."""


def field_svg(found: Sequence[Steps], heats: Sequence[Heat | None] | None = None) -> str:
    """The SVG document; with heats, what each pixel counts in place of the squares' shades."""
    heats = heats or [None] * len(found)
    columns = [_column(steps, heat) for steps, heat in zip(found, heats, strict=True)]
    marks, left, height = [], MARGIN, 0.0
    for column in columns:
        marks.append(tag("g", "\n".join(column.marks), transform=f"translate({number(left)} {number(MARGIN)})"))
        left += column.width + GAP
        height = max(height, column.height)
    names = ", ".join(f"{steps.network} at {steps.at}" for steps in found)
    sheet = Sheet(tuple(marks), left - GAP + MARGIN, height + 2 * MARGIN)
    return document("Receptive fields", f"Receptive fields of {names}.", sheet, STYLE)


def _column(steps: Steps, heat: Heat | None) -> Sheet:
    """One network: its title, the picture, and a line for each square."""
    heading, facts = f"{steps.network}, {steps.at}", _facts(steps)
    scale = SIDE / max(*steps.field, *(steps.picture if steps.shows_picture else (0, 0)))
    top = 56.0
    rings = steps.rings(RINGS)
    lines = [words(_told(step), 0, top + SIDE + 24 + LINE * at, SMALL, "text") for at, step in enumerate(rings)]
    marks = (
        words(heading, 0, 14, TITLE, "text bold"),
        *(words(fact, 0, 32 + 15 * at, SMALL, "muted") for at, fact in enumerate(facts)),
        *(_heat(heat, scale, top) if heat else ()),
        *_squares(steps, rings, scale, top, shaded=heat is None),
        *lines,
    )
    texts = [width(heading, TITLE, bold=True), *(width(each, SMALL) for each in facts)]
    texts += [width(_told(step), SMALL) for step in rings]
    return Sheet(marks, max(SIDE, *(ROOM * text for text in texts)), top + SIDE + 24 + LINE * len(lines))


def _facts(steps: Steps) -> list[str]:
    rows, columns = steps.field
    bound = "" if steps.exact else "at most "
    return [f"sees {bound}{rows:,} x {columns:,} pixels of {steps.picture[0]:,} x {steps.picture[1]:,}", steps.weights]


def _told(step: Step) -> str:
    return f"{step.size[0]:,} x {step.size[1]:,}: {shortened(step.name, NAMED)}, {shortened(step.layer, NAMED)}"


def _squares(steps: Steps, rings: Sequence[Step], scale: float, top: float, *, shaded: bool) -> Iterator[str]:
    """The largest first, all around one middle, with the pixels' edges where they can be told apart."""
    if steps.shows_picture:
        yield _square(steps.picture, scale, top, "frame picture", "the picture")
    for step in reversed(rings):
        kind = "ring weights" if shaded else "frame"
        yield _square(step.size, scale, top, kind, _told(step), fill=None if shaded else "none")
    if scale >= GRID:
        yield from _grid(steps.field, scale, top)


def _square(size: tuple[int, int], scale: float, top: float, kind: str, told: str, fill: str | None = None) -> str:
    height, broad = size[0] * scale, size[1] * scale
    extra = {} if fill is None else {"fill": fill}
    left, upper = (SIDE - broad) / 2, top + (SIDE - height) / 2
    inside = tag("title", escape(told))
    return tag("rect", inside, class_=kind, x=left, y=upper, width=broad, height=height, **extra)


def _grid(size: tuple[int, int], scale: float, top: float) -> Iterator[str]:
    height, broad = size[0] * scale, size[1] * scale
    left, upper = (SIDE - broad) / 2, top + (SIDE - height) / 2
    for row in range(size[0] + 1):
        yield tag("path", class_="wire grid", d=f"M{number(left)} {number(upper + row * scale)}h{number(broad)}")
    for column in range(size[1] + 1):
        yield tag("path", class_="wire grid", d=f"M{number(left + column * scale)} {number(upper)}v{number(height)}")


def _heat(heat: Heat, scale: float, top: float) -> Iterator[str]:
    """A cell for each pixel that counts, as dark as it counts; of many pixels a cell is the mean of several."""
    span = 1 + max(max(abs(row), abs(column)) for row, column in heat) * 2
    each = ceil(span / CELLS)
    cells: defaultdict[tuple[int, int], float] = defaultdict(float)
    for (row, column), counts in heat.items():
        cells[floor((row + 0.5) / each), floor((column + 0.5) / each)] += counts / each**2
    most = max(cells.values())
    side = each * scale
    for (row, column), counts in cells.items():
        if counts >= FAINTEST * most:
            x, y = SIDE / 2 + column * side, top + SIDE / 2 + row * side
            shade, wide = f"{counts / most:.2f}", side + 0.3  # so that no seams show
            yield tag("rect", class_="badge heat", fill_opacity=shade, x=x, y=y, width=wide, height=wide)
