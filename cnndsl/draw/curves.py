"""How wires are drawn: straight down, in an S from run to run, and with a quarter turn into the side of a merge."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise
from operator import mul
from typing import TypeAlias

from cnndsl.draw.geometry import Direction, Route, Run
from cnndsl.draw.tags import number, tag, tooltip

TURN = 12.0  # radius in pixels
HEAD = 7.0  # length of an arrowhead
SPREAD = 3.2  # half of its width
STRIPE = 64  # height of those by which wires are found
STEPS = 16  # straight pieces of an S
BOW = 0.75  # how far the handles of an S reach into its height

Point: TypeAlias = tuple[float, float]
Area: TypeAlias = tuple[float, float, float, float]  # left, right, top, bottom


def wire_mark(
    tensor: str,
    detail: str,
    routes: Collection[Route],
    targets: Iterable[str],
    boxes: Collection[str],
    direction: Direction,
) -> str:
    """All wires that carry one tensor, with a head where they reach a box."""
    lines = "".join(_line(route, ends=route.segment.end in boxes) for route in routes)
    heads = "".join(_head(route) for route in routes if route.segment.end in boxes)
    if direction == "right":
        lines, heads = _turned(lines), _turned(heads)
    marks = tag("path", class_="wire", d=lines) + tag("path", class_="head", d=heads)
    return tag("g", tooltip(detail) + marks, data_from=tensor, data_to=" ".join(targets))


def _turned(path: str) -> str:
    """A path whose points have changed their x and y."""
    points = re.sub(r"(-?[\d.]+) (-?[\d.]+)", r"\2 \1", path)
    return points.translate(str.maketrans("HVhv", "VHvh"))


def _line(route: Route, *, ends: bool) -> str:
    first, last = route.runs[0], route.runs[-1]
    parts = [f"M{_point(first.x, first.start)}"]
    for run, following in pairwise(route.runs):
        parts.append(_turn(run, following) if run.end == following.start else _bow(run, following))
    if route.side is None:
        parts.append(f"V{number(last.end - (_way(last) * (HEAD - 1) if ends else 0))}")
    else:
        parts.append(_corner(last.x, last.end, down=_way(last), across=_side(route)))
        parts.append(f"H{number(route.side - _side(route) * (HEAD - 1))}")
    return "".join(parts)


def _bow(run: Run, following: Run) -> str:
    """An S from one run to the next."""
    reach = (following.start - run.end) * BOW
    first, second = _point(run.x, run.end + reach), _point(following.x, following.start - reach)
    straight = f"V{number(run.end)}" if run.end != run.start else ""
    return f"{straight}C{first} {second} {_point(following.x, following.start)}"


def _turn(run: Run, following: Run) -> str:
    """Aside at the height where one run ends and the next begins."""
    across = 1 if following.x > run.x else -1
    out = _corner(run.x, run.end, down=_way(run), across=across)
    corner, end = _point(following.x, run.end), _point(following.x, run.end + _way(following) * TURN)
    return f"{out}H{number(following.x - across * TURN)}Q{corner} {end}"


def _corner(x: float, y: float, *, down: int, across: int) -> str:
    """To (x, y), and there a quarter turn to the side."""
    return f"V{number(y - down * TURN)}Q{_point(x, y)} {_point(x + across * TURN, y)}"


def _head(route: Route) -> str:
    last = route.runs[-1]
    if route.side is None:
        return f"M{_point(last.x, last.end)}l{-SPREAD:g} {-HEAD * _way(last):g}h{2 * SPREAD:g}z"
    return f"M{_point(route.side, last.end)}l{-HEAD * _side(route):g} {-SPREAD:g}v{2 * SPREAD:g}z"


def _way(run: Run) -> int:
    """1 downwards, -1 upwards."""
    return 1 if run.end >= run.start else -1


def _side(route: Route) -> int:
    """1 to the right, -1 to the left."""
    return 1 if route.side is not None and route.side > route.runs[-1].x else -1


def _point(x: float, y: float) -> str:
    return f"{number(x)} {number(y)}"


class Strokes:
    """All wires as they are drawn, as short straight pieces, to find what is free of them."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._pieces: defaultdict[int, list[tuple[Point, Point]]] = defaultdict(list)  # by stripes of height
        for route in routes:
            for start, end in pairwise(_points(route)):
                for stripe in _stripes(start[1], end[1]):
                    self._pieces[stripe].append((start, end))

    def cross(self, area: Area) -> bool:
        """Whether a wire runs through an area."""
        pieces = (piece for stripe in _stripes(area[2], area[3]) for piece in self._pieces.get(stripe, ()))
        return any(_crosses(*piece, area) for piece in pieces)


def _stripes(one: float, other: float) -> range:
    return range(int(min(one, other) // STRIPE), int(max(one, other) // STRIPE) + 1)


def _points(route: Route) -> Iterator[Point]:
    """A wire from point to point; a quarter turn as the corner around it."""
    first, last = route.runs[0], route.runs[-1]
    yield first.x, first.start
    for run, following in pairwise(route.runs):
        if run.end == following.start:
            yield from ((run.x, run.end), (following.x, run.end))
        else:
            yield from (_on_bow(run, following, step / STEPS) for step in range(STEPS + 1))
    yield last.x, last.end
    if route.side is not None:
        yield route.side, last.end


def _on_bow(run: Run, following: Run, t: float) -> Point:
    """The point of an S at `t` from 0 to 1."""
    a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
    reach = (following.start - run.end) * BOW
    heights = (run.end, run.end + reach, following.start - reach, following.start)
    return (a + b) * run.x + (c + d) * following.x, sum(map(mul, (a, b, c, d), heights))


def _crosses(start: Point, end: Point, area: Area) -> bool:
    """Whether a straight line has a part inside of an area (Liang and Barsky 1984)."""
    first, last = 0.0, 1.0
    for axis, (low, high) in enumerate((area[:2], area[2:])):
        step = end[axis] - start[axis]
        if step == 0:
            if not low < start[axis] < high:
                return False
            continue
        enters, leaves = sorted(((low - start[axis]) / step, (high - start[axis]) / step))
        first, last = max(first, enters), min(last, leaves)
    return first < last
