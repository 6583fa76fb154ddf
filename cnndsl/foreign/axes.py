"""Which axis of an image each axis of a tensor is made of, however a program views and turns it.

People view, permute and flatten images on the way to a layer and back, which changes no value. An axis here is a list
of digits, as of a number with mixed bases: `view(n, 2, c // 2, h, w)` writes a channel with two digits, `flatten(1)`
makes one number of three axes, and only a layer that needs an image or a vector asks where everything came to lie.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from cnndsl.ops.base import Shape

BATCH, CHANNEL, ROWS, COLUMNS = range(4)
REPEATED = -1  # the axis of a digit that nothing depends on: every value of it is the same


@dataclass(frozen=True, slots=True)
class Digit:
    """`index // inner % size` of an index along an axis (0 the batch, then those of the image)."""

    axis: int
    inner: int
    size: int


Group = tuple[Digit, ...]
Axes = tuple[Group, ...]


def plain(dims: Sequence[int]) -> Axes:
    """Every axis of an image, its batch among them, as it is; axes of size 1 have no digits."""
    return tuple(merged([Digit(axis, 1, size)]) for axis, size in enumerate(dims))


def standard(batch: int, shape: Shape) -> Axes:
    """Every axis of a batch of images as it is."""
    return plain((batch, *shape))


def merged(digits: Sequence[Digit]) -> Group:
    """The same number with as few digits as can be."""
    found: list[Digit] = []
    for digit in digits:
        last = found[-1] if found else None
        if digit.size == 1:
            continue
        if last is not None and last.axis == digit.axis and last.inner == digit.inner * digit.size:
            found[-1] = Digit(digit.axis, digit.inner, last.size * digit.size)
        else:
            found.append(digit)
    return tuple(found)


def sizes(axes: Axes) -> tuple[int, ...]:
    return tuple(prod(digit.size for digit in group) for group in axes)


def reshaped(axes: Axes, wanted: Sequence[int]) -> Axes | None:
    """The axes after a view; None where a digit would have to be cut unevenly."""
    left = [digit for group in axes for digit in group][::-1]
    groups = []
    for size in wanted:
        group = _taken(left, size)
        if group is None:
            return None
        groups.append(merged(group))
    return None if left else tuple(groups)


def _taken(left: list[Digit], size: int) -> list[Digit] | None:
    """The first digits of a number that make an axis of `size`."""
    found: list[Digit] = []
    while size > 1:
        if not left:
            return None
        digit = left.pop()
        if size % digit.size == 0:
            size //= digit.size
        elif digit.size % size == 0:
            inner = digit.size // size
            left.append(Digit(digit.axis, digit.inner, inner))
            digit = Digit(digit.axis, digit.inner * inner, size)
            size = 1
        else:
            return None
        found.append(digit)
    return found


def expanded(axes: Axes, wanted: Sequence[int]) -> Axes:
    """The axes where those of size 1 are repeated, new ones in front among them."""
    axes = ((),) * (len(wanted) - len(axes)) + axes
    return tuple(
        (Digit(REPEATED, 0, size),) if not group and size > 1 else group
        for group, size in zip(axes, wanted, strict=True)
    )


def unrepeated(axes: Axes) -> Axes:
    """The axes with repeated ones as of size 1."""
    return tuple(tuple(digit for digit in group if digit.axis != REPEATED) for group in axes)


def replaced(axes: Axes, axis: int, digit: Digit) -> Axes:
    """The axes with one that is a single digit."""
    return (*axes[:axis], merged([digit]), *axes[axis + 1 :])


def every_nth(axes: Axes, axis: int, wanted: range) -> Axes | None:
    """The axes with one more, of which one value (the first that is wanted) is every n-th of an axis of one digit.

    None if the values that are wanted are not those.
    """
    (digit,) = axes[axis]
    if digit.size != len(wanted) * wanted.step or wanted.start >= wanted.step:
        return None
    kept = Digit(digit.axis, digit.inner * wanted.step, len(wanted))
    return (*replaced(axes, axis, kept), (Digit(digit.axis, digit.inner, wanted.step),))


def whole(group: Group, shape: Shape) -> int | None:
    """The axis of a tensor of `shape`, without batch, that a group is all of, if it is."""
    if len(group) == 1 and group[0].inner == 1 and 0 < group[0].axis <= len(shape):
        axis = group[0].axis
        return axis if shape[axis - 1] == group[0].size else None
    return None


def is_channels(group: Group, shape: Shape) -> bool:
    """Whether a group is all channels of a tensor of `shape`; where it has one, every axis of size 1 is."""
    return group == plain((1, *shape))[CHANNEL]


def axes_of(group: Group) -> Iterator[int]:
    return (digit.axis for digit in group)


def broadcast(one: Axes, other: Axes) -> bool:
    """Whether `other` is the same, but for axes that it has not: as a gate lies to its image."""
    return len(one) == len(other) and all(b in (a, ()) for a, b in zip(one, other, strict=True))
