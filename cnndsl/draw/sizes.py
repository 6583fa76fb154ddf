"""How large boxes are, from the text in them."""

from __future__ import annotations

from dataclasses import dataclass

from cnndsl.draw.geometry import MARGIN, Direction, Layout
from cnndsl.draw.lettering import width
from cnndsl.draw.model import Box, Frame, Picture

LABEL = 13  # text sizes in pixels
SMALL = 11
TINY = 10
SIGN = 17  # of `+` and `×`
TITLE = 17  # of the network's name

MAIN = 28  # heights in pixels
CAPTIONED = 42
NOTE = 14
STRIP = 18
CAPSULE = 24
LINK = 6  # between a merge and its followers

LABEL_SPACE = 5  # between a wire and the shape beside it
UNDER = 14  # height of a shape under what stands in a network that runs to the right, or over a merge


@dataclass(frozen=True, slots=True)
class Extent:
    """Room around an axis, which is where wires come in and go out: to its left, to its right, and downwards."""

    left: float
    right: float
    height: float

    @property
    def width(self) -> float:
        return self.left + self.right


def box_size(box: Box, direction: Direction) -> tuple[float, float]:
    """Width and height of what is drawn."""
    if box.kind == "merge":
        followers = sum(follower_widths(box))
        if direction == "right":
            return merge_width(box) + (LINK + followers if followers else 0), CAPSULE
        return max(merge_width(box), followers), CAPSULE + (STRIP + LINK if followers else 0)
    if box.kind == "terminal":
        return width(box.sections[0].text, SMALL) + 28, CAPSULE
    height = main_height(box)
    size, bold = main_type(box)
    main = width(box.sections[0].text, size, bold=bold) + 24
    note = width(box.note, TINY) + 20
    needed = (
        main,
        note,
        width(box.caption, LABEL, bold=True) + 24,
        2 * badge_width(box.badge) + 44 if box.badge else 0,
    )
    return max(72, *needed, sum(follower_widths(box))), height + (STRIP if len(box.sections) > 1 else 0)


def main_height(box: Box) -> int:
    """Of a layer, without those that follow it."""
    return (CAPTIONED if box.caption else MAIN) + (NOTE if box.note else 0)


def main_type(box: Box) -> tuple[int, bool]:
    """Size and boldness of the first layer's text: of a closed scope the title stands out, not what is in it."""
    if box.kind != "scope":
        return LABEL, False
    return (SMALL, False) if box.caption else (LABEL, True)


def merge_width(box: Box) -> float:
    """A merge is a circle if its name is a sign."""
    text = box.sections[0].text
    return CAPSULE if len(text) == 1 else width(text, LABEL) + 18


def follower_widths(box: Box) -> list[float]:
    """The least widths of the layers that follow the first one."""
    return [width(section.text, TINY) + 16 for section in box.sections[1:]]


def badge_width(text: str) -> float:
    return width(text, TINY, bold=True) + 12 if text else 0


def box_drawn(box: Box, direction: Direction) -> Extent:
    """What is drawn of a box, as of one in a network that runs downwards."""
    width, height = box_size(box, direction)
    return Extent(width / 2, width / 2, height) if direction == "down" else Extent(height / 2, height / 2, width)


def box_extent(box: Box, direction: Direction) -> Extent:
    """The room that a box needs, with its shape: under it, left or right of its wire; in a network that runs to the
    right over or under its middle, for into a merge wires come from below."""
    drawn, shape = box_drawn(box, direction), shape_width(box)
    if direction == "down":
        side = max(drawn.left, shape)
        return Extent(side, side, drawn.height)
    room = UNDER if shape else 0
    over, under = (room, 0) if box.kind == "merge" else (0, room)
    return Extent(drawn.left + over, drawn.right + under, max(drawn.height, shape))


def merge_halves(box: Box, direction: Direction) -> tuple[float, float]:
    """Of the sign of a merge: from its axis to its side, and from where wires come in to its middle."""
    half = merge_width(box) / 2
    return (half, CAPSULE / 2) if direction == "down" else (CAPSULE / 2, half)


def shape_width(item: Box | Frame) -> float:
    return width(item.shape, TINY) + LABEL_SPACE if item.shape else 0


def title_widths(frame: Frame) -> tuple[float, float]:
    """What the title takes to the left of the axis and the badge to its right."""
    return width(frame.title, SMALL, bold=True) + 20, badge_width(frame.badge) + 20


def sheet_size(drawn: Picture, places: Layout) -> tuple[float, float]:
    """Width and height of a picture with its heading."""
    heading = max(width(drawn.heading, TITLE, bold=True), width(drawn.facts, SMALL))
    wide, high = places.size
    return max(wide, heading + 2 * MARGIN), high
