"""A tall network in several columns, so that it fits a page: cut where a single wire goes down."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, replace

from cnndsl.draw.bands import Band, Bands, Gap, gaps, outermost
from cnndsl.draw.geometry import MARGIN, Layout, Route, Run

TALL = 1300  # pixels; what is not taller stays one column
RATIO = 1.3  # the width over the height that is aimed at
CHANNEL = 56  # pixels between columns
BELOW, ABOVE = 26.0, 14.0  # for a wire to turn, below the last box of a column and above the gap of its first


@dataclass(frozen=True, slots=True)
class _Column:
    """Heights in the layout as one column; `entry` is the gap above it, where it was cut off."""

    top: float
    bottom: float
    entry: Gap | None = None


def columns(layout: Layout) -> Layout:
    """The layout in as many columns as make it most like a page, if it is tall."""
    if layout.height <= TALL:
        return layout
    ideal = math.sqrt(_ratio(layout) * layout.height / layout.width)
    counts = range(max(2, math.floor(ideal) - 1), math.ceil(ideal) + 2)
    choices = [in_columns(layout, count) for count in counts]
    return min([layout, *choices], key=_badness)


def in_columns(layout: Layout, count: int) -> Layout:
    """The layout in at most so many columns."""
    cuts = [gap for gap in gaps(layout) if gap.narrow]
    return _placed(layout, _balanced(layout, cuts, count)) if cuts else layout


def _ratio(layout: Layout) -> float:
    """The width over the height that is aimed at, before it is turned."""
    return RATIO if layout.direction == "down" else 1 / RATIO


def _badness(layout: Layout) -> float:
    """How far it is from a page's form, and how much of it is empty."""
    drawn = sum(room.width * room.height for room in layout.rooms.values())
    return abs(math.log(layout.width / layout.height / _ratio(layout))) - drawn / (layout.width * layout.height)


def _balanced(layout: Layout, cuts: list[Gap], count: int) -> list[_Column]:
    """At most `count` columns, the tallest of which is as low as can be."""
    low, high = 0.0, layout.height
    best = _filled(layout, cuts, high)
    while high - low > 1:
        middle = (low + high) / 2
        found = _filled(layout, cuts, middle)
        if len(found) <= count and max(column.bottom - column.top for column in found) <= middle:
            best, high = found, middle
        else:
            low = middle
    return best


def _filled(layout: Layout, cuts: list[Gap], height: float) -> list[_Column]:
    """Columns filled one after the other up to a height, if their parts are not taller."""
    top, entry = min(room.y for room in layout.rooms.values()), None
    ends = [*(cut.above for cut in cuts), max(room.bottom for room in layout.rooms.values())]
    found = []
    for cut, following in zip(cuts, ends[1:], strict=True):
        if following - top > height:
            found.append(_Column(top, cut.above, entry))
            top, entry = cut.below, cut
    return [*found, _Column(top, ends[-1], entry)]


def _placed(layout: Layout, found: list[_Column]) -> Layout:
    """The columns side by side; the wire that crosses into one goes up in the channel before it."""
    start = found[0].top
    bands: list[Band] = []
    links: dict[Route, tuple[Gap, float]] = {}
    x = layout.before
    for column, (left, right) in zip(found, _sides(layout, found), strict=True):
        if column.entry is None:
            bands.append(Band(0.0, x - left, 0.0))
        else:
            bands.append(Band(column.entry.middle, x + CHANNEL - left, start + ABOVE - column.entry.above))
            links.update(dict.fromkeys(column.entry.routes, (column.entry, x + CHANNEL / 2)))
            x += CHANNEL
        x += right - left
    moving = Bands(bands)
    routes = []
    for route in layout.routes:
        if route in links:
            gap, channel = links[route]
            low = moving.height(gap.above) + BELOW
            routes.append(moving.bridge(route, gap, low, Run(channel, low, start)))
        else:
            routes.append(moving.route(route))
    rooms = moving.rectangles(layout.rooms)
    height = max(room.bottom for room in rooms.values()) + BELOW + MARGIN
    return replace(
        layout,
        width=x + MARGIN,
        height=height,
        boxes=moving.rectangles(layout.boxes),
        frames=moving.rectangles(layout.frames),
        routes=tuple(routes),
        rooms=rooms,
    )


def _sides(layout: Layout, found: list[_Column]) -> list[tuple[float, float]]:
    """How far left and right each column reaches, lanes and labels included."""
    tops = [0.0, *(column.entry.middle for column in found if column.entry is not None)]
    sides: list[list[float]] = [[] for _ in found]
    for room in layout.rooms.values():
        sides[bisect_right(tops, room.y) - 1] += [room.x, room.right]
    for route in outermost(layout):
        for run in route.runs:
            sides[bisect_right(tops, run.start) - 1].append(run.x)
    return [(min(each), max(each)) for each in sides]
