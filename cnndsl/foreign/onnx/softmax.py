"""Softmax and its logarithm, along the axis that a version of ONNX means."""

from __future__ import annotations

from functools import partial

from cnndsl.foreign.axes import CHANNEL, Digit
from cnndsl.foreign.onnx.drafts import Tensor
from cnndsl.foreign.onnx.step import Step
from cnndsl.foreign.onnx.unreadable import Unreadable
from cnndsl.ops.activation import LogSoftmax, Sigmoid, Softmax
from cnndsl.ops.base import Op
from cnndsl.ops.merge import Concat, Sub
from cnndsl.ops.reshape import ChannelSlice


def read_softmax(op: Op, step: Step) -> Tensor:
    """Before version 13 it was over all axes from one on, and by default from the channels."""
    tensor = step.tensor()
    rank = len(tensor.axes)
    older = step.opset < 13
    axis = step.axis(step.attribute("axis", 1 if older else -1), rank)
    if older and any(tensor.axes[axis + 1 :]):
        raise Unreadable(f"it is over all axes from {axis} on")
    half = step.drafts[tensor.node].shape[0] // 2
    if isinstance(op, Softmax) and half > 1 and tensor.axes[axis] == (Digit(CHANNEL, half, 2),):
        return Tensor(_of_two(step, tensor.node, half), tensor.axes)
    step.channel_axis(tensor, axis)
    return step.within(op, tensor)


def _of_two(step: Step, node: int, half: int) -> int:
    """The softmax of two numbers is the sigmoid of their difference."""
    add, origin = step.drafts.add, step.origin
    one, other = (add(ChannelSlice(at * half, (at + 1) * half), (node,), origin) for at in (0, 1))
    parts = [add(Sub(), pair, origin) for pair in ((one, other), (other, one))]
    return add(Concat(), [add(Sigmoid(), (part,), origin) for part in parts], origin)


READERS = {"Softmax": partial(read_softmax, Softmax()), "LogSoftmax": partial(read_softmax, LogSoftmax())}
