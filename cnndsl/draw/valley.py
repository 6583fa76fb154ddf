"""A network with nested skips (U-Net, Ronneberger et al. 2015) as a U: down on the left, up on the right.

The skips then lead straight across, each from one level to the same level on the other side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from cnndsl.draw.bands import Band, Bands, Gap, gaps, outermost
from cnndsl.draw.geometry import MARGIN, Layout, Route, Run
from cnndsl.draw.sizes import CAPSULE

DROP = 22.0  # pixels from an item to the skip that leaves it
CHANNEL = 90.0  # between the two arms
BELOW = 30.0  # for the wire between them, under both


@dataclass(frozen=True, slots=True)
class _Arms:
    """Skips from the outermost level to the innermost, and the gap in which the network turns upwards."""

    skips: tuple[Route, ...]
    turn: Gap


def valley(layout: Layout, pixels: Mapping[str, int]) -> Layout | None:
    """The layout as a U, if its skips are nested and lead to ever smaller images; `pixels` are those of each box."""
    arms = _arms(layout, pixels)
    return _bent(layout, arms) if arms is not None else None


def _arms(layout: Layout, pixels: Mapping[str, int]) -> _Arms | None:
    skips = sorted((r for r in outermost(layout) if r.side is not None), key=lambda route: route.runs[0].start)
    sizes = [pixels[skip.segment.tensor] for skip in skips]
    ends = [skip.runs[-1].end for skip in skips]
    shrinking = all(one > other for one, other in pairwise(sizes))
    nested = all(one > other for one, other in pairwise(ends))
    if len(skips) < 2 or not shrinking or not nested:
        return None
    turn = _turn(layout, skips[-1])
    if turn is None or any(skip not in turn.routes for skip in skips) or len(turn.routes) != len(skips) + 1:
        return None
    return _Arms(tuple(skips), turn)


def _turn(layout: Layout, innermost: Route) -> Gap | None:
    """The gap above the item that leads to the end of the innermost skip, so that the way up begins with that item."""
    start, end = innermost.runs[0].start, innermost.runs[-1].end
    inside = [gap for gap in gaps(layout) if start < gap.middle < end]
    return inside[-2] if len(inside) > 2 else None


def _bent(layout: Layout, arms: _Arms) -> Layout | None:
    """Both arms placed, then moved down so that the higher one begins where the layout did."""
    moving = _moving(layout, arms, 0.0)
    top = min(room.y for room in moving.rectangles(layout.rooms).values())
    moving = _moving(layout, arms, min(room.y for room in layout.rooms.values()) - top)
    if not all(moving.keeps(route) for route in layout.routes if route not in arms.turn.routes):
        return None
    rooms = moving.rectangles(layout.rooms)
    low = max(room.bottom for room in rooms.values()) + BELOW
    return replace(
        layout,
        width=max(room.right for room in rooms.values()) + MARGIN,
        height=low + MARGIN,
        boxes=moving.rectangles(layout.boxes),
        frames=moving.rectangles(layout.frames),
        routes=tuple(_route(layout, route, arms, moving, low) for route in layout.routes),
        rooms=rooms,
    )


def _moving(layout: Layout, arms: _Arms, down: float) -> Bands:
    """The bands of both arms: from level to level each as far as the longer one needs."""
    starts = [skip.runs[0].start for skip in arms.skips]
    ends = [skip.runs[-1].end for skip in arms.skips]
    heights = [starts[0] + DROP + down]
    for (start, end), (deeper_start, deeper_end) in pairwise(zip(starts, ends, strict=True)):
        heights.append(heights[-1] + max(deeper_start - start, end - deeper_end))
    rooms = layout.rooms.values()
    left = max(room.right for room in rooms if room.middle < arms.turn.middle)
    right = min(room.x for room in rooms if room.middle > arms.turn.middle)
    x = left + CHANNEL - right
    tops = [0.0, *(start + 1 for start in starts)]
    bands = [Band(top, 0.0, height - start - DROP) for top, start, height in zip(tops, starts, heights, strict=False)]
    tops = [*(end - CAPSULE / 2 - 1 for end in ends[:-1]), arms.turn.middle]
    bands.extend(Band(top, x, height + end, up=True) for top, end, height in zip(tops, ends, heights, strict=True))
    return Bands(bands)


def _route(layout: Layout, route: Route, arms: _Arms, moving: Bands, low: float) -> Route:
    if route not in arms.turn.routes:
        return moving.route(route)
    if route not in arms.skips:
        return moving.bridge(route, arms.turn, low)
    assert route.side is not None and route.segment.end is not None
    first, last = route.runs[0], route.runs[-1]
    across = Run(first.x, moving.height(first.start), moving.height(last.end))
    left_of_merge = 2 * layout.rooms[route.segment.end].axis - route.side + moving.at(last.end).x
    return replace(route, runs=(across,), side=left_of_merge)
