"""Rows and columns that are cut out of an image: `crop` cuts around the centre, so the image is moved there first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

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


class Made(Protocol):
    """What is known of a layer of a draft."""

    @property
    def op(self) -> Op: ...
    @property
    def inputs(self) -> Sequence[int]: ...
    @property
    def shape(self) -> Shape: ...


class Draft(Protocol):
    def __getitem__(self, number: int, /) -> Made: ...


def uncut(steps: Draft, step: int, rows: range, columns: range) -> tuple[int, range, range]:
    """Rows and columns of an image as those of another one that it was cut from, if it was.

    People take rows first and columns of these, and both is one cut.
    """
    found = step, rows, columns
    while (before := steps[step]).inputs:
        height, width = (*steps[before.inputs[0]].shape, 0, 0)[1:3]
        left = _left(before.op, (height, width))
        if left is None:
            break
        rows, columns = (
            whole[part.start : part.stop : part.step] for whole, part in zip(left, (rows, columns), strict=True)
        )
        step = before.inputs[0]
        if _inside(rows, height) and _inside(columns, width):
            found = step, rows, columns
    return found


def _left(op: Op, size: Pair) -> tuple[range, range] | None:
    """The rows and columns of an image of `size` that a layer leaves, with those that it adds around; or None."""
    if isinstance(op, Pad):
        top, bottom, left, right = op.sides
        return range(-top, size[0] + bottom), range(-left, size[1] + right)
    if isinstance(op, Crop):
        first, second = ((whole - part) // 2 for whole, part in zip(size, op.size, strict=True))
        return range(first, first + op.size[0]), range(second, second + op.size[1])
    if isinstance(op, Maxpool) and op.kernel == (1, 1) and op.pad in (None, (0, 0, 0, 0)):
        return range(0, size[0], op.stride[0]), range(0, size[1], op.stride[1])
    return None


def _inside(wanted: range, size: int) -> bool:
    return wanted[0] >= 0 and wanted[-1] < size
