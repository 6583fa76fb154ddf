"""Where labels of points stand: near their own, inside of the frame, none on another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import cos, hypot, inf, pi, sin
from typing import NamedTuple

GAP = 3.0  # pixels between labels
NEAR = 4.0  # between a point's circle and its label
STEP = 6.0
DIRECTIONS = 24
COVERING = 40.0  # as bad as so many pixels


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box, gap: float = 0.0) -> bool:
        apart = self.right + gap <= other.left or other.right + gap <= self.left
        return not (apart or self.bottom + gap <= other.top or other.bottom + gap <= self.top)

    def holds(self, other: Box) -> bool:
        inside = self.left <= other.left and other.right <= self.right
        return inside and self.top <= other.top and other.bottom <= self.bottom


class Disc(NamedTuple):
    """A point's circle, with the width and height of its label."""

    x: float
    y: float
    radius: float
    label: tuple[float, float]

    @property
    def around(self) -> Box:
        return Box(self.x - self.radius, self.y - self.radius, self.x + self.radius, self.y + self.radius)


def placed(discs: Sequence[Disc], frame: Box) -> list[Box] | None:
    """A box for each label, or None if there is no room for all: the frame must grow.

    Those with most neighbours choose first. A label stands beside other circles if it can, else on one.
    """
    found: dict[int, Box] = {}
    for index in sorted(range(len(discs)), key=lambda index: -_neighbours(discs, index)):
        box = _best(discs, index, frame, list(found.values()))
        if box is None:
            return None
        found[index] = box
    return [found[index] for index in range(len(discs))]


def _best(discs: Sequence[Disc], index: int, frame: Box, taken: Sequence[Box]) -> Box | None:
    """The least bad of the places that are free; none that is further away than that is looked at."""
    best, least = None, inf
    for away, box in _around(discs[index], frame):
        if away > least:
            break
        if not any(box.meets(other, GAP) for other in taken):
            badness = away + COVERING * _covered(box, discs, index)
            if badness < least:
                best, least = box, badness
    return best


def _neighbours(discs: Sequence[Disc], index: int) -> int:
    here = discs[index]
    return sum(hypot(here.x - other.x, here.y - other.y) < 2 * here.label[0] for other in discs)


def _around(disc: Disc, frame: Box) -> Iterator[tuple[float, Box]]:
    """Boxes inside of the frame in all directions, with how far from the circle they are, the nearest first."""
    width, height = disc.label
    reach = hypot(frame.right - frame.left, frame.bottom - frame.top)
    distance = disc.radius + NEAR
    while distance < reach:
        for step in range(DIRECTIONS):
            across, down = cos(2 * pi * step / DIRECTIONS), sin(2 * pi * step / DIRECTIONS)
            left = disc.x + across * distance - width * (1 - across) / 2
            top = disc.y + down * distance - height * (1 - down) / 2
            box = Box(left, top, left + width, top + height)
            if frame.holds(box):
                yield distance - disc.radius, box
        distance += STEP if distance < disc.radius + 100 else 5 * STEP


def _covered(box: Box, discs: Sequence[Disc], own: int) -> int:
    """On how many other circles a label would stand."""
    return sum(box.meets(disc.around) for index, disc in enumerate(discs) if index != own)


def nearest(box: Box, disc: Disc) -> tuple[float, float]:
    """The point of a label that is nearest to its circle."""
    return min(max(disc.x, box.left), box.right), min(max(disc.y, box.top), box.bottom)
