"""Pictures of the whole zoo, of random networks and of hand-made ones, judged by what their SVG shows.

No two boxes overlap, a frame holds just what is its own, every wire leads from its source to all its readers and
through no box, and no text lies on another, on a wire, or outside.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from drawings import Area, Drawing, Point, Wires, read
from random_networks import random_network
from zoo import FILES, graphs, stem

import cnndsl
from cnndsl.draw import draw
from cnndsl.draw.boxes import picture
from cnndsl.draw.geometry import Direction
from cnndsl.draw.model import Picture
from cnndsl.draw.svg import render
from cnndsl.ir.graph import Graph

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
WHOLE = 99  # a depth at which every scope is open


def network(body: str) -> Graph:
    return cnndsl.loads(f"network n {{\n{body}\n}}").graph


def wires(graph: Graph, depth: int | None = None) -> set[tuple[str, str]]:
    return {tuple(wire) for wire in picture(graph, depth).wires}


def crossing(areas: list[tuple[str, Area]]) -> list[tuple[str, str]]:
    """The pairs of areas that overlap."""
    order = sorted(areas, key=lambda named: named[1].top)
    found = []
    for index, (name, area) in enumerate(order):
        for other, below in order[index + 1 :]:
            if below.top >= area.bottom:
                break
            if area.overlaps(below):
                found.append((name, other))
    return found


def judge(drawn: Picture, direction: Direction = "down") -> Drawing:
    """Read the SVG of a picture back and hold it against all that must be true of it."""
    found = read(render(drawn, direction))
    assert set(found.boxes) == set(drawn.boxes)
    assert crossing(list(found.boxes.items())) == []
    assert crossing(found.texts) == []
    inside = [*found.boxes.values(), *found.frames.values(), *(area for _, area in found.texts)]
    assert all(found.view.holds(area) for area in inside)
    check_frames(found, drawn)
    readers: defaultdict[str, set[str]] = defaultdict(set)
    for source, target in drawn.wires:
        readers[source].add(target)
    assert {source: set(targets) for source, targets in found.targets.items()} == readers
    for source, each in found.wires.items():
        check_reach(source, each, readers[source], found)
        check_free(each, found)
    check_heads(found, drawn)
    return found


def check_frames(found: Drawing, drawn: Picture) -> None:
    """A frame holds what stands in it, and nothing else reaches into it."""
    parents = drawn.parents()

    def around(key: str) -> Iterator[str]:
        while key:
            key = parents[key]
            yield key

    for key, area in (*found.boxes.items(), *found.frames.items()):
        mine = set(around(key))
        for frame, room in found.frames.items():
            if frame in mine:
                assert room.holds(area), f"{key} sticks out of {frame}"
            elif frame != key and key not in around(frame):
                assert not room.overlaps(area), f"{key} reaches into {frame}"


def check_reach(source: str, found: Wires, readers: set[str], drawing: Drawing) -> None:
    """The lines of a tensor hang together from its source on, and end with heads at its readers."""
    loose, ends = list(found.lines), []
    start = drawing.boxes[source]
    while going := [line for line in loose if start.on_edge(line[0]) or any(near(line[0], end, 0.2) for end in ends)]:
        ends += [line[-1] for line in going]
        loose = [line for line in loose if line not in going]
    assert loose == [], f"a wire of {source} hangs in the air"
    assert all(any(near(tip, end, 9) for end in ends) for tip in found.tips)
    plates = [(key, plate) for key, mine in drawing.plates.items() for plate in mine]
    assert {key for key, plate in plates for tip in found.tips if plate.on_edge(tip)} == readers


def check_free(found: Wires, drawing: Drawing) -> None:
    """No wire runs through a box or over a text."""
    plates = [plate for mine in drawing.plates.values() for plate in mine]
    areas = [*plates, *(area for _, area in drawing.texts)]
    for line in found.lines:
        left, right = min(x for x, _ in line), max(x for x, _ in line)
        top, bottom = min(y for _, y in line), max(y for _, y in line)
        for area in areas:
            if area.left < right and left < area.right and area.top < bottom and top < area.bottom:
                assert not any(area.crossed(start, end) for start, end in pairwise(line))


def check_heads(found: Drawing, drawn: Picture) -> None:
    """Tensors that come into one closed block come in beside each other."""
    for key in (key for key, box in drawn.boxes.items() if box.kind == "scope"):
        tips = [tip for each in found.wires.values() for tip in each.tips if found.boxes[key].on_edge(tip)]
        assert not any(near(one, other, 1) for one, other in combinations(tips, 2)), f"heads at {key} are one"


def near(one: Point, other: Point, most: float) -> bool:
    return abs(one[0] - other[0]) + abs(one[1] - other[1]) <= most


@pytest.mark.parametrize("path", FILES, ids=stem)
def test_the_zoo(path: Path) -> None:
    """The default depth for all networks of a file, and all depths for the first."""
    for number, graph in enumerate(graphs(path).values()):
        depths = (None,) if number else (None, 1, 2)
        for depth in depths:
            drawn = picture(graph, depth)
            judge(drawn)
            check_edges(graph, drawn)


# In the last two a wire once ran over a shape, on its way to a port beside its axis.
@pytest.mark.parametrize("seed", (*range(25), 54, 118))
def test_random_networks(seed: int) -> None:
    graph = cnndsl.loads(random_network(seed)).graph
    for depth in (None, WHOLE):
        drawn = picture(graph, depth)
        judge(drawn)
        check_edges(graph, drawn)


def check_edges(graph: Graph, drawn: Picture) -> None:
    """Each edge of the graph between nodes of different boxes is a wire, and nothing else is.

    Only nodes that are drawn can be judged so: one whose name leads to no box is a later one of a run, an identity, or
    the draw of a fractal network. What such nodes do is told by the hand-made cases.
    """
    box = {node.name: found for node in graph if (found := box_of(node.name, graph, drawn)) is not None}
    edges = {
        (box[source], box[node.name]) for node in graph if node.name in box for source in node.sources if source in box
    }
    inside = {(source, target) for source, target in drawn.wires if not target.startswith(":")}
    assert {(source, target) for source, target in edges if source != target} <= inside
    read = {target for _, target in drawn.wires}
    assert read == {key for key in drawn.boxes if key not in {node.name for node in graph.inputs}}


def box_of(name: str, graph: Graph, drawn: Picture) -> str | None:
    """The box that shows a node: its own, that of a closed scope around it, or that of the layer it follows."""
    scopes = [name, *(name[: dot.start()] for dot in re.finditer(r"\.", name))]
    for scope in scopes:
        if scope in drawn.boxes:
            return scope
    node = graph[name]
    follows = len(node.inputs) == 1 and node.op.arity == 1 and len(graph.consumers(node.inputs[0])) == 1
    return box_of(node.inputs[0], graph, drawn) if follows and node.inputs[0] in graph else None


@pytest.mark.parametrize("path", sorted(IMAGES.glob("*.svg")), ids=lambda path: path.stem)
def test_the_pictures_of_the_docs_are_current(path: Path) -> None:
    source = IMAGES / f"{path.stem}.arch"
    drawn = draw(cnndsl.load(source if source.is_file() else path.stem).graph)
    assert drawn == path.read_text(encoding="utf-8")
