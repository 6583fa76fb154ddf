"""PyTorch's operators that change the size of an image: pools, upsampling, padding, slices."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from cnndsl.alignment import units
from cnndsl.alignment.exported_program import Arguments, Reading, add_any, axis_of, flowing_in, pair, shape_of

if TYPE_CHECKING:
    from torch import fx


def _pool(kind: str, reading: Reading, node: fx.Node, given: Arguments) -> str:
    kernel, (rows, columns) = pair(given["kernel_size"]), pair(given["padding"])
    stride = pair(given["stride"]) if given["stride"] else kernel
    counted = given.get("count_include_pad", True)
    source, sides = given["self"], (rows, rows, columns, columns)
    if counted and not given["ceil_mode"]:  # then padding of its own before is the same
        source, sides = reading.builder.unpadded(source, sides, 0.0 if kind == "avgpool" else -math.inf)
    size = pair(reading.builder[source].shape[1:])
    kind, facts = units.pool(kind, kernel, stride, sides, size, ceil=given["ceil_mode"], include_pad=counted)
    for name in ("dilation", "divisor_override"):
        if given.get(name) and pair(given[name]) != (1, 1):
            facts[name.replace("_", " ")] = str(given[name])
    return reading.add(node, (kind, facts), (source,))


def _adaptive(kind: str, reading: Reading, node: fx.Node, given: Arguments) -> Any:
    source = given["self"]
    size = pair(reading.builder[source].shape[1:])
    name = reading.add(node, units.adaptive(kind, pair(given["output_size"]), size), (source,))
    return [name, None] if isinstance(node.meta["val"], list | tuple) else name  # a maximum comes with its place


def _upsample(mode: str, reading: Reading, node: fx.Node, given: Arguments) -> str:
    (source,) = flowing_in(given)
    before, after = pair(reading.builder[source].shape[1:]), pair(shape_of(node)[1:])
    kind, facts = units.resized(before, after, mode, bool(given.get("align_corners")))
    if given.get("scale_factors") and any(one % other for one, other in zip(after, before, strict=True)):
        facts["by"] = str(given["scale_factors"])  # which positions are then computed from
    return reading.add(node, (kind, facts), (source,))


def _pad(reading: Reading, node: fx.Node, given: Arguments) -> str:
    source, amounts, value = given["self"], given["pad"], given.get("value") or 0
    mode = given.get("mode", "constant").replace("constant", "zero")
    zeros = mode == "zero" and not value
    if zeros and len(amounts) == 6 and not any(amounts[:4]):
        return reading.add(node, units.padded_channels(*amounts[4:]), (source,))
    if len(amounts) != 4:
        return add_any(reading, node, given)
    left, right, top, bottom = amounts
    description = units.plain("pad", {"sides": (top, bottom, left, right), "mode": mode, "value": value})
    sides = (top, bottom, left, right)
    return reading.add(node, description, (source,), padding=(sides, value) if mode == "zero" else None)


def _slice(reading: Reading, node: fx.Node, given: Arguments) -> str:
    source, axis, step = given["self"], axis_of(node, given["dim"]), given["step"]
    if axis == 0:
        return str(source)
    size = reading.builder[source].shape[axis - 1]
    start, stop, _ = slice(given["start"], given["end"]).indices(size)
    if axis == 1 and step == 1 and (start, stop) != (0, size):
        return _channels(reading, node, source, start, stop)
    return reading.add(node, units.sliced(axis, start, stop, step, size), (source,))


def _channels(reading: Reading, node: fx.Node, source: str, start: int, stop: int) -> str:
    shape = (stop - start, *reading.builder[source].shape[1:])
    return reading.add(node, units.plain("channel_slice", {"start": start, "stop": stop}), (source,), shape=shape)


def _split(reading: Reading, node: fx.Node, given: Arguments) -> list[str]:
    """`chunk` and `split`: a list of slices of channels."""
    parts = node.meta["val"]
    if axis_of(node, given["dim"]) != 1:
        return [add_any(reading, node, given)] * len(parts)
    ends = [sum(part.shape[1] for part in parts[:count]) for count in range(len(parts) + 1)]
    return [_channels(reading, node, given["self"], start, stop) for start, stop in pairwise(ends)]


SPATIAL: dict[str, Callable[[Reading, fx.Node, Arguments], Any]] = {
    "max_pool2d": partial(_pool, "maxpool"),
    "avg_pool2d": partial(_pool, "avgpool"),
    "adaptive_avg_pool2d": partial(_adaptive, "avgpool"),
    "adaptive_max_pool2d": partial(_adaptive, "maxpool"),
    "upsample_nearest2d": partial(_upsample, "nearest"),
    "upsample_bilinear2d": partial(_upsample, "bilinear"),
    "upsample_bicubic2d": partial(_upsample, "bicubic"),
    "pad": _pad,
    "constant_pad_nd": _pad,
    "slice": _slice,
    "chunk": _split,
    "split": _split,
    "split_with_sizes": _split,
}
