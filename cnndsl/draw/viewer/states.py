"""What a viewer shows of a network: all states of folding, laid out beforehand, and where a click leads from each.

A state is a depth, and below it at most one block that is opened with what is around it. What the states have in common
is told once: a mark, which is SVG at the origin, and what is known of a layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cnndsl.draw.boxes import Pictures
from cnndsl.draw.geometry import Rectangle
from cnndsl.draw.layout import layout
from cnndsl.draw.marks import box_mark, frame_mark
from cnndsl.draw.model import OUTER, Picture
from cnndsl.draw.sizes import sheet_size
from cnndsl.draw.svg import frame_levels, shape_marks, wire_marks
from cnndsl.ir.graph import Graph

SCHEMA = "cnndsl.viewer/1"
MOST = 250  # boxes of a depth; a viewer has more room than a page, and search
MOST_DRAWN = 5000  # boxes of all states together, but for the depths; a click then opens a whole depth


def viewer_data(graph: Graph, depth: int | None = None) -> dict[str, object]:
    """All that the script of the viewer needs, as JSON has it; it begins at a `depth`, or with about 60 boxes."""
    pictures = Pictures(graph)
    depths = [*pictures.levels(MOST)]
    chosen = min(depth or len([*pictures.levels()]), len(depths))
    drawn = _states(pictures, depths, chosen)
    store = _Store()
    states = {name: store.state(picture) for name, picture in drawn.items()}
    return {
        "schema": SCHEMA,
        "network": graph.name,
        "facts": depths[0].facts,
        "depths": [_name(depth) for depth in range(1, len(depths) + 1)],
        "first": _name(chosen),
        "marks": list(store.marks),
        "details": store.details,
        "states": {name: {**state, **_ways(name, drawn)} for name, state in states.items()},
    }


def viewer_glimpse(graph: Graph, state: str) -> dict[str, object]:
    """One state alone, in a small part of the time; a page of a text in the making shows it until the rest is there."""
    depth, _, block = state.partition(":")
    drawn = Pictures(graph).at(int(depth), opened_with(block) if block else ())
    store = _Store()
    shown = {**store.state(drawn), "opens": {}, "folds": {}}
    return {
        "schema": SCHEMA,
        "network": graph.name,
        "facts": drawn.facts,
        "marks": list(store.marks),
        "details": store.details,
        "states": {state: shown},
    }


def _name(depth: int, block: str = "") -> str:
    """`2`, or `2:stage1.bottleneck2` with a block that is opened further."""
    return f"{depth}:{block}" if block else str(depth)


def _states(pictures: Pictures, depths: list[Picture], chosen: int) -> dict[str, Picture]:
    """The pictures of all states by name: the depths, then from the chosen one on what clicks lead to."""
    found = {_name(depth): drawn for depth, drawn in enumerate(depths, start=1)}
    room = MOST_DRAWN
    pending = sorted(enumerate(depths, start=1), key=lambda each: abs(each[0] - chosen))
    for depth, drawn in pending:
        for block in closed(drawn):
            name = _name(depth, block)
            if name not in found and room > 0:
                found[name] = pictures.at(depth, opened_with(block))
                room -= len(found[name].boxes)
                pending.append((depth, found[name]))
    return found


def closed(drawn: Picture) -> Iterator[str]:
    return (key for key, box in drawn.boxes.items() if box.kind == "scope")


def opened_with(block: str) -> set[str]:
    """The paths of a scope and of those around it."""
    names = block.split(".")
    return {".".join(names[:length]) for length in range(1, len(names) + 1)}


def _ways(name: str, drawn: dict[str, Picture]) -> dict[str, dict[str, str]]:
    """The states to which a click on a closed block, or on the title of an opened one, leads."""
    depth = int(name.partition(":")[0])
    here = drawn[name]
    ways = ((block, _opened(block, depth, drawn)) for block in closed(here))
    opens = {block: way for block, way in ways if way}
    folds = {frame: _without(frame, depth, drawn) for frame in here.frames if frame != OUTER}
    return {"opens": opens, "folds": folds}


def _opened(block: str, depth: int, drawn: dict[str, Picture]) -> str:
    """The state in which a block is opened alone, or else the first depth at which it is; none if that is too much."""
    alone = _name(depth, block)
    return alone if alone in drawn else next((name for name, one in drawn.items() if block in one.frames), "")


def _without(frame: str, depth: int, drawn: dict[str, Picture]) -> str:
    """The state with as much open as can be, but not that frame."""
    outer = frame.rpartition(".")[0]
    while outer:
        if frame not in drawn.get(name := _name(depth, outer), drawn["1"]).frames and name in drawn:
            return name
        outer = outer.rpartition(".")[0]
    return next(name for at in range(depth, 0, -1) if frame not in drawn[name := _name(at)].frames)


class _Store:
    """Marks and details that states have in common, in the order in which they came up."""

    def __init__(self) -> None:
        self.marks: dict[str, int] = {}
        self.details: dict[str, str] = {}

    def state(self, drawn: Picture) -> dict[str, object]:
        """The size of a picture, and its items from the lowest to the uppermost: key, number of the mark, x, y."""
        places = layout(drawn)
        levels = frame_levels(drawn)
        items: list[tuple[str, int, float, float]] = []
        for key, frame in drawn.frames.items():
            if key != OUTER:
                self.details[key] = frame.detail
                at = places.frames[key]
                mark = frame_mark(replace(frame, detail=""), _at_origin(at), levels[key])
                items.append(self._item(f"frame {key}", mark, at.x, at.y))
        items.extend(self._item(f"wire {key}", mark) for key, mark in wire_marks(drawn, places, told=False))
        for key, box in drawn.boxes.items():
            self.details[key] = box.detail
            at = places.boxes[key]
            items.append(self._item(f"box {key}", box_mark(replace(box, detail=""), _at_origin(at)), at.x, at.y))
        items.extend(self._item(f"shape {key}", mark) for key, mark in shape_marks(drawn, places, levels))
        width, height = sheet_size(drawn, places)
        return {"size": [width, height], "items": items}

    def _item(self, key: str, mark: str, x: float = 0, y: float = 0) -> tuple[str, int, float, float]:
        return key, self.marks.setdefault(mark, len(self.marks)), round(x, 1), round(y, 1)


def _at_origin(at: Rectangle) -> Rectangle:
    return replace(at, x=0, y=0, axis=at.axis - at.x)
