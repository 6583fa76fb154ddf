"""Convolutions and matrices: what has weights and sums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnndsl.foreign.axes import CHANNEL, ROWS, plain
from cnndsl.foreign.onnx.drafts import Array, Tensor, Weight
from cnndsl.foreign.onnx.step import Step
from cnndsl.foreign.onnx.unreadable import Unreadable
from cnndsl.ops.arguments import SAME
from cnndsl.ops.base import Op
from cnndsl.ops.channels import ChannelConv
from cnndsl.ops.convolution import Conv, ConvTranspose, Depthwise
from cnndsl.ops.images import Pair, Sides, dilated, same_sides
from cnndsl.ops.linear import Linear

ONE: Pair = (1, 1)


def sides_of(pads: tuple[int, ...]) -> Sides:
    """Top, bottom, left and right of what a file says as beginnings and ends."""
    top, left, bottom, right = pads
    return top, bottom, left, right


def window_pads(step: Step, kernel: Pair, size: Pair, dilation: Pair = ONE) -> Sides | str:
    """How a window is padded on a map of that size; `same` where that depends on the size."""
    mode, stride = text(step.attribute("auto_pad", "NOTSET")), step.pair("strides", ONE)
    if mode == "VALID":
        return 0, 0, 0, 0
    if mode == "SAME_UPPER":
        return SAME
    if mode == "SAME_LOWER":
        top, bottom, left, right = same_sides(size, kernel, stride, dilation)
        return bottom, top, right, left
    return pads_of(step)


def pads_of(step: Step) -> Sides:
    pads = tuple(step.attribute("pads", (0, 0, 0, 0)))
    if len(pads) != 4 or min(pads) < 0:
        raise Unreadable(f"its pads are {', '.join(map(str, pads))}")
    return sides_of(pads)


def text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def read_conv(step: Step) -> Tensor:
    weight = step.weight(1)
    if weight.values.ndim == 3:
        return _read_conv_1d(step)
    if weight.values.ndim != 4:
        raise Unreadable(f"it slides along {weight.values.ndim - 2} axes, and layers along two")
    source = step.image()
    channels, height, width = step.drafts[source].shape
    filters, _, *kernel = weight.values.shape
    stride, dilation = step.pair("strides", ONE), step.pair("dilations", ONE)
    pad = window_pads(step, (kernel[0], kernel[1]), (height, width), dilation)
    facts = {
        "kernel": tuple(kernel),
        "stride": stride,
        "pad": _by_half(pad, (kernel[0], kernel[1]), stride, dilation),
        "dilation": dilation,
        "bias": step.has(2),
    }
    op = _grouped(int(step.attribute("group", 1)), channels, filters, facts)
    return step.add(op, source, weights={"weight": weight, **_bias(step)})


def _bias(step: Step) -> Mapping[str, Weight]:
    return {"bias": step.weight(2)} if step.has(2) else {}


def _by_half(pad: Sides | str, kernel: Pair, stride: Pair, dilation: Pair) -> Sides | str | None:
    """None, the padding that nobody writes, where it is that."""
    rows, columns = (extent - 1 for extent in dilated(kernel, dilation))
    odd = kernel[0] % 2 == 1 == kernel[1] % 2
    half = (rows // 2, rows // 2, columns // 2, columns // 2)
    return None if odd and (pad == half or (pad == SAME and stride == ONE)) else pad


def _grouped(groups: int, channels: int, filters: int, facts: dict[str, Any]) -> Op:
    if groups == channels > 1 and filters % channels == 0:
        return Depthwise(multiplier=filters // channels, **facts)
    return Conv(filters=filters, groups=groups, **facts)


def _read_conv_1d(step: Step) -> Tensor:
    """Along the channels of each pixel by itself, as in ECA; or of one tap, which is of every pixel."""
    tensor, weight = step.tensor(), step.weight(1)
    filters, each, taps = weight.values.shape
    node = tensor.node
    pads, one = (
        tuple(step.attribute("pads", (0, 0))),
        all(tuple(step.attribute(name, (1,))) == (1,) for name in ("strides", "dilations")),
    )
    rows = tensor.axes[1:] == ((), step.channels(node))
    if (filters, each) == (1, 1) and rows and one and taps % 2 == 1 and pads == (taps // 2, taps // 2):
        return step.within(ChannelConv(taps, bias=step.has(2)), tensor, {"weight": weight, **_bias(step)})
    if taps == 1 and one and pads == (0, 0) and step.attribute("group", 1) == 1:
        step.channel_axis(tensor, 1)
        return by_pixel(step, tensor, 1, weight.values[:, :, 0], step.weight(2) if step.has(2) else None)
    raise Unreadable("it slides along one axis, and layers along two")


def by_pixel(step: Step, tensor: Tensor, axis: int, matrix: Array, bias: Weight | None = None) -> Tensor:
    """A matrix (filters x channels) on the channels of each pixel: a `conv 1x1`, wherever the file has the channels."""
    op = Conv((1, 1), matrix.shape[0], bias=bias is not None)
    weights = {"weight": Weight(matrix[:, :, None, None]), **({"bias": bias} if bias is not None else {})}
    node = step.drafts.add(op, (tensor.node,), step.origin, weights)
    filters = plain(step.drafts.dims(node))[CHANNEL]
    return Tensor(node, tuple(filters if index == axis else each for index, each in enumerate(tensor.axes)))


def read_conv_transpose(step: Step) -> Tensor:
    weight = step.weight(1)
    if weight.values.ndim != 4:
        raise Unreadable(f"it slides along {weight.values.ndim - 2} axes, and layers along two")
    source = step.image()
    _, each, *kernel = weight.values.shape
    groups = int(step.attribute("group", 1))
    sides, added = _crop(step, (kernel[0], kernel[1]), step.drafts.dims(source)[ROWS:])
    op = _transposed(step, (kernel[0], kernel[1]), each * groups, groups, sides, added)
    return step.add(op, source, weights={"weight": weight, **_bias(step)})


def _transposed(step: Step, kernel: Pair, filters: int, groups: int, sides: Sides, added: Pair) -> Op:
    """What is cropped less at the ends is what `output_pad` adds there."""
    top, bottom, left, right = sides
    return ConvTranspose(
        kernel,
        filters,
        stride=step.pair("strides", ONE),
        pad=(top, top, left, left),
        output_pad=(added[0] + top - bottom, added[1] + left - right),
        dilation=step.pair("dilations", ONE),
        groups=groups,
        bias=step.has(2),
    )


def _crop(step: Step, kernel: Pair, size: tuple[int, ...]) -> tuple[Sides, Pair]:
    """Rows and columns that are cut off, and `output_padding`; from the size that comes out, if the file says that."""
    stride, added = step.pair("strides", ONE), step.pair("output_padding", (0, 0))
    mode, wanted = text(step.attribute("auto_pad", "NOTSET")), step.attribute("output_shape")
    if wanted is None and not mode.startswith("SAME"):
        return (0, 0, 0, 0) if mode == "VALID" else pads_of(step), added
    extent = dilated(kernel, step.pair("dilations", ONE))
    ends: list[int] = []
    for axis in (0, 1):
        result = wanted[-2:][axis] if wanted is not None else size[axis] * stride[axis]
        total = stride[axis] * (size[axis] - 1) + added[axis] + extent[axis] - result
        small, large = total // 2, total - total // 2
        ends += (small, large) if mode == "SAME_UPPER" else (large, small)
    if min(ends) < 0:
        raise Unreadable("it makes the map larger than its kernel reaches")
    return (ends[0], ends[1], ends[2], ends[3]), added


def read_gemm(step: Step) -> Tensor:
    """alpha * A B + beta * C, of which B and C are constant."""
    if step.attribute("transA", 0):
        raise Unreadable("it turns its input around")
    kept, alpha, beta = step.weight(1), step.attribute("alpha", 1.0), step.attribute("beta", 1.0)
    matrix = kept if step.attribute("transB", 0) else Weight(kept.values.T)
    if alpha != 1:
        matrix = Weight(matrix.values * matrix.values.dtype.type(alpha))
    weights = {"weight": matrix}
    biased = step.has(2) and beta != 0
    if biased:
        weights["bias"] = _row(step.weight(2), matrix.values.shape[0], beta)
    return step.add(Linear(matrix.values.shape[0], bias=biased), _vector(step, matrix.values), weights=weights)


def _vector(step: Step, matrix: Array) -> int:
    node = step.drafts.vector(step.tensor(), step.origin)
    if step.drafts[node].shape[0] != matrix.shape[1]:
        raise Unreadable(f"its matrix takes {matrix.shape[1]} features and gets {step.drafts[node].shape[0]}")
    return node


def _row(bias: Weight, features: int, beta: float) -> Weight:
    import numpy as np

    if bias.values.shape == (features,) and beta == 1:
        return bias
    if bias.values.ndim > 1 and bias.values.shape[0] != 1:
        raise Unreadable("it adds something else to every sample")
    return Weight(np.broadcast_to(bias.values.reshape(-1), (features,)) * bias.values.dtype.type(beta))


def read_matmul(step: Step) -> Tensor:
    kept, tensor = step.weight(1), step.tensor()
    if kept.values.ndim != 2:
        raise Unreadable("its second input is no matrix")
    if len(tensor.axes) == 2:
        matrix = Weight(kept.values.T)
        return step.add(
            Linear(matrix.values.shape[0], bias=False), _vector(step, matrix.values), weights={"weight": matrix}
        )
    step.channel_axis(tensor, -1)
    return by_pixel(step, tensor, len(tensor.axes) - 1, kept.values.T)


READERS = {
    "Conv": read_conv,
    "ConvTranspose": read_conv_transpose,
    "Gemm": read_gemm,
    "MatMul": read_matmul,
}
