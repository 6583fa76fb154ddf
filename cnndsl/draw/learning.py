"""Error by epoch, thin in training and bold on what is held out: the way He et al. 2015 draw it in Figures 1 and 6."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

from cnndsl.draw.axis import Scale
from cnndsl.draw.lettering import width
from cnndsl.draw.paper import Sheet, document
from cnndsl.draw.tags import number, tag, words

WIDTH, HEIGHT = 640.0, 400.0  # of the frame, in pixels
LEFT, TOP, RIGHT = 66.0, 56.0, 24.0
TITLE, TEXT, SMALL = 17, 12, 11  # text sizes
LINE, SAMPLE = 18.0, 28.0  # of the legend
# As far apart in lightness as in hue, on paper and in the dark (Okabe and Ito 2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
NOTE = "thin: training, bold: held out"

STYLE = "\n".join(
    [
        ".tick { stroke-width: 1; opacity: 0.35; }",
        ".train { fill: none; stroke-width: 1.2; stroke-dasharray: 4 3; }",
        ".held { fill: none; stroke-width: 2.4; stroke-linejoin: round; }",
        *(f".run{at} {{ stroke: {colour}; }} .dot{at} {{ fill: {colour}; }}" for at, colour in enumerate(COLOURS)),
    ]
)


class Series(NamedTuple):
    """A run: its name and errors in percent by epoch, in training and on what is held out."""

    name: str
    train: tuple[tuple[float, float], ...]
    held_out: tuple[tuple[float, float], ...]


def learning_svg(runs: Sequence[Series]) -> str:
    """The SVG document; every run has at least one epoch."""
    points = [point for run in runs for point in (*run.train, *run.held_out)]
    across = Scale(min(0.0, *(x for x, _ in points)), max(x for x, _ in points), LEFT, LEFT + WIDTH)
    most = max(1.0, *(y for _, y in points))
    down = Scale(0.0, most * 1.04, TOP + HEIGHT, TOP)
    legend = TOP + HEIGHT + 62
    marks = (
        words("Error by epoch", LEFT, 32, TITLE, "text bold"),
        tag("rect", class_="frame", x=LEFT, y=TOP, width=WIDTH, height=HEIGHT, fill="none"),
        *_axes(across, down),
        *(mark for at, run in enumerate(runs) for mark in _curves(run, at % len(COLOURS), across, down)),
        *(mark for at, run in enumerate(runs) for mark in _legend(run, at % len(COLOURS), legend + LINE * at)),
        words(NOTE, LEFT, legend + LINE * len(runs), SMALL, "muted"),
    )
    broad = max([LEFT + WIDTH, *(LEFT + SAMPLE + 8 + width(_told(run), TEXT) for run in runs)]) + RIGHT
    sheet = Sheet(marks, broad, legend + LINE * (len(runs) + 1))
    return document("Error by epoch", f"Training of {', '.join(run.name for run in runs)}.", sheet, STYLE)


def _axes(across: Scale, down: Scale) -> Iterator[str]:
    for value in filter(float.is_integer, map(float, across.ticks())):
        x = number(across.at(value))
        yield tag("path", class_="wire tick", d=f"M{x} {number(TOP)}V{number(TOP + HEIGHT)}")
        yield words(f"{value:g}", across.at(value), TOP + HEIGHT + 16, SMALL, "muted middle")
    for value in down.ticks():
        y = number(down.at(value))
        yield tag("path", class_="wire tick", d=f"M{number(LEFT)} {y}H{number(LEFT + WIDTH)}")
        yield words(f"{value:g}", LEFT - 8, down.at(value) + 4, SMALL, "muted end")
    yield words("epoch", LEFT + WIDTH / 2, TOP + HEIGHT + 36, TEXT, "text middle")
    middle = TOP + HEIGHT / 2
    turned = f"rotate(-90 18 {number(middle)})"
    yield tag("text", "error in %", class_="text middle", x=18, y=middle, font_size=TEXT, transform=turned)


def _curves(run: Series, at: int, across: Scale, down: Scale) -> Iterator[str]:
    for kind, points in (("train", run.train), ("held", run.held_out)):
        placed = [(across.at(x), down.at(y)) for x, y in points]
        line = "L".join(f"{number(x)} {number(y)}" for x, y in placed)
        inside = tag("title", escape(_told(run)))
        yield tag("path", inside, class_=f"{kind} run{at}", d=f"M{line}")
        if len(placed) == 1:  # a line of one point is not seen
            yield tag("circle", class_=f"dot{at}", cx=placed[0][0], cy=placed[0][1], r=2.5 if kind == "held" else 1.5)


def _legend(run: Series, at: int, y: float) -> Iterator[str]:
    yield tag("path", class_=f"held run{at}", d=f"M{number(LEFT)} {number(y - 4)}h{number(SAMPLE)}")
    yield words(_told(run), LEFT + SAMPLE + 8, y, TEXT, "text")


def _told(run: Series) -> str:
    epoch, best = min(run.held_out, key=lambda point: (point[1], point[0]))
    return f"{run.name}: best held-out error {best:.2f} % at epoch {epoch:g}"
