"""Rows and columns that are cut out of an image: `crop` cuts around the centre, so the image is moved there first."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.ops.base import Op, Shape
from cnndsl.ops.images import Pair
from cnndsl.ops.pooling import Maxpool
from cnndsl.ops.resize import Crop, Pad


def cutting(size: Pair, rows: range, columns: range) -> Iterator[Op]:
    """The layers that leave these rows and columns of an image of `size`, from the first to the last of each."""
    ends = [each for whole, some in zip(size, (rows, columns), strict=True) for each in _shift(whole, some)]
    if any(ends):
        yield Pad((ends[0], ends[1], ends[2], ends[3]))
    extent = (_extent(size[0], rows), _extent(size[1], columns))
    if extent != size:
        yield Crop(extent)
    if (rows.step, columns.step) != (1, 1):
        yield Maxpool((1, 1), stride=(rows.step, columns.step))


def _shift(size: int, wanted: range) -> Pair:
    """The pixels that have to be added before and after, so that what is wanted is around the centre."""
    start, stop = wanted[0], wanted[0] + _extent(size, wanted)
    return max(size - start - stop - 1, 0), max(start + stop - size, 0)


def _extent(size: int, wanted: range) -> int:
    """From the first to the last; to the end, where that is left out by the step alone."""
    last = wanted[-1] + 1
    return size if wanted[0] == 0 and size - last < wanted.step else last - wanted[0]


def as_one(before: Op, op: Op, shape: Shape) -> Op | None:
    """One cut of an image of `shape` for two, one after the other: people take rows first, and columns of these."""
    if isinstance(op, Crop) and isinstance(before, Crop):
        return op if before.size == (op.size[0], shape[2]) else None
    if isinstance(op, Maxpool) and isinstance(before, Maxpool) and before.kernel == (1, 1):
        return Maxpool((1, 1), stride=(before.stride[0] * op.stride[0], before.stride[1] * op.stride[1]))
    return None
