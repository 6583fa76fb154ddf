"""The window that a layer slides over its input, as the layer tables of papers have it: kernel, stride, padding."""

from __future__ import annotations

from typing import NamedTuple

from cnndsl.ops.base import Op, Shape
from cnndsl.ops.convolution import Conv, ConvTranspose, OtherConv
from cnndsl.ops.images import Pair, Sides
from cnndsl.ops.pooling import BlurPool, Pool


class Slide(NamedTuple):
    """(rows, columns) of kernel and stride; padding (top, bottom, left, right), which a transposed one takes away."""

    kernel: Pair
    stride: Pair
    pad: Sides


def slide(op: Op, *inputs: Shape) -> Slide | None:
    """What a layer slides over an input of that shape; None for one that slides nothing."""
    if isinstance(op, Conv | OtherConv):
        conv = op.conv(inputs[0][0])
        return Slide(conv.kernel, conv.stride, conv.sides_on((inputs[0][1], inputs[0][2])))
    if isinstance(op, Pool):
        return Slide(op.kernel, op.stride, op.sides(inputs[0]))
    if isinstance(op, ConvTranspose):
        return Slide(op.kernel, op.stride, op.pad)
    if isinstance(op, BlurPool):
        before, after = (op.kernel - 1) // 2, op.kernel // 2
        return Slide((op.kernel, op.kernel), op.stride, (before, after, before, after))
    return None
