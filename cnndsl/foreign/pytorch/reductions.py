"""Means, sums and maxima over axes: of maps, of channels, and of parts of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from cnndsl.foreign import axes as lying
from cnndsl.foreign.axes import CHANNEL, Axes
from cnndsl.foreign.pytorch.reading import Flow, NoLayer, Reading, Value
from cnndsl.ops.base import Op, Shape
from cnndsl.ops.channels import ChannelMax, ChannelMean
from cnndsl.ops.merge import Add, Concat, Max, Mean
from cnndsl.ops.pooling import AdaptiveAvgpool, AdaptiveMaxpool, GlobalAvgpool, GlobalMaxpool
from cnndsl.ops.reshape import ChannelSlice
from cnndsl.ops.scale import Scale

if TYPE_CHECKING:
    from torch import fx

Given = dict[str, Value]


def mean(kind: str, reading: Reading, node: fx.Node, given: Given) -> Value:
    """A mean, maximum or sum over axes: of a map, of channels, or of parts of the channels."""
    over, keep = given.get("dim"), bool(given.get("keepdim"))
    value = given["self"]
    if isinstance(value, list):
        return _of_list(kind, reading, node, value, over)
    flow = reading.flow(value)
    count = len(flow.axes)
    if over is None:
        raise NoLayer("a mean over the batch is no layer")
    numbers = sorted(axis % count for axis in (over if isinstance(over, list | tuple) else [over]))
    flow = _with_part_first(reading, flow, [digit for at in numbers for digit in flow.axes[at]])
    axes = tuple(() if at in numbers else group for at, group in enumerate(flow.axes))
    gone = [digit for at in numbers for digit in flow.axes[at]]
    step = _reduced(kind, reading, node, flow, gone)
    left = axes if keep else tuple(group for at, group in enumerate(axes) if at not in numbers)
    return Flow(step, _refitted(left, reading.draft.shape(step)))


def _with_part_first(reading: Reading, flow: Flow, gone: Sequence[lying.Digit]) -> Flow:
    """The flow with a part of its channels as their first, if it is one that is reduced alone."""
    if len(gone) != 1 or gone[0].axis != CHANNEL or gone[0].inner * gone[0].size == reading.shape(flow)[0]:
        return flow
    return reading.outermost(flow, gone[0])


def _of_list(kind: str, reading: Reading, node: fx.Node, values: list[Value], over: Any) -> Flow:
    """Of tensors that were stacked."""
    axis = over[0] if isinstance(over, list | tuple) and len(over) == 1 else over
    if axis not in (0,):
        raise NoLayer("no layer computes this of stacked tensors")
    flows = [reading.flow(each) for each in values]
    if any(flow.axes != flows[0].axes for flow in flows):
        raise NoLayer("stacked tensors lie differently")
    return Flow(_together(kind, reading, node, [flow.step for flow in flows]), flows[0].axes)


def _joined(reading: Reading, node: fx.Node, step: int) -> Sequence[int]:
    """What was put together, if that was for this node alone."""
    before = reading.draft.steps[step]
    alone = all(len(read.users) == 1 for read in node.all_input_nodes)
    return before.inputs if alone and isinstance(before.op, Concat) else ()


def _together(kind: str, reading: Reading, node: fx.Node, steps: Sequence[int]) -> int:
    """The mean, maximum or sum of some tensors; of one alone, that."""
    op = {"mean": Mean(), "max": Max(), "sum": Add()}[kind]
    return steps[0] if len(steps) == 1 else reading.add(node, op, *steps).step


def _reduced(kind: str, reading: Reading, node: fx.Node, flow: Flow, gone: Sequence[lying.Digit]) -> int:
    """The step after a reduction over some digits of the axes of a step."""
    shape, step = reading.shape(flow), flow.step
    axes = {digit.axis for digit in gone}
    numbers = lying.merged(sorted(gone, key=lambda digit: (digit.axis, -digit.inner)))
    full = all(lying.whole((digit,), shape) is not None for digit in numbers)
    if not gone:
        return step
    if full and axes <= {2, 3} and len(shape) == 3:
        return _of_map(kind, reading, node, step, axes)
    if full and axes == {CHANNEL} and len(shape) == 3 and kind in ("mean", "max"):
        return reading.add(node, ChannelMean() if kind == "mean" else ChannelMax(), step).step
    if axes == {CHANNEL} and len(gone) == 1 and gone[0].inner * gone[0].size == shape[0]:
        inner = gone[0].inner
        parts = _joined(reading, node, step)
        if [reading.draft.shape(each)[0] for each in parts] == [inner] * gone[0].size:
            return _together(kind, reading, node, parts)
        slices = (ChannelSlice(at * inner, (at + 1) * inner) for at in range(gone[0].size))
        return _together(kind, reading, node, [reading.add(node, each, step).step for each in slices])
    raise NoLayer(f"no layer computes the {kind} over these axes")


def _of_map(kind: str, reading: Reading, node: fx.Node, step: int, axes: set[int]) -> int:
    _, height, width = shape = reading.draft.shape(step)
    size = (1 if 2 in axes else height, 1 if 3 in axes else width)
    if size == (1, 1):
        op: Op = GlobalMaxpool() if kind == "max" else GlobalAvgpool()
    else:
        op = AdaptiveMaxpool(size) if kind == "max" else AdaptiveAvgpool(size)
    done = reading.add(node, op, step).step
    if kind != "sum":
        return done
    return reading.add(node, Scale(float(height * width // (size[0] * size[1]))), done).step if shape else done


def _refitted(axes: Axes, shape: Shape) -> Axes:
    """Axes without what a reduction took away: the inner digits of channels count what is left."""
    channels = shape[0]
    kept = [digit for group in axes for digit in group if digit.axis == CHANNEL]
    if not kept or kept[0].inner * kept[0].size <= channels:
        return axes
    raise NoLayer("no layer computes this over the inner part of the channels")


def maximum(reading: Reading, node: fx.Node, given: Given) -> Value:
    """`torch.max` over an axis, with the places too."""
    if "dim" not in given:
        raise NoLayer("a maximum over the batch is no layer")
    return [mean("max", reading, node, given), None]


REDUCTIONS: dict[str, Callable[[Reading, fx.Node, Given], Value]] = {
    "mean": partial(mean, "mean"),
    "sum": partial(mean, "sum"),
    "amax": partial(mean, "max"),
}
