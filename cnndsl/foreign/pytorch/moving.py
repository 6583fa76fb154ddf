"""Operators that only move values: views and turns, slices and splits, and tensors put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from cnndsl.foreign import axes as lying
from cnndsl.foreign.axes import BATCH as BATCH_AXIS
from cnndsl.foreign.axes import CHANNEL, ROWS, Axes, Digit
from cnndsl.foreign.pytorch.program import sizes, word
from cnndsl.foreign.pytorch.reading import Flow, NoLayer, Reading, Value, flows_in
from cnndsl.foreign.pytorch.windows import cut
from cnndsl.ops.activation import Sigmoid, Softmax
from cnndsl.ops.merge import Concat, Sub
from cnndsl.ops.reshape import ChannelShuffle, ChannelSlice, PixelShuffle, PixelUnshuffle

if TYPE_CHECKING:
    from torch import fx

Given = dict[str, Value]

SAME = frozenset({"contiguous", "clone", "alias", "detach", "to", "_to_copy", "lift_fresh_copy", "type_as", "float"})
VIEWS = frozenset({"view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "_unsafe_view"}) | {
    "view_as",
    "reshape_as",
}
TURNS = frozenset({"permute", "transpose", "movedim", "swapaxes", "swapdims", "moveaxis", "t"})
MOVES = SAME | VIEWS | TURNS | {"expand", "expand_as"}


def move(reading: Reading, node: fx.Node, given: Given) -> Value:
    """The same values in other axes."""
    kind, value = word(node), next(iter(given.values()))
    if isinstance(value, list):
        value = stacked(reading, node, value)
    if kind in SAME:
        return value
    flow = reading.flow(value)
    wanted = sizes(node)
    if kind in TURNS:
        return Flow(flow.step, tuple(flow.axes[axis] for axis in _permutation(node, len(flow.axes))))
    if kind in ("expand", "expand_as"):
        return Flow(flow.step, lying.expanded(flow.axes, wanted))
    axes = lying.reshaped(flow.axes, wanted)
    if axes is None:
        raise NoLayer("no layer puts values of several axes together so")
    return Flow(flow.step, axes)


def _permutation(node: fx.Node, count: int) -> tuple[int, ...]:
    """Where each axis of the result was: seen at a tensor whose axes differ in size."""
    import torch

    primes = (2, 3, 5, 7, 11, 13, 17, 19)[:count]
    result = node.target(torch.empty(primes, device="meta"), *node.args[1:], **node.kwargs)  # type: ignore[operator]
    return tuple(primes.index(size) for size in result.shape)


# --- parts


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
    if len(group) == 1 and first.axis == CHANNEL and step == 1 and first.inner * first.size == shape[0]:
        cut_out = reading.add(node, ChannelSlice(start * first.inner, stop * first.inner), flow.step)
        left = Digit(CHANNEL, first.inner, stop - start)
        return Flow(cut_out.step, _replaced(flow.axes, axis, left))
    if len(shape) == 3 and first.axis in (2, 3) and lying.whole(group, shape) is not None:
        return _pixels(reading, node, flow, axis, range(start, stop, step))
    if first.axis == BATCH_AXIS:
        raise NoLayer("it takes some images of the batch")
    raise NoLayer("no layer takes these values of an axis")


def _with(axes: Axes, axis: int, size: int) -> list[int]:
    found = list(lying.sizes(axes))
    found[axis] = size
    return found


def _replaced(axes: Axes, axis: int, digit: Digit) -> Axes:
    return (*axes[:axis], lying.merged([digit]), *axes[axis + 1 :])


def _pixels(reading: Reading, node: fx.Node, flow: Flow, axis: int, wanted: range) -> Flow:
    """Some rows or columns, or every n-th of them."""
    (digit,) = flow.axes[axis]
    _, height, width = reading.shape(flow)
    rows, columns = (wanted, range(width)) if digit.axis == ROWS else (range(height), wanted)
    step = cut(reading, node, flow.step, rows, columns)
    return Flow(step, _replaced(flow.axes, axis, Digit(digit.axis, 1, len(wanted))))


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


# --- together


def concat(reading: Reading, node: fx.Node, given: Given) -> Value:
    values, axis = list(given["tensors"]), given["dim"]
    if len(list(flows_in(values))) != len(values):
        raise NoLayer("no layer puts kept tensors beside channels")
    return _joined(reading, node, [reading.flow(each) for each in values], axis)


def _joined(reading: Reading, node: fx.Node, flows: Sequence[Flow], axis: int) -> Flow:
    """Along the channels, wherever they lie."""
    if len(flows) == 1:
        return flows[0]
    count = len(flows[0].axes)
    axis %= count
    if any(not _along_channels(reading, flow, axis) for flow in flows) or not _alike(reading, flows, axis):
        if axis != 1:
            raise NoLayer("tensors are put together along another axis than the channels")
        flows = [reading.plain(reading.step(flow, count)) for flow in flows]
    joined = reading.add(node, Concat(), *(flow.step for flow in flows))
    channels = Digit(CHANNEL, 1, reading.shape(joined)[0])
    return Flow(joined.step, _replaced(flows[0].axes, axis, channels))


def _along_channels(reading: Reading, flow: Flow, axis: int) -> bool:
    return lying.is_channels(flow.axes[axis], reading.shape(flow)) or not flow.axes[axis]


def _alike(reading: Reading, flows: Sequence[Flow], axis: int) -> bool:
    """Whether the other axes lie alike, of tensors of one kind, with nothing repeated."""
    others = {(*flow.axes[:axis], *flow.axes[axis + 1 :]) for flow in flows}
    kinds = {reading.shape(flow)[1:] for flow in flows}
    digits = [digit for flow in flows for group in flow.axes for digit in group]
    channels = sum(digit.axis == CHANNEL for other in others for group in other for digit in group)
    return len(others) == 1 and len(kinds) == 1 and not channels and all(d.axis != lying.REPEATED for d in digits)


def stack(reading: Reading, node: fx.Node, given: Given) -> Value:
    """Tensors on a new axis stay a list if it is the first, since people take the mean over it next."""
    values = list(given["tensors"])
    if given["dim"] == 0:
        return values
    return _stacked_along(reading, node, values, given["dim"] % len(sizes(node)))


def stacked(reading: Reading, node: fx.Node, values: list[Value]) -> Flow:
    """A list of tensors as one, its first axis the number in the list."""
    return _stacked_along(reading, node, values, 0)


def _stacked_along(reading: Reading, node: fx.Node, values: list[Value], axis: int) -> Flow:
    flows = [reading.plain(reading.step(each, len(reading.flow(each).axes))) for each in values]
    joined = reading.add(node, Concat(), *(flow.step for flow in flows))
    axes = list(joined.axes)
    one = reading.shape(flows[0])[0]
    axes[1] = lying.merged([Digit(CHANNEL, 1, one)])
    axes.insert(axis, lying.merged([Digit(CHANNEL, one, len(flows))]))
    return Flow(joined.step, tuple(axes))


def softmax(reading: Reading, node: fx.Node, given: Given) -> Value:
    flow = reading.flow(given["self"])
    shape, axis = reading.shape(flow), given["dim"] % len(flow.axes)
    group = flow.axes[axis]
    if lying.is_channels(group, shape):
        return Flow(reading.add(node, Softmax(), flow.step).step, flow.axes)
    if len(flow.axes) == 2 and axis == 1:
        return reading.add(node, Softmax(), reading.step(flow, 2))
    if len(group) == 1 and group[0] == Digit(CHANNEL, shape[0] // 2, 2):
        return Flow(_of_two(reading, node, flow.step, shape[0] // 2), flow.axes)
    raise NoLayer("no layer is a softmax along this axis")


def _of_two(reading: Reading, node: fx.Node, step: int, half: int) -> int:
    """The softmax of two numbers is the sigmoid of their difference."""
    one, other = (reading.add(node, ChannelSlice(at * half, (at + 1) * half), step).step for at in (0, 1))
    parts = [reading.add(node, Sub(), a, b).step for a, b in ((one, other), (other, one))]
    gates = [reading.add(node, Sigmoid(), part).step for part in parts]
    return reading.add(node, Concat(), *gates).step


def channel_shuffle(reading: Reading, node: fx.Node, given: Given) -> Value:
    return reading.add(node, ChannelShuffle(int(given["groups"])), reading.step(given["self"]))


def pixel_shuffle(reading: Reading, node: fx.Node, given: Given) -> Value:
    return reading.add(node, PixelShuffle(int(given["upscale_factor"])), reading.step(given["self"]))


def pixel_unshuffle(reading: Reading, node: fx.Node, given: Given) -> Value:
    return reading.add(node, PixelUnshuffle(int(given["downscale_factor"])), reading.step(given["self"]))


MOVING: dict[str, Callable[[Reading, fx.Node, Given], Value]] = {
    **dict.fromkeys(MOVES, move),
    "slice": slice_,
    "narrow": narrow,
    "select": select,
    **dict.fromkeys(("chunk", "split", "split_with_sizes", "tensor_split"), split),
    "unbind": unbind,
    **dict.fromkeys(("cat", "concat"), concat),
    "stack": stack,
    "softmax": softmax,
    "_softmax": softmax,
    "channel_shuffle": channel_shuffle,
    "native_channel_shuffle": channel_shuffle,
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle,
}
