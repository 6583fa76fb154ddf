"""Pools, upsampling and padding."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from cnndsl.foreign.cutting import cutting, uncut
from cnndsl.foreign.pytorch.program import sizes, word
from cnndsl.foreign.pytorch.reading import Flow, NoLayer, Reading, Value, flows_in, pair
from cnndsl.foreign.pytorch.weighted import said_padding
from cnndsl.ops.base import LayerError, Op
from cnndsl.ops.images import Sides
from cnndsl.ops.merge import Concat
from cnndsl.ops.pooling import (
    AdaptiveAvgpool,
    AdaptiveMaxpool,
    Avgpool,
    GlobalAvgpool,
    GlobalMaxpool,
    Maxpool,
)
from cnndsl.ops.reshape import ChannelSlice, ZeroPadShortcut
from cnndsl.ops.resize import Pad, Resize, Upsample
from cnndsl.ops.scale import Scale

if TYPE_CHECKING:
    from torch import fx

Given = dict[str, Value]


def maxpool(reading: Reading, node: fx.Node, given: Given) -> Value:
    if pair(given["dilation"]) != (1, 1):
        raise NoLayer("no layer is a dilated pool")
    return _pool(reading, node, given, Maxpool, -math.inf)


def maxpool_with_places(reading: Reading, node: fx.Node, given: Given) -> Value:
    """A pool that gives the places of its maxima too, which no layer reads."""
    return [maxpool(reading, node, given), None]


def avgpool(reading: Reading, node: fx.Node, given: Given) -> Value:
    counted, kernel = bool(given["count_include_pad"]), pair(given["kernel_size"])
    said = None if counted or not any(pair(given["padding"])) else False
    flow = _pool(reading, node, given, partial(Avgpool, count_include_pad=said), 0.0)
    divisor = given["divisor_override"]
    if divisor in (None, kernel[0] * kernel[1]):
        return flow
    return reading.add(node, Scale(kernel[0] * kernel[1] / divisor), flow.step)


def _pool(reading: Reading, node: fx.Node, given: Given, layer: Callable[..., Op], value: float) -> Flow:
    kernel, (rows, columns) = pair(given["kernel_size"]), pair(given["padding"])
    stride = pair(given["stride"]) if given["stride"] else kernel
    rounding = "ceil" if given["ceil_mode"] else "floor"
    source, sides = reading.step(given["self"]), (rows, rows, columns, columns)
    before = reading.draft.steps[source]
    if isinstance(before.op, Pad) and before.op.mode == "zero" and before.op.value == value and rounding == "floor":
        top, bottom, left, right = (a + b for a, b in zip(sides, before.op.sides, strict=True))
        size = reading.draft.shape(before.inputs[0])[1:]
        said = said_padding(reading, node, (size[0], size[1]), kernel, stride, (top, bottom, left, right))
        if isinstance(said, str) and layer is Maxpool:
            return reading.add(node, Maxpool(kernel, stride=stride, pad=said), before.inputs[0])
        try:
            padded = layer(kernel, stride=stride, pad=(top, bottom, left, right))
            return reading.add(node, padded, before.inputs[0])
        except LayerError:
            pass  # padding by more than the kernel stays a step of its own
    try:
        op = layer(kernel, stride=stride, pad=sides, round=rounding)
    except LayerError as error:
        raise NoLayer(str(error)) from error
    return reading.add(node, op, source)


def adaptive(whole: type[Op], some: type[Op], reading: Reading, node: fx.Node, given: Given) -> Value:
    step = reading.step(given["self"])
    wanted = given["output_size"]
    shape = reading.draft.shape(step)
    size = tuple(shape[1:][at] if each is None else each for at, each in enumerate(_two(wanted)))
    flow = reading.add(node, whole() if size == (1, 1) else some(size), step)  # type: ignore[call-arg]
    return [flow, None] if isinstance(node.meta["val"], list | tuple) else flow  # a maximum comes with its place


def _two(value: Any) -> tuple[Any, Any]:
    return (value[0], value[-1]) if isinstance(value, list | tuple) else (value, value)


# --- sizes


def upsample(mode: str, reading: Reading, node: fx.Node, given: Given) -> Value:
    (value,) = flows_in(given["input"] if "input" in given else given["self"])
    step = reading.step(value)
    corners = bool(given.get("align_corners")) and mode != "nearest"
    before, after = reading.draft.shape(step)[1:], sizes(node)[2:]
    factors = given.get("scale_factors")
    whole = all(big % small == 0 for big, small in zip(after, before, strict=True))
    exact = not factors or all(abs(f * s - b) < 1e-9 for f, s, b in zip(factors, before, after, strict=True))
    if factors and not whole and not corners and not exact:
        raise NoLayer(f"it enlarges by {factors[0]:g}, which is no whole number of pixels")
    if whole and factors:
        op: Op = Upsample((after[0] // before[0], after[1] // before[1]), mode=mode, align_corners=corners)
    else:
        op = Resize((after[0], after[1]), mode=mode, align_corners=corners)
    return reading.add(node, op, step)


def upsample_exactly(reading: Reading, node: fx.Node, given: Given) -> Value:
    """The pixels nearest to centres, which are those of `nearest` where each becomes a whole number of them."""
    (value,) = flows_in(given)
    before = reading.draft.shape(reading.step(value))[1:]
    if any(big % small for big, small in zip(sizes(node)[2:], before, strict=True)):
        raise NoLayer("no layer takes the pixels nearest to centres")
    return upsample("nearest", reading, node, given)


def pad(reading: Reading, node: fx.Node, given: Given) -> Value:
    amounts, value = list(given["pad"]), given.get("value") or 0.0
    if not any(amounts):
        return given["self"]
    mode = given.get("mode", "constant").replace("constant", "zero")
    step = reading.step(given["self"], len(sizes(node)))
    if len(amounts) == 6 and mode == "zero" and not value and not any(amounts[:4]):
        return more_channels(reading, node, step, amounts[4], amounts[5])
    if len(amounts) not in (2, 4) or len(reading.draft.shape(step)) != 3:
        raise NoLayer("only rows and columns of images can be padded")
    left, right, top, bottom = (*amounts, 0, 0)[:4]
    return reading.plain(_framed(reading, node, step, (top, bottom, left, right), mode, float(value)))


def _framed(reading: Reading, node: fx.Node, step: int, sides: Sides, mode: str, value: float) -> int:
    """Rows and columns added, and taken away where numbers are negative."""
    more = tuple(max(side, 0) for side in sides)
    if any(side < 0 for side in sides):
        _, height, width = reading.draft.shape(step)
        rows = range(-min(sides[0], 0), height + min(sides[1], 0))
        columns = range(-min(sides[2], 0), width + min(sides[3], 0))
        step = cut(reading, node, step, rows, columns)
    if not any(more):
        return step
    return reading.add(node, Pad(more, mode=mode, value=value), step).step  # type: ignore[arg-type]


def cut(reading: Reading, node: fx.Node, step: int, rows: range, columns: range) -> int:
    """The step after which these rows and columns are left."""
    step, rows, columns = uncut(reading.draft.steps, step, rows, columns)
    _, height, width = reading.draft.shape(step)
    for op in cutting((height, width), rows, columns):
        step = reading.add(node, op, step).step
    return step


def more_channels(reading: Reading, node: fx.Node, step: int, before: int, after: int) -> Flow:
    """Channels of zeros: after those of an image that is added to another, as in option A of ResNet."""
    channels, *_ = reading.draft.shape(step)
    if before or [word(user) for user in node.users] != ["add"]:
        parts = [*zeros(reading, node, step, before), step, *zeros(reading, node, step, after)]
        return reading.add(node, Concat(), *parts)
    source = reading.draft.steps[step]
    if isinstance(source.op, Maxpool) and source.op.kernel == (1, 1):
        return reading.add(node, ZeroPadShortcut(channels + after, source.op.stride), source.inputs[0])
    return reading.add(node, ZeroPadShortcut(channels + after), step)


def zeros(reading: Reading, node: fx.Node, step: int, count: int) -> Iterator[int]:
    """Channels of zeros: some of an image, times 0."""
    channels, *_ = reading.draft.shape(step)
    while count:
        part = reading.add(node, ChannelSlice(0, min(count, channels)), step)
        yield reading.add(node, Scale(0.0), part.step).step
        count -= min(count, channels)


WINDOWS: dict[str, Callable[[Reading, fx.Node, Given], Value]] = {
    "max_pool2d": maxpool,
    "max_pool2d_with_indices": maxpool_with_places,
    "avg_pool2d": avgpool,
    "adaptive_avg_pool2d": partial(adaptive, GlobalAvgpool, AdaptiveAvgpool),
    "adaptive_max_pool2d": partial(adaptive, GlobalMaxpool, AdaptiveMaxpool),
    "upsample_nearest2d": partial(upsample, "nearest"),
    "_upsample_nearest_exact2d": upsample_exactly,
    "upsample_bilinear2d": partial(upsample, "bilinear"),
    "upsample_bicubic2d": partial(upsample, "bicubic"),
    "pad": pad,
    "constant_pad_nd": pad,
}
