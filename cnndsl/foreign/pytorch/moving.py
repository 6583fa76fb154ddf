"""Operators that only move values: views and turns, and tensors put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import TYPE_CHECKING

from cnndsl.foreign import axes as lying
from cnndsl.foreign.axes import CHANNEL, Digit
from cnndsl.foreign.draft import Kept
from cnndsl.foreign.pytorch.program import sizes, word
from cnndsl.foreign.pytorch.reading import Flow, NoLayer, Reading, Value, flows_in
from cnndsl.foreign.pytorch.windows import more_channels, zeros
from cnndsl.ops.activation import LogSoftmax, Sigmoid, Softmax
from cnndsl.ops.base import Op
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


# --- together


def concat(reading: Reading, node: fx.Node, given: Given) -> Value:
    values, axis = list(given["tensors"]), given.get("dim", 1)
    if len(list(flows_in(values))) != len(values):
        return _beside_zeros(reading, node, values, axis)
    flows = [reading.flow(each) for each in values]
    axis %= len(flows[0].axes)
    if any(flow.axes[axis] or not _has_channels(flow) for flow in flows):
        return joined(reading, node, flows, axis)
    thinner = [Flow(flow.step, (*flow.axes[:axis], *flow.axes[axis + 1 :])) for flow in flows]
    return _stacked_along(reading, node, thinner, axis)


def _has_channels(flow: Flow) -> bool:
    return any(digit.axis == CHANNEL for group in flow.axes for digit in group)


def _beside_zeros(reading: Reading, node: fx.Node, values: Sequence[Value], axis: int) -> Flow:
    """Channels beside kept ones, which are zeros: those of a shortcut that has less of them."""
    kept = [each for each in values if isinstance(each, Kept)]
    flows = [reading.flow(each) for each in flows_in(values)]
    if axis % 4 != 1 or any(each.learned or each.value.any() or each.value.dim() != 4 for each in kept):
        raise NoLayer("no layer puts kept tensors beside channels")
    step = reading.step(flows[0])
    if len(flows) == 1:
        at = next(at for at, each in enumerate(values) if not isinstance(each, Kept))
        before, after = (sum(each.shape[1] for each in part) for part in (values[:at], values[at + 1 :]))
        return more_channels(reading, node, step, before, after)
    parts = [
        list(zeros(reading, node, step, each.shape[1])) if isinstance(each, Kept) else [reading.step(each)]
        for each in values
    ]
    return reading.add(node, Concat(), *(each for part in parts for each in part))


def filled(reading: Reading, node: fx.Node, given: Given) -> Kept:
    """A new tensor, of which one that flows says no more than its kind."""
    import torch

    value = given["fill_value"] if "fill_value" in given else float(word(node) == "new_ones")
    return Kept(torch.full(sizes(node), value))


def joined(reading: Reading, node: fx.Node, flows: Sequence[Flow], axis: int) -> Flow:
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
    return Flow(joined.step, lying.replaced(flows[0].axes, axis, channels))


def repeat(reading: Reading, node: fx.Node, given: Given) -> Value:
    """The same channels several times."""
    flow, counts = reading.flow(given["self"]), list(given["repeats"])
    axis = max(range(len(counts)), key=counts.__getitem__)
    if len(counts) != len(flow.axes) or prod(counts) != counts[axis]:
        raise NoLayer("no layer repeats values along several axes")
    return joined(reading, node, [flow] * counts[axis], axis)


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


def softmax(op: Op, reading: Reading, node: fx.Node, given: Given) -> Value:
    flow = reading.flow(given["self"])
    shape, axis = reading.shape(flow), given["dim"] % len(flow.axes)
    group = flow.axes[axis]
    if lying.is_channels(group, shape):
        return Flow(reading.add(node, op, flow.step).step, flow.axes)
    if len(flow.axes) == 2 and axis == 1:
        return reading.add(node, op, reading.step(flow, 2))
    if isinstance(op, Softmax) and len(group) == 1 and group[0] == Digit(CHANNEL, shape[0] // 2, 2):
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
    **dict.fromkeys(("cat", "concat", "concatenate", "hstack"), concat),
    **dict.fromkeys(("new_zeros", "new_ones", "new_full"), filled),
    "stack": stack,
    "repeat": repeat,
    **dict.fromkeys(("softmax", "_softmax"), partial(softmax, Softmax())),
    **dict.fromkeys(("log_softmax", "_log_softmax"), partial(softmax, LogSoftmax())),
    "channel_shuffle": channel_shuffle,
    "native_channel_shuffle": channel_shuffle,
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle,
}
