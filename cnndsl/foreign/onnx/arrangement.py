"""How tensors of a file lie on those of ours, so that steps that only move values need no layers.

Transposing permutes axes, reshaping cuts and joins them; what comes in and out of NHWC cancels, and what is left in the
end has a layer's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from cnndsl.foreign.axes import CHANNEL, Axes, merged, plain, sizes
from cnndsl.foreign.axes import reshaped as viewed
from cnndsl.foreign.onnx.unreadable import Unreadable
from cnndsl.foreign.turning import turned
from cnndsl.ops.base import Op
from cnndsl.ops.reshape import ORDERS, Flatten


def reshaped(axes: Axes, dims: Sequence[int]) -> Axes:
    """The same values in order, with other borders. Raises `Unreadable` where a border would cut unevenly."""
    if prod(sizes(axes)) != prod(dims):
        raise Unreadable(f"{prod(sizes(axes))} values do not make {' x '.join(map(str, dims))}")
    found = viewed(axes, dims)
    if found is None:
        raise Unreadable("its axes are cut into parts that are no whole axes")
    return found


def spread(axes: Axes, values: Any, channels: int) -> Any:
    """An array that is broadcast to the tensor's axes, as a table of our channels and all else it varies along."""
    import numpy as np

    digits = [digit for group in axes for digit in group]
    whole = np.broadcast_to(values, sizes(axes)).reshape([digit.size for digit in digits])
    order = sorted(range(len(digits)), key=lambda index: (digits[index].axis != CHANNEL, -digits[index].inner))
    return whole.transpose(order).reshape(channels, -1)


def layers(axes: Axes, dims: Sequence[int]) -> Sequence[Op]:
    """The layers that move values of an image of ours, of `dims` with its batch, to where the axes have them."""
    if axes == plain(dims):
        return ()
    if len(axes) == 2 and len(dims) == 4:
        for order in ORDERS:
            if axes == _flattened(plain(dims), order):
                return (Flatten(order=order),)
    found = turned(axes, tuple(dims[1:]))
    if found is None:
        raise Unreadable("no layer moves values so")
    return found


def _flattened(axes: Axes, order: str) -> Axes:
    wanted = ("chw".index(axis) + 1 for axis in order)
    return (axes[0], merged([digit for axis in wanted for digit in axes[axis]]))
