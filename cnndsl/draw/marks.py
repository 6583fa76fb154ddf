"""How boxes, frames and shapes are drawn where the layout has put them."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate

from cnndsl.draw.geometry import Rectangle
from cnndsl.draw.model import Box, Frame
from cnndsl.draw.sizes import (
    CAPSULE,
    LABEL,
    LABEL_SPACE,
    LINK,
    NOTE,
    SIGN,
    SMALL,
    STRIP,
    TINY,
    badge_width,
    follower_widths,
    main_height,
    main_type,
    merge_width,
    shape_width,
)
from cnndsl.draw.tags import number, tag, tooltip, words

CORNER = 6.0  # radius in pixels
RING = 3.0  # how far a ring keeps off its box
RAISED = 3.0  # how far a box's badge keeps off the text in it


def frame_mark(frame: Frame, at: Rectangle, level: int) -> str:
    """`level` is the number of frames around it, itself included."""
    style = f"frame in{shade(level)}{' aside' if frame.aside else ''}"
    title = at.bottom - 8 if at.up else at.y + 16
    marks = [
        tag("rect", class_=style, x=at.x, y=at.y, width=at.width, height=at.height, rx=9),
        words(frame.title, at.x + 10, title, SMALL, "muted bold"),
        _badge(frame.badge, at),
    ]
    return tag("g", tooltip(frame.detail) + "".join(marks), data_frame=frame.key)


def shade(level: int) -> int:
    """The colour of a frame within others: 1, 2, 3, and then 2 and 3 in turn; 0 is the paper."""
    return level if level <= 3 else 2 + level % 2


def box_mark(box: Box, at: Rectangle) -> str:
    marks = {"merge": _capsule, "terminal": _terminal}.get(box.kind, _layers)(box, at)
    return tag("g", tooltip(box.detail) + _ring(box, at) + marks + _badge(box.badge, at, RAISED), data_box=box.key)


def _ring(box: Box, at: Rectangle) -> str:
    """Around a box of which something became in another version."""
    if not box.mark:
        return ""
    return tag(
        "rect",
        class_=f"ring {box.mark}",
        x=at.x - RING,
        y=at.y - RING,
        width=at.width + 2 * RING,
        height=at.height + 2 * RING,
        rx=CORNER + RING,
    )


def shape_mark(item: Box | Frame, at: Rectangle, level: int, *, left: bool) -> str:
    """The shape of an output, beside the wire that leaves with it; `level` is that of the frame around."""
    style = f"muted halo on{shade(level)}"
    if at.across:
        over = isinstance(item, Box) and item.kind == "merge"
        y = at.y - 5 if over else at.bottom - 4 if isinstance(item, Frame) else at.bottom + 12
        return words(item.shape, at.axis, y, TINY, f"{style} middle")
    x = at.axis - LABEL_SPACE if left else at.axis + LABEL_SPACE
    y = at.y - 5 if at.up else at.bottom + 12
    return words(item.shape, x, y, TINY, f"{style}{' end' if left else ''}")


def shape_area(item: Box | Frame, at: Rectangle, *, left: bool) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of a shape beside its wire."""
    near, far = LABEL_SPACE - 1, shape_width(item) + 1
    sides = (at.axis - far, at.axis - near) if left else (at.axis + near, at.axis + far)
    return (*sides, at.y - TINY - 5, at.y) if at.up else (*sides, at.bottom, at.bottom + TINY + 4)


def _badge(text: str, at: Rectangle, raised: float = 0.0) -> str:
    """A tag on the upper border, near its right end."""
    if not text:
        return ""
    wide = badge_width(text)
    x, middle = at.x + at.width - wide - 8, at.y - raised
    plate = tag("rect", class_="badge", x=x, y=middle - 7.5, width=wide, height=15, rx=7.5)
    return plate + words(text, x + wide / 2, middle + 3.5, TINY, "badge-text middle bold")


def _terminal(box: Box, at: Rectangle) -> str:
    style = "terminal aside" if box.aside else "terminal"
    plate = tag("rect", class_=style, x=at.x, y=at.y, width=at.width, height=at.height, rx=at.height / 2)
    return plate + words(box.sections[0].text, at.axis, at.y + at.height / 2 + 4, SMALL, "terminal-text middle")


def _capsule(box: Box, at: Rectangle) -> str:
    """A merge, and after it its followers in a pill."""
    main, *followers = box.sections
    half = merge_width(box) / 2
    axis = at.x + half if at.across else at.axis
    top = at.bottom - CAPSULE if at.up else at.y
    marks = [_plate(main.kind, (axis - half, top, axis + half, top + CAPSULE), (CAPSULE / 2,) * 4)]
    size, drop = (SIGN, 6) if len(main.text) == 1 else (LABEL, 4.5)
    marks.append(words(main.text, axis, top + CAPSULE / 2 + drop, size, f"{main.kind}-text middle"))
    if followers and at.across:
        link, middle = axis + half, at.y + CAPSULE / 2
        marks.append(tag("path", class_="wire", d=f"M{number(link)} {number(middle)}h{LINK}"))
        room = replace(at, x=link + LINK, width=at.right - link - LINK)
        marks.append(_strip(box, room, middle - STRIP / 2, (STRIP / 2, STRIP / 2)))
    elif followers:
        link = top - LINK if at.up else top + CAPSULE
        marks.append(tag("path", class_="wire", d=f"M{number(at.axis)} {number(link)}v{LINK}"))
        marks.append(_strip(box, at, at.y if at.up else at.bottom - STRIP, (STRIP / 2, STRIP / 2)))
    return "".join(marks)


def _layers(box: Box, at: Rectangle) -> str:
    """The layer, under its caption, and after it its followers in a strip."""
    main, *followers = box.sections
    high = main_height(box)
    kind = main.kind if box.heat is None else f"heat{box.heat}"
    top = at.bottom - high if at.up else at.y
    flat = 0.0 if followers else CORNER
    radii = (flat, flat, CORNER, CORNER) if at.up else (CORNER, CORNER, flat, flat)
    marks = [_plate(kind, (at.x, top, at.right, top + high), radii)]
    if box.caption:
        marks.append(words(box.caption, at.axis, top + 18, LABEL, f"{kind}-text middle bold"))
    size, bold = main_type(box)
    style = f"{kind}-text middle{' bold' if bold else ''}"
    marks.append(words(main.text, at.axis, top + high - 9 - (NOTE if box.note else 0), size, style))
    if box.note:
        marks.append(words(box.note, at.axis, top + high - 8, TINY, f"{kind}-text middle"))
    strip = (at.y, (CORNER, 0.0)) if at.up else (at.bottom - STRIP, (0.0, CORNER))
    return "".join(marks) + (_strip(box, at, *strip) if followers else "")


def _strip(box: Box, at: Rectangle, top: float, radii: tuple[float, float]) -> str:
    """The followers side by side, with the radii of the upper and lower corners at both ends."""
    followers = box.sections[1:]
    widths = follower_widths(box)
    spare = (at.width - sum(widths)) / max(1, len(widths))
    lefts = accumulate((wide + spare for wide in widths), initial=at.x)
    marks = []
    for index, (section, left, wide) in enumerate(zip(followers, lefts, widths, strict=False)):
        right = left + wide + spare
        first = radii if index == 0 else (0.0, 0.0)
        last = radii if index == len(followers) - 1 else (0.0, 0.0)
        marks.append(_plate(section.kind, (left, top, right, top + STRIP), (first[0], last[0], last[1], first[1])))
        marks.append(words(section.text, (left + right) / 2, top + 12.5, TINY, f"{section.kind}-text middle"))
    return "".join(marks)


def _plate(kind: str, sides: tuple[float, float, float, float], radii: tuple[float, float, float, float]) -> str:
    """A rectangle (left, top, right, bottom) with its own radius at each corner, clockwise from the top left."""
    left, top, right, bottom = sides
    a, b, c, d = radii
    path = (
        f"M{left + a:g} {top:g}H{right - b:g}{_arc(b, b, b)}V{bottom - c:g}{_arc(c, -c, c)}"
        f"H{left + d:g}{_arc(d, -d, -d)}V{top + a:g}{_arc(a, a, -a)}Z"
    )
    return tag("path", class_=kind, d=path)


def _arc(radius: float, x: float, y: float) -> str:
    return f"a{radius:g} {radius:g} 0 0 1 {x:g} {y:g}" if radius else ""
