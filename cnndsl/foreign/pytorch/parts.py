"""Operators that take some of the values along an axis: slices, splits and picks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from cnndsl.foreign import axes as lying
from cnndsl.foreign.axes import BATCH as BATCH_AXIS
from cnndsl.foreign.axes import CHANNEL, ROWS, Axes, Digit
from cnndsl.foreign.draft import Kept
from cnndsl.foreign.pytorch.arithmetic import merged
from cnndsl.foreign.pytorch.moving import joined, stacked
from cnndsl.foreign.pytorch.program import sizes
from cnndsl.foreign.pytorch.reading import Flow, NoLayer, Reading, Value
from cnndsl.foreign.pytorch.windows import cut
from cnndsl.ops.activation import Sigmoid
from cnndsl.ops.convolution import Conv
from cnndsl.ops.merge import Mul
from cnndsl.ops.reshape import ChannelSlice

if TYPE_CHECKING:
    from torch import fx

Given = dict[str, Value]
MOST_RUNS = 16  # of neighbouring channels, each of which is a slice


def take(reading: Reading, node: fx.Node, flow: Flow, axis: int, start: int, stop: int, step: int = 1) -> Flow:
    """The values from `start` to `stop` along an axis."""
    axis %= len(flow.axes)
    size = lying.sizes(flow.axes)[axis]
    if (start, stop, step) == (0, size, 1):
        return flow
    if len(flow.axes[axis]) > 1 and len(flow.axes) in (2, 4):
        flow = reading.plain(reading.step(flow, len(flow.axes)))
    group, shape = flow.axes[axis], reading.shape(flow)
    if not group or group[0].axis == lying.REPEATED:
        alone = (*flow.axes[:axis], (), *flow.axes[axis + 1 :])
        return Flow(flow.step, lying.expanded(alone, _with(flow.axes, axis, stop - start)))
    first = group[0]
    if len(group) == 1 and first.axis == CHANNEL:
        return _channels(reading, node, flow, axis, range(start, stop, step))
    if len(shape) == 3 and first.axis in (2, 3) and lying.whole(group, shape) is not None:
        return _pixels(reading, node, flow, axis, range(start, stop, step))
    if first.axis == BATCH_AXIS:
        raise NoLayer("it takes some images of the batch")
    raise NoLayer("no layer takes these values of an axis")


def _with(axes: Axes, axis: int, size: int) -> list[int]:
    found = list(lying.sizes(axes))
    found[axis] = size
    return found


def _channels(reading: Reading, node: fx.Node, flow: Flow, axis: int, wanted: range) -> Flow:
    """Some of the values of a digit of the channels, or every n-th of them."""
    (digit,) = flow.axes[axis]
    if wanted.step > 1:
        return _every(reading, node, flow, axis, wanted)
    if digit.inner * digit.size != reading.shape(flow)[0]:
        flow = reading.outermost(flow, digit)
        (digit,) = flow.axes[axis]
    cut_out = reading.add(node, ChannelSlice(wanted.start * digit.inner, wanted.stop * digit.inner), flow.step)
    return Flow(cut_out.step, lying.replaced(flow.axes, axis, Digit(CHANNEL, digit.inner, len(wanted))))


def _every(reading: Reading, node: fx.Node, flow: Flow, axis: int, wanted: range) -> Flow:
    apart = lying.every_nth(flow.axes, axis, wanted)
    if apart is None:
        raise NoLayer("no layer takes these values of an axis")
    taken = take(reading, node, Flow(flow.step, apart), -1, wanted.start, wanted.start + 1)
    return Flow(taken.step, taken.axes[:-1])


def _pixels(reading: Reading, node: fx.Node, flow: Flow, axis: int, wanted: range) -> Flow:
    """Some rows or columns, or every n-th of them."""
    (digit,) = flow.axes[axis]
    _, height, width = reading.shape(flow)
    rows, columns = (wanted, range(width)) if digit.axis == ROWS else (range(height), wanted)
    step = cut(reading, node, flow.step, rows, columns)
    return Flow(step, lying.replaced(flow.axes, axis, Digit(digit.axis, 1, len(wanted))))


def slice_(reading: Reading, node: fx.Node, given: Given) -> Value:
    value = given["self"]
    axis, step = given["dim"], given["step"]
    if isinstance(value, list):
        value = stacked(reading, node, value)
    flow = reading.flow(value)
    size = lying.sizes(flow.axes)[axis]
    start, stop, step = slice(given["start"], given["end"], step).indices(size)
    return take(reading, node, flow, axis, start, stop, step)


def narrow(reading: Reading, node: fx.Node, given: Given) -> Value:
    start = int(given["start"])
    return take(reading, node, reading.flow(given["self"]), given["dim"], start, start + int(given["length"]))


def select(reading: Reading, node: fx.Node, given: Given) -> Value:
    """One index of an axis, which is then gone."""
    value, axis, index = given["self"], given["dim"], given["index"]
    if isinstance(value, list):
        if axis == 0:
            return value[index]
        value = stacked(reading, node, value)
    flow = reading.flow(value)
    axis %= len(flow.axes)
    index %= lying.sizes(flow.axes)[axis]
    taken = take(reading, node, flow, axis, index, index + 1)
    return Flow(taken.step, (*taken.axes[:axis], *taken.axes[axis + 1 :]))


def split(reading: Reading, node: fx.Node, given: Given) -> Value:
    """`chunk`, `split` and their like: a list of slices."""
    flow, parts, axis = reading.flow(given["self"]), node.meta["val"], given["dim"]
    counts = [int(part.shape[axis]) for part in parts]
    ends = [sum(counts[:count]) for count in range(len(counts) + 1)]
    return [take(reading, node, flow, axis, start, stop) for start, stop in pairwise(ends)]


def unbind(reading: Reading, node: fx.Node, given: Given) -> Value:
    if isinstance(given["self"], list) and given["dim"] == 0:
        return given["self"]
    return [select(reading, node, {**given, "index": index}) for index in range(len(node.meta["val"]))]


def pick(reading: Reading, node: fx.Node, flow: Flow, axis: int, wanted: Sequence[int]) -> Flow:
    """The values at these places of an axis, each run of neighbours as a slice."""
    size = lying.sizes(flow.axes)[axis]
    wanted = [each % size for each in wanted]
    runs = groupby(enumerate(wanted), key=lambda pair: pair[1] - pair[0])
    places = [[at for _, at in run] for _, run in runs]
    shape = reading.shape(flow)
    if len(places) > MOST_RUNS and len(shape) == 3 and lying.is_channels(flow.axes[axis], shape):
        return _weighed(reading, node, flow, axis, wanted)
    return joined(reading, node, [take(reading, node, flow, axis, run[0], run[-1] + 1) for run in places], axis)


def _weighed(reading: Reading, node: fx.Node, flow: Flow, axis: int, wanted: Sequence[int]) -> Flow:
    """Channels in an order of their own, as those of a learned group convolution: a 1x1 convolution by 0 and 1."""
    import torch

    channels = reading.shape(flow)[0]
    weight = torch.eye(channels, dtype=torch.float64)[wanted].reshape(len(wanted), channels, 1, 1)
    op = Conv((1, 1), len(wanted), bias=False)
    made = reading.add(node, op, flow.step, tensors={"weight": Kept(weight)})
    return Flow(made.step, lying.replaced(flow.axes, axis, Digit(CHANNEL, 1, len(wanted))))


def index(reading: Reading, node: fx.Node, given: Given) -> Value:
    chosen = [(axis, each) for axis, each in enumerate(given["indices"]) if each is not None]
    ((axis, places),) = chosen if len(chosen) == 1 else [(0, None)]
    return _picked(reading, node, given["self"], axis, places)


def index_select(reading: Reading, node: fx.Node, given: Given) -> Value:
    return _picked(reading, node, given["self"], given["dim"], given["index"])


def flip(reading: Reading, node: fx.Node, given: Given) -> Value:
    flow, axes = reading.flow(given["self"]), list(given["dims"])
    if not all(lying.is_channels(flow.axes[axis], reading.shape(flow)) for axis in axes):
        raise NoLayer("no layer turns an image around")
    return pick(reading, node, flow, axes[0], range(reading.shape(flow)[0])[::-1])


def _picked(reading: Reading, node: fx.Node, value: Value, axis: int, places: Value) -> Flow:
    if not isinstance(places, Kept) or places.value.dim() != 1 or places.value.is_floating_point():
        raise NoLayer("no layer takes values by more than a list of numbers along one axis")
    return pick(reading, node, reading.flow(value), axis, places.value.tolist())


def glu(reading: Reading, node: fx.Node, given: Given) -> Value:
    """The first half of the channels, gated by the second."""
    flow, axis = reading.flow(given["self"]), given["dim"] % len(sizes(node))
    half = lying.sizes(flow.axes)[axis] // 2
    image, gate = (take(reading, node, flow, axis, start, start + half) for start in (0, half))
    return merged(reading, node, Mul(), image, Flow(reading.add(node, Sigmoid(), gate.step).step, gate.axes))


PARTS: dict[str, Callable[[Reading, fx.Node, Given], Value]] = {
    "slice": slice_,
    "narrow": narrow,
    "select": select,
    **dict.fromkeys(("chunk", "split", "split_with_sizes", "tensor_split"), split),
    "unbind": unbind,
    "index": index,
    "index_select": index_select,
    "flip": flip,
    "glu": glu,
}
