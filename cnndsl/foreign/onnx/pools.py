"""Pools: windows, whole maps, and reductions that are such."""

from __future__ import annotations

from math import prod
from typing import Any

from cnndsl.foreign.axes import CHANNEL, ROWS, Digit, Group, merged, plain, sizes
from cnndsl.foreign.onnx.convolutions import ONE, window_pads
from cnndsl.foreign.onnx.drafts import Tensor
from cnndsl.foreign.onnx.step import Step
from cnndsl.foreign.onnx.unreadable import Unreadable
from cnndsl.ops.arguments import SAME
from cnndsl.ops.base import Op
from cnndsl.ops.channels import ChannelMax, ChannelMean
from cnndsl.ops.images import Pair, Sides, same_sides
from cnndsl.ops.merge import Add, Max, Mean
from cnndsl.ops.pooling import Avgpool, GlobalAvgpool, GlobalMaxpool, Maxpool
from cnndsl.ops.reshape import ChannelSlice
from cnndsl.ops.scale import Scale


def _window(step: Step, source: int) -> dict[str, Any]:
    """Kernel, stride, padding and rounding, which both pools have."""
    if step.pair("dilations", ONE) != ONE:
        raise Unreadable("its windows have holes")
    kernel = step.attribute("kernel_shape")
    if len(kernel) != 2:
        raise Unreadable(f"its windows have {len(kernel)} axes, and those of layers have two")
    _, height, width = step.drafts[source].shape
    pad = window_pads(step, (kernel[0], kernel[1]), (height, width))
    facts = {"kernel": tuple(kernel), "stride": step.pair("strides", ONE), "pad": pad}
    return facts | ({"round": "ceil"} if step.attribute("ceil_mode", 0) and pad != SAME else {})


def read_maxpool(step: Step) -> Tensor:
    source = step.image()
    return step.add(Maxpool(**_window(step, source)), source)


def read_avgpool(step: Step) -> Tensor:
    source = step.image()
    facts = _window(step, source)
    counted, pad = bool(step.attribute("count_include_pad", 0)), facts["pad"]
    size = step.drafts.dims(source)[ROWS:]
    if pad != SAME and any(pad) and not counted and not _even(pad):
        if _covers(facts, (size[0], size[1])):
            return step.add(GlobalAvgpool(), source)
        if pad != same_sides((size[0], size[1]), facts["kernel"], facts["stride"]) or "round" in facts:
            raise Unreadable("it divides by the real pixels of windows that are padded unevenly")
        facts["pad"] = SAME
    if facts["pad"] == SAME:
        return step.add(Avgpool(**facts, count_include_pad=True if counted else None), source)
    return step.add(Avgpool(**facts, count_include_pad=None if counted or not any(pad) else False), source)


def _covers(facts: dict[str, Any], size: Pair) -> bool:
    """Whether there is one window, and all pixels lie in it."""
    (rows, columns), (top, bottom, left, right) = facts["kernel"], facts["pad"]
    return (rows - top - bottom, columns - left - right) == size


def _even(pad: Sides) -> bool:
    return pad[0] == pad[1] and pad[2] == pad[3]


def read_global(op: Op, step: Step) -> Tensor:
    return step.add(op, step.image())


def read_reduction(pixels: Op, channels: Op, merge: Op, step: Step) -> Tensor:
    """Over all pixels, all channels, or a part of the channels."""
    tensor = step.tensor()
    chosen = chosen_axes(step, len(tensor.axes))
    part = _part_of_channels(step, tensor, chosen)
    if part is not None:
        return _merged(merge, step, step.outermost(tensor, part), chosen)
    inside, whole = within(tensor, chosen), plain(step.drafts.dims(tensor.node))
    if len(whole) == 4 and inside == merged((*whole[2], *whole[3])):
        op = pixels
    elif len(whole) == 4 and inside == whole[CHANNEL]:
        op = channels
    elif len(whole) == 4 and isinstance(pixels, GlobalAvgpool) and inside in whole[ROWS:]:
        height, width = step.drafts[tensor.node].shape[1:]
        strip = (height, 1) if inside == whole[ROWS] else (1, width)
        op = Avgpool(strip, stride=strip)
    elif not inside:
        return Tensor(tensor.node, _left(step, tensor, chosen))
    else:
        raise Unreadable("it reduces neither all pixels nor all channels")
    node = step.drafts.add(op, (tensor.node,), step.origin)
    return Tensor(node, _left(step, tensor, chosen))


def _part_of_channels(step: Step, tensor: Tensor, chosen: tuple[int, ...]) -> Digit | None:
    """The digit of the channels that the chosen axes are, if they are one and no more."""
    digits = [digit for index in chosen for digit in tensor.axes[index]]
    whole = (*digits,) == step.channels(tensor.node)
    return digits[0] if len(digits) == 1 and digits[0].axis == CHANNEL and not whole else None


def _merged(merge: Op, step: Step, tensor: Tensor, chosen: tuple[int, ...]) -> Tensor:
    """Its slices along the first digit of its channels as one."""
    (digit,) = (digit for index in chosen for digit in tensor.axes[index])
    slices = [ChannelSlice(at * digit.inner, (at + 1) * digit.inner) for at in range(digit.size)]
    parts = [step.drafts.add(each, (tensor.node,), step.origin) for each in slices]
    return Tensor(step.drafts.add(merge, parts, step.origin), _left(step, tensor, chosen))


def read_sum(step: Step) -> Tensor:
    """A mean, times how many values there were; or a sum of parts of the channels."""
    tensor = step.tensor()
    chosen = chosen_axes(step, len(tensor.axes))
    result = read_reduction(GlobalAvgpool(), ChannelMean(), Add(), step)
    if _part_of_channels(step, tensor, chosen) is not None:
        return result
    return step.within(Scale(float(prod(sizes(tensor.axes)[axis] for axis in chosen))), result)


def _left(step: Step, tensor: Tensor, chosen: tuple[int, ...]) -> tuple[Group, ...]:
    """The axes behind a reduction."""
    if step.attribute("keepdims", 1):
        return tuple(() if index in chosen else axis for index, axis in enumerate(tensor.axes))
    return tuple(axis for index, axis in enumerate(tensor.axes) if index not in chosen)


def chosen_axes(step: Step, rank: int) -> tuple[int, ...]:
    given = step.whole_numbers("axes", 1)
    if not given:
        return () if step.attribute("noop_with_empty_axes", 0) else tuple(range(rank))
    return tuple(sorted(step.axis(axis, rank) for axis in given))


def within(tensor: Tensor, chosen: tuple[int, ...]) -> Group:
    """All that the chosen axes hold, in our order."""
    digits = (digit for index in chosen for digit in tensor.axes[index])
    return merged(sorted(digits, key=lambda digit: (digit.axis, -digit.inner)))


READERS = {
    "MaxPool": read_maxpool,
    "AveragePool": read_avgpool,
    "GlobalAveragePool": lambda step: read_global(GlobalAvgpool(), step),
    "GlobalMaxPool": lambda step: read_global(GlobalMaxpool(), step),
    "ReduceMean": lambda step: read_reduction(GlobalAvgpool(), ChannelMean(), Mean(), step),
    "ReduceSum": read_sum,
    "ReduceMax": lambda step: read_reduction(GlobalMaxpool(), ChannelMax(), Max(), step),
}
