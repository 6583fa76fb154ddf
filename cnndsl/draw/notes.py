"""What a picture tells of each box beside its layers: numbers in it, and a colour by what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil

from cnndsl.diagnostics import did_you_mean
from cnndsl.draw.counts import count
from cnndsl.draw.lettering import width
from cnndsl.draw.look import Look, PictureError
from cnndsl.draw.model import Kind, Mark, Picture
from cnndsl.draw.paper import Sheet
from cnndsl.draw.sizes import TINY
from cnndsl.draw.style import HEATS
from cnndsl.draw.tags import tag, words
from cnndsl.ir.graph import Graph

MARGIN, SWATCH, GAP = 24.0, 12.0, 18.0  # of the legend, in pixels
LEGEND = 34.0
KINDS: dict[Kind, str] = {
    "weights": "with weights",
    "pool": "pooling",
    "norm": "normalization",
    "activation": "activation",
    "merge": "merge",
    "other": "other layers",
    "scope": "closed block",
}


def chosen(graph: Graph, paths: tuple[str, ...]) -> Mapping[str, Mark]:
    """The marks of all layers at and in some paths. Raises `PictureError` for a path that is not there."""
    found: dict[str, Mark] = {}
    for path in paths:
        inside = [node.name for node in graph if node.name == path or node.name.startswith(f"{path}.")]
        if not inside:
            known = {*graph.scopes, *(node.name for node in graph)}
            raise PictureError(
                f"{graph.name} has nothing called {path!r}; " + did_you_mean(path, known, "see `summary`")
            )
        found.update(dict.fromkeys(inside, "chosen"))
    return found


def noted(drawn: Picture, look: Look) -> Picture:
    """The picture with the numbers and colours that were asked for."""
    boxes = dict(drawn.boxes)
    for key, box in boxes.items():
        told = ", ".join(box.numbers[fact] for fact in look.labels if fact in box.numbers)
        if told and box.kind not in ("merge", "terminal"):
            boxes[key] = replace(box, note=told)
    if look.colour in ("macs", "params"):
        most = _most(drawn, look.colour)
        heats = {key: heat(getattr(box.cost, look.colour), most) for key, box in boxes.items() if box.cost is not None}
        boxes.update((key, replace(boxes[key], heat=level)) for key, level in heats.items())
    return replace(drawn, boxes=boxes)


def heat(value: int, most: int) -> int:
    """0 for nothing, else 1 to HEATS by the root of the share of the most."""
    return ceil(HEATS * (value / most) ** 0.5) if value and most else 0


def _most(drawn: Picture, fact: str) -> int:
    return max((getattr(box.cost, fact) for box in drawn.boxes.values() if box.cost is not None), default=0)


def with_legend(sheet: Sheet, drawn: Picture, look: Look) -> Sheet:
    """The sheet with a line under the picture that says what its colours mean."""
    if look.colour is None:
        return sheet
    x, y = MARGIN, sheet.height
    marks = []
    for style, text in _entries(drawn, look):
        marks.append(tag("rect", class_=style, x=x, y=y, width=SWATCH, height=SWATCH, rx=3))
        marks.append(words(text, x + SWATCH + 5, y + 10, TINY, "muted"))
        x += SWATCH + 5 + width(text, TINY) + GAP
    return Sheet((*sheet.marks, *marks), max(sheet.width, x - GAP + MARGIN), sheet.height + LEGEND)


def _entries(drawn: Picture, look: Look) -> list[tuple[str, str]]:
    if look.colour == "kind":
        seen = {section.kind for box in drawn.boxes.values() for section in box.sections}
        return [(kind, text) for kind, text in KINDS.items() if kind in seen]
    fact = look.colour or ""
    most = _most(drawn, fact)
    name = {"macs": "MACs", "params": "params"}[fact]
    tops = [round(most * (level / HEATS) ** 2) for level in range(HEATS + 1)]
    return [("heat0", f"no {name}"), *((f"heat{n}", f"up to {count(tops[n])}") for n in range(1, HEATS + 1) if tops[n])]
