"""Which layers put values in an order: channel shuffles, and pixels that become channels or come of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from math import prod

from cnndsl.foreign.axes import CHANNEL, COLUMNS, ROWS, Axes, Digit, Group, merged, plain, standard
from cnndsl.ops.base import Op, Shape
from cnndsl.ops.reshape import ChannelShuffle, PixelShuffle, PixelUnshuffle


def turned(axes: Axes, shape: Shape) -> list[Op] | None:
    """The layers that make an image with these axes of one of `shape`; None if there are none."""
    if len(axes) != 4 or len(shape) != 3 or axes[0] != standard(axes[0][0].size if axes[0] else 1, shape)[0]:
        return None
    factor = _unshuffled(axes)
    if factor:
        channels = tuple(_as_channel(digit, factor, shape[0]) for digit in axes[1])
        return _then(PixelUnshuffle(factor), _permuted(channels), _whole(axes[2], ROWS) and _whole(axes[3], COLUMNS))
    factor = _shuffled(axes)
    if factor:
        order = (*axes[1], *axes[2][1:], *axes[3][1:])
        before = _permuted(order)
        return None if before is None else [*before, PixelShuffle(factor)]
    if axes[2:] != standard(1, shape)[2:]:
        return None
    return _permuted(axes[1])


def with_first(axes: Axes, digit: Digit, dims: Sequence[int]) -> tuple[Axes, Axes] | None:
    """How an image of `dims` (with its batch) lies when a digit of its channels is the first, and what axes are then.

    None where another digit crosses that one.
    """
    below, above = digit.inner, digit.inner * digit.size
    larger = dims[1] // above
    if any(each != digit and each.inner < above and each.inner * each.size > below for each in _channels(axes)):
        return None

    def moved(each: Digit) -> Digit:
        if each.axis != CHANNEL:
            return each
        return replace(each, inner=each.inner // above if each.inner >= above else each.inner * larger)

    batch, _, *pixels = plain(dims)
    order = merged([Digit(CHANNEL, 1, above), Digit(CHANNEL, above, larger)])
    return (batch, order, *pixels), tuple(merged([moved(each) for each in group]) for group in axes)


def _channels(axes: Axes) -> Iterator[Digit]:
    return (digit for group in axes for digit in group if digit.axis == CHANNEL)


def _then(op: Op, rest: list[Op] | None, fits: bool) -> list[Op] | None:
    return [op, *rest] if rest is not None and fits else None


def _unshuffled(axes: Axes) -> int:
    """The size of blocks of pixels that have become channels; 0 if none have."""
    inside = {digit.axis: digit for digit in axes[1] if digit.axis in (ROWS, COLUMNS)}
    sizes = {digit.size for digit in inside.values()}
    fine = len(inside) == 2 and len(sizes) == 1 and all(digit.inner == 1 for digit in inside.values())
    return sizes.pop() if fine else 0


def _whole(group: Group, axis: int) -> bool:
    return all(digit.axis == axis for digit in group) and len(group) <= 1


def _as_channel(digit: Digit, factor: int, channels: int) -> Digit:
    """A digit of the channels after `pixel_unshuffle`: channel, row, column."""
    block = factor * factor
    if digit.axis == CHANNEL:
        return Digit(CHANNEL, digit.inner * block, digit.size)
    return Digit(CHANNEL, factor if digit.axis == ROWS else 1, digit.size)


def _shuffled(axes: Axes) -> int:
    """The size of blocks of pixels that are made of channels; 0 if none are."""
    rows, columns = axes[2], axes[3]
    if len(rows) != 2 or len(columns) != 2 or (rows[0].axis, columns[0].axis) != (ROWS, COLUMNS):
        return 0
    inner = rows[1], columns[1]
    return inner[0].size if inner[0].size == inner[1].size and {d.axis for d in inner} == {CHANNEL} else 0


def _permuted(digits: Group) -> list[Op] | None:
    """A shuffle that brings the digits of the channels in this order: it takes the first ones to the end."""
    if any(digit.axis != CHANNEL for digit in digits):
        return None
    if len(merged(digits)) <= 1:
        return []
    right = sorted(digits, key=lambda digit: -digit.inner)
    if right[-1].inner != 1 or any(one.inner != other.inner * other.size for one, other in pairwise(right)):
        return None
    for count in range(1, len(right)):
        if (*right[count:], *right[:count]) == tuple(digits):
            return [ChannelShuffle(prod(digit.size for digit in right[:count]))]
    return None
