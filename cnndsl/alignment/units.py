"""What kind of unit a layer is, and its facts, where that is not the layer's own word.

Layers that compute the same are the same here: a 1x1 convolution is a `dense` layer of each pixel, a convolution over
the whole map one of all its values, a mean over the whole map is global.
"""

from __future__ import annotations

from collections.abc import Mapping

from cnndsl.ops.base import Shape
from cnndsl.ops.images import Pair, Sides

Description = tuple[str, dict[str, str]]

IDENTITY: Description = ("identity", {})


def convolution(
    weight: Shape, size: Pair, stride: Pair, sides: Sides, dilation: Pair, groups: int, bias: bool
) -> Description:
    """A convolution whose weight is (filters, channels / groups, height, width), on a map of `size`."""
    filters, channels, *extent = weight
    kernel = (extent[0], extent[1])
    each_pixel = kernel == (1, 1) and stride == (1, 1)
    if groups == 1 and not any(sides) and dilation == (1, 1) and (each_pixel or kernel == size):
        return dense(filters, channels * kernel[0] * kernel[1], bias)
    return "conv", {
        "kernel": _extent(kernel),
        "filters": str(filters),
        "channels": str(channels * groups),
        "stride": _step(stride),
        "pad": _padding(sides, kernel, dilation),
        "dilation": _step(dilation),
        "groups": str(groups),
        "bias": _bias(bias),
    }


def transposed(
    weight: Shape, inputs: int, stride: Pair, pad: Pair, output_pad: Pair, dilation: Pair, groups: int, bias: bool
) -> Description:
    """A transposed convolution whose weight is (channels, filters / groups, height, width), of `inputs` values."""
    return "conv_transpose", {
        "kernel": _extent((weight[2], weight[3])),
        "filters": str(weight[1] * groups),
        "channels": str(weight[0]),
        "inputs": str(inputs),
        "stride": _step(stride),
        "pad": _extent(pad),
        "output pad": _extent(output_pad),
        "dilation": _step(dilation),
        "groups": str(groups),
        "bias": _bias(bias),
    }


def standardized(convolution: Description, eps: float) -> Description:
    """A convolution whose filters are standardised."""
    _, facts = convolution
    return "ws_conv", {**facts, "eps": number(eps)}


def dense(filters: int, channels: int, bias: bool) -> Description:
    """A linear layer, of all values or of the channels of each pixel."""
    return "dense", {"filters": str(filters), "channels": str(channels), "bias": _bias(bias)}


def pool(
    kind: str, kernel: Pair, stride: Pair, sides: Sides, size: Pair, *, ceil: bool, include_pad: bool = True
) -> Description:
    """A `maxpool` or `avgpool`; rounding is a fact only where the stride could leave something over."""
    if kernel == (1, 1) and (stride == (1, 1) or size == (1, 1)):
        return IDENTITY
    if kernel == size and not any(sides):
        return f"global_{kind}", {}
    facts = {"kernel": _extent(kernel), "stride": _step(stride), "pad": _padding(sides)}
    if stride != (1, 1):
        facts["round"] = "ceil" if ceil else "floor"
    if kind == "avgpool" and any(sides):
        facts["padding"] = "counted" if include_pad else "not counted"
    return kind, facts


def adaptive(kind: str, wanted: Pair, size: Pair) -> Description:
    """An adaptive `maxpool` or `avgpool`."""
    if wanted == size:
        return IDENTITY
    return (f"global_{kind}", {}) if wanted == (1, 1) else (f"adaptive_{kind}", {"size": _extent(wanted)})


def norm(kind: str, channels: int, numbers: Mapping[str, float]) -> Description:
    return plain(kind, {"channels": channels, **numbers})


def scale(factor: float) -> Description:
    """Multiplication by a number that is not learned."""
    return IDENTITY if factor == 1 else plain("scale", {"factor": factor})


def resized(before: Pair, after: Pair, mode: str, align_corners: bool) -> Description:
    """A map of another size, however that was asked for."""
    facts = {"from": _extent(before), "to": _extent(after), "mode": mode, "align corners": align_corners}
    return IDENTITY if before == after else plain("resize", facts)


def flattened(order: str, shape: Shape) -> Description:
    """A vector of an image's values, of which `order` names the axes from the slowest to the fastest."""
    long = "".join(axis for axis in order if len(shape) == 3 and shape["chw".index(axis)] > 1)
    return IDENTITY if [*long] == sorted(long) else plain("flatten", {"order": long})


def plain(kind: str, facts: Mapping[str, object] | None = None) -> Description:
    """A layer without tensors; numbers are shown alike on both sides."""
    return kind, {name: _shown(value) for name, value in (facts or {}).items()}


def number(value: float) -> str:
    return f"{float(value):g}"


def _shown(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return number(value)


def _extent(pair: Pair) -> str:
    return f"{pair[0]}x{pair[1]}"


def _step(pair: Pair) -> str:
    return str(pair[0]) if pair[0] == pair[1] else _extent(pair)


def _padding(sides: Sides, kernel: Pair | None = None, dilation: Pair = (1, 1)) -> str:
    """Padding of a convolution is "half" where it keeps the size, so that another kernel is one difference, not two."""
    top, bottom, left, right = sides
    if kernel is not None:
        rows, columns = (step * (extent // 2) for step, extent in zip(dilation, kernel, strict=True))
        if sides == (rows, rows, columns, columns) and kernel[0] % 2 and kernel[1] % 2:
            return "half"
    if (top, left) != (bottom, right):
        return f"[{top}, {bottom}, {left}, {right}]"
    return str(top) if top == left else f"{top}x{left}"


def _bias(bias: bool) -> str:
    return "yes" if bias else "no"
