"""Softmax, along the axis that a version of ONNX means."""

from __future__ import annotations

from cnndsl.foreign.onnx.drafts import Tensor
from cnndsl.foreign.onnx.step import Step
from cnndsl.foreign.onnx.unreadable import Unreadable
from cnndsl.ops.activation import Softmax


def read_softmax(step: Step) -> Tensor:
    """Before version 13 it was over all axes from one on, and by default from the channels."""
    tensor = step.tensor()
    rank = len(tensor.axes)
    older = step.opset < 13
    axis = step.axis(step.attribute("axis", 1 if older else -1), rank)
    if older and any(tensor.axes[axis + 1 :]):
        raise Unreadable(f"it is over all axes from {axis} on")
    step.channel_axis(tensor, axis)
    return step.within(Softmax(), tensor)


READERS = {"Softmax": read_softmax}
