"""Layers with weights: convolutions, linear layers and norms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from cnndsl.foreign import axes as lying
from cnndsl.foreign.axes import CHANNEL
from cnndsl.foreign.draft import Kept
from cnndsl.foreign.pixels import reshaped
from cnndsl.foreign.pytorch.program import word
from cnndsl.foreign.pytorch.reading import Flow, NoLayer, Reading, Value, pair
from cnndsl.foreign.standardized import standardized
from cnndsl.ops.activation import Prelu
from cnndsl.ops.arguments import SAME
from cnndsl.ops.base import LayerError, Op
from cnndsl.ops.channels import ChannelConv
from cnndsl.ops.convolution import Conv, ConvTranspose, Depthwise, WsConv, half_padding
from cnndsl.ops.images import Pair, Sides, same_sides
from cnndsl.ops.linear import Linear
from cnndsl.ops.normalization import Bn, GroupNorm, InstanceNorm, LayerNorm
from cnndsl.ops.resize import Pad
from cnndsl.ops.scale import Scale

if TYPE_CHECKING:
    from torch import fx

Given = dict[str, Value]
NO_SIDES: Sides = (0, 0, 0, 0)


def conv(reading: Reading, node: fx.Node, given: Given) -> Value:
    weight, bias = _kept(given["weight"]), given["bias"]
    dilation, stride, groups = pair(given["dilation"]), pair(given["stride"]), int(given["groups"])
    filters, _, *extent = weight.shape
    kernel = (extent[0], extent[1])
    source, sides, mode = _padding(reading, reading.step(given["input"]), _sides(given, kernel, dilation))
    shape = reading.draft.shape(source)
    pad = said_padding(reading, node, (shape[1], shape[2]), kernel, stride, sides, dilation)
    said: dict[str, Any] = {"stride": stride, "pad": pad, "dilation": dilation, "groups": groups, "pad_mode": mode}
    op = Conv(kernel, filters, **said, bias=bias is not None)
    if not weight.name:
        found = standardized(weight, _eps(reading, node))
        if found is not None:
            return _standardized(reading, node, op, source, found, bias)
    return reading.add(node, _depthwise(op, shape[0]), source, tensors={"weight": weight, "bias": bias})


def _standardized(
    reading: Reading, node: fx.Node, op: Conv, source: int, found: tuple[Kept, float, Kept | None], bias: Kept | None
) -> Value:
    """A convolution whose filters have mean 0 and variance 1, perhaps times a number for each."""
    weight, eps, gains = found
    if isinstance(op.pad, str):
        op = replace(op, pad=same_sides((reading.draft.shape(source)[1:3]), op.kernel, op.stride, op.dilation))  # type: ignore[arg-type]
    ws = WsConv(**{each.name: getattr(op, each.name) for each in fields(Conv)}, eps=eps)
    if gains is None:
        return reading.add(node, ws, source, tensors={"weight": weight, "bias": bias})
    before = None if bias is None else Kept(bias.value / gains.value, origins=(bias, gains), learned=True)
    flow = reading.add(node, ws, source, tensors={"weight": weight, "bias": before})
    return reading.add(node, Scale(learned=True), flow.step, tensors={"weight": gains})


def _eps(reading: Reading, node: fx.Node) -> float | None:
    """What the module around a node calls so."""
    path = reading.places[node].path
    try:
        return float(getattr(reading.module.get_submodule(path), "eps", None))  # type: ignore[arg-type]
    except (AttributeError, TypeError):
        return None


def _depthwise(op: Conv, channels: int) -> Op:
    if op.groups != channels or channels == 1 or op.filters % channels:
        return op
    said = {name: getattr(op, name) for name in ("kernel", "stride", "pad", "dilation", "bias", "pad_mode")}
    return Depthwise(**said, multiplier=op.filters // channels)


def _sides(given: Given, kernel: Pair, dilation: Pair) -> Sides:
    padding = given["padding"]
    if padding == "valid":
        return NO_SIDES
    if padding == "same":
        rows, columns = (step * (extent - 1) for step, extent in zip(dilation, kernel, strict=True))
        return (rows // 2, rows - rows // 2, columns // 2, columns - columns // 2)
    rows, columns = pair(padding)
    return (rows, rows, columns, columns)


def _padding(reading: Reading, source: int, sides: Sides) -> tuple[int, Sides, str]:
    """What a convolution really reads, and all of its padding, where a step of its own pads for it."""
    op = reading.draft.op(source)
    if not isinstance(op, Pad) or op.value or (op.mode != "zero" and any(sides)):
        return source, sides, "zero"
    top, bottom, left, right = (a + b for a, b in zip(sides, op.sides, strict=True))
    return reading.draft.steps[source].inputs[0], (top, bottom, left, right), op.mode


def said_padding(
    reading: Reading, node: fx.Node, size: Pair, kernel: Pair, stride: Pair, sides: Sides, dilation: Pair = (1, 1)
) -> Sides | str | None:
    """Padding as the language says it: half of the kernel by itself, and TensorFlow's by its name."""
    by_size = any("Same" in module.block for module in reading.places[node].modules[-1:])
    if by_size and stride != (1, 1) and sides == same_sides(size, kernel, stride, dilation):
        return SAME
    try:
        return None if sides == half_padding(kernel, dilation) else sides
    except LayerError:
        return sides


def conv_transpose(reading: Reading, node: fx.Node, given: Given) -> Value:
    weight, bias, groups = _kept(given["weight"]), given["bias"], int(given["groups"])
    (rows, columns), kernel = pair(given["padding"]), (weight.shape[2], weight.shape[3])
    op = ConvTranspose(
        kernel,
        weight.shape[1] * groups,
        stride=pair(given["stride"]),
        pad=(rows, rows, columns, columns),
        output_pad=pair(given["output_padding"]),
        dilation=pair(given["dilation"]),
        groups=groups,
        bias=bias is not None,
    )
    return reading.add(node, op, reading.step(given["input"]), tensors={"weight": weight, "bias": bias})


def conv1d(reading: Reading, node: fx.Node, given: Given) -> Value:
    """One filter along the channels, where they lie as the axis of a signal; or a 1x1 kernel on the pixels of a row."""
    weight, bias, flow = _kept(given["weight"]), given["bias"], reading.flow(given["input"])
    shape, kernel = reading.shape(flow), weight.shape[-1]
    padding = given["padding"]
    half = kernel // 2 if padding == "same" else 0 if padding == "valid" else pair(padding)[0]
    plain = (pair(given["stride"])[0], pair(given["dilation"])[0]) == (1, 1)
    if plain and weight.shape[:2] == (1, 1) and kernel == 2 * half + 1 and flow.axes[1] == ():
        op = ChannelConv(kernel, bias=bias is not None)
        return _along_channels(reading, node, flow, op, {"weight": weight, "bias": bias})
    if plain and kernel == 1 and given["groups"] == 1 and lying.is_channels(flow.axes[1], shape):
        return _of_pixels(reading, node, flow, 1, reshaped(weight, weight.shape[:2]), bias)
    raise NoLayer("no layer is this convolution along one axis")


def _along_channels(reading: Reading, node: fx.Node, flow: Flow, op: Op, tensors: dict[str, Kept | None]) -> Value:
    if not lying.is_channels(flow.axes[2], reading.shape(flow)):
        raise NoLayer("no layer is a convolution along the pixels of an image")
    step, axes = flow.step, flow.axes
    if len(reading.shape(flow)) == 1:
        step = reading.step(Flow(step, (axes[0], axes[2], (), ())))
    return Flow(reading.add(node, op, step, tensors=tensors).step, axes)


def linear(reading: Reading, node: fx.Node, given: Given) -> Value:
    """A linear layer of vectors, or of the channels of each pixel."""
    flow, weight, bias = reading.flow(given["input"]), _kept(given["weight"]), given["bias"]
    shape = reading.shape(flow)
    if len(flow.axes) == 2 and (len(shape) == 1 or shape[1:] == (1, 1)) and lying.is_channels(flow.axes[1], shape):
        return _features(reading, node, flow.step, weight, bias)
    if len(flow.axes) == 2:
        return _features(reading, node, reading.step(flow, 2), weight, bias)
    if lying.is_channels(flow.axes[-1], shape) and len(shape) == 3:
        return _of_pixels(reading, node, flow, len(flow.axes) - 1, weight, bias)
    if lying.is_channels(flow.axes[-1], shape) and len(shape) == 1:
        result = _features(reading, node, flow.step, weight, bias)
        return Flow(result.step, (*flow.axes[:-1], result.axes[1]))
    raise NoLayer("no layer is linear along this axis")


def matmul(reading: Reading, node: fx.Node, given: Given) -> Value:
    return _product(reading, node, given["self"], given.get("other", given.get("mat2")))


def addmm(reading: Reading, node: fx.Node, given: Given) -> Value:
    if (given["alpha"], given["beta"]) != (1, 1):
        raise NoLayer("no layer multiplies its bias")
    return _product(reading, node, given["mat1"], given["mat2"], given["self"])


def _product(reading: Reading, node: fx.Node, value: Value, matrix: Value, bias: Kept | None = None) -> Value:
    """A product with a kept matrix, which a linear layer has the other way round."""
    if not isinstance(matrix, Kept) or matrix.value.dim() != 2:
        raise NoLayer(f"no layer computes `{word(node)}` but with a kept matrix on the right")
    weight = Kept(matrix.value.t(), origins=(matrix,), learned=matrix.learned)
    return linear(reading, node, {"input": value, "weight": weight, "bias": bias})


def _features(reading: Reading, node: fx.Node, step: int, weight: Kept, bias: Kept | None) -> Flow:
    op = Linear(weight.shape[0], bias=bias is not None)
    return reading.add(node, op, step, tensors={"weight": weight, "bias": bias})


def _of_pixels(reading: Reading, node: fx.Node, flow: Flow, at: int, weight: Kept, bias: Kept | None) -> Value:
    """A linear layer of every pixel, whose channels lie along the axis `at`."""
    filters, channels = weight.shape
    op = Conv((1, 1), filters, bias=bias is not None)
    tensors = {"weight": reshaped(weight, (filters, channels, 1, 1)), "bias": bias}
    result = reading.add(node, op, flow.step, tensors=tensors)
    return Flow(result.step, (*flow.axes[:at], result.axes[CHANNEL], *flow.axes[at + 1 :]))


# --- norms


def batch_norm(reading: Reading, node: fx.Node, given: Given) -> Value:
    mean, variance = given["running_mean"], given["running_var"]
    if mean is None or variance is None or given["training"]:
        raise NoLayer("it normalises by the mean and variance of the batch it gets, outside of training too")
    momentum = given["momentum"]
    op = Bn(eps=float(given["eps"]), momentum=min(max(float(momentum), 0.0), 1.0))
    flow = reading.flow(given["input"])
    step, axes = (flow.step, flow.axes) if _by_channel(reading, flow) else (reading.step(flow, len(flow.axes)), None)
    weight, bias = _ones(given["weight"], mean), given["bias"] or Kept(mean.value * 0)
    tensors = {"weight": weight, "bias": bias, "running_mean": mean, "running_var": variance}
    result = reading.add(node, op, step, tensors=tensors)
    return result if axes is None else Flow(result.step, axes)


def _by_channel(reading: Reading, flow: Flow) -> bool:
    return len(flow.axes) > 1 and lying.is_channels(flow.axes[1], reading.shape(flow))


def _ones(weight: Kept | None, like: Kept) -> Kept:
    return weight or Kept(like.value * 0 + 1)


def layer_norm(reading: Reading, node: fx.Node, given: Given) -> Value:
    """Over the channels of each pixel, wherever they lie; or over all values of an image if its weights allow it."""
    flow, shape = reading.flow(given["input"]), given["normalized_shape"]
    if len(shape) == 1 and lying.is_channels(flow.axes[-1], reading.shape(flow)):
        zeros = _zeros(shape[0])
        tensors = {"weight": _ones(given["weight"], zeros), "bias": given["bias"] or zeros}
        result = reading.add(node, LayerNorm(eps=float(given["eps"])), flow.step, tensors=tensors)
        return Flow(result.step, flow.axes)
    raise NoLayer(f"no layer normalises over {' x '.join(map(str, shape))} of these axes")


def group_norm(reading: Reading, node: fx.Node, given: Given) -> Value:
    step = reading.step(given["input"])
    zeros = _zeros(reading.draft.shape(step)[0])
    tensors = {"weight": _ones(given["weight"], zeros), "bias": given["bias"] or zeros}
    op = GroupNorm(int(given["num_groups"]), eps=float(given["eps"]))
    return reading.add(node, op, step, tensors=tensors)


def _zeros(count: int) -> Kept:
    import torch

    return Kept(torch.zeros(count, dtype=torch.float64))


def instance_norm(reading: Reading, node: fx.Node, given: Given) -> Value:
    if given["running_mean"] is not None:
        raise NoLayer("`instance_norm` keeps no running statistics")
    op = InstanceNorm(affine=given["weight"] is not None, eps=float(given["eps"]))
    tensors = {"weight": given["weight"], "bias": given["bias"]}
    return reading.add(node, op, reading.step(given["input"]), tensors=tensors)


def prelu(reading: Reading, node: fx.Node, given: Given) -> Value:
    flow, weight = reading.flow(given["self"]), _kept(given["weight"])
    channels = reading.shape(flow)[0]
    if weight.value.numel() == 1 and channels > 1:
        weight = Kept(weight.value.reshape(1).repeat(channels), origins=(weight,), learned=True)
    result = reading.add(node, Prelu(), flow.step, tensors={"weight": reshaped(weight, (channels,))})
    return Flow(result.step, flow.axes)


def _kept(value: Any) -> Kept:
    if not isinstance(value, Kept):
        raise NoLayer("its weights are computed from the input")
    return value


WEIGHTED: dict[str, Callable[[Reading, fx.Node, Given], Value]] = {
    "conv2d": conv,
    "conv_transpose2d": conv_transpose,
    "conv1d": conv1d,
    "linear": linear,
    **dict.fromkeys(("matmul", "mm"), matmul),
    "addmm": addmm,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "prelu": prelu,
}
