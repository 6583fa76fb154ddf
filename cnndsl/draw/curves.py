"""How wires are drawn: straight down, in an S from run to run, and with a quarter turn into the side of a merge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from itertools import pairwise

from cnndsl.draw.geometry import Route, Run
from cnndsl.draw.tags import number, tag, tooltip

TURN = 12.0  # radius in pixels
HEAD = 7.0  # length of an arrowhead
SPREAD = 3.2  # half of its width
STRIPE = 64  # height of those by which bends are found
BOW = 0.75  # how far the handles of an S reach into its height


def wire_mark(
    tensor: str, detail: str, routes: Collection[Route], targets: Iterable[str], boxes: Collection[str]
) -> str:
    """All wires that carry one tensor, with a head where they reach a box."""
    lines = "".join(_line(route, ends=route.segment.end in boxes) for route in routes)
    heads = "".join(_head(route) for route in routes if route.segment.end in boxes)
    marks = tag("path", class_="wire", d=lines) + tag("path", class_="head", d=heads)
    return tag("g", tooltip(detail) + marks, data_from=tensor, data_to=" ".join(targets))


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


class Bends:
    """Where wires are not where they were directly above: that they bend there, or only begin."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._found: defaultdict[int, list[tuple[float, float, float]]] = defaultdict(list)  # by stripes of height
        for route in routes:
            first, last = route.runs[0], route.runs[-1]
            self._add(first.start, first.x, first.x)
            for run, following in pairwise(route.runs):
                self._add(run.end, run.x, following.x)
            if route.side is not None:
                self._add(last.start, last.x, route.side)

    def _add(self, height: float, start: float, end: float) -> None:
        self._found[round(height // STRIPE)].append((height, min(start, end), max(start, end)))

    def into(self, left: float, right: float, top: float, bottom: float) -> bool:
        """Whether some come into a rectangle from its right, or go off to there; what passes over it does not count."""
        stripes = range(round(top // STRIPE), round(bottom // STRIPE) + 1)
        found = (each for stripe in stripes for each in self._found.get(stripe, ()))
        return any(top <= height <= bottom and left <= start < right and left < end for height, start, end in found)
