"""What a layer did to a shape, in words under its text."""

from __future__ import annotations

from cnndsl.elaborate.causes.history import CHANNELS, Step
from cnndsl.ops.base import Shape, show_shape


def became(step: Step) -> str:
    """`45 rounds down to 22 here`, `28 x 28 becomes 26 x 26 here`, `this makes 64 channels`."""
    before, after = step.before, step.after
    if not step.draft.inputs:
        return f"{show_shape(after)} comes in here"
    if len(before) != len(after) or len(after) == 1:
        return f"this makes {show_shape(after)}"
    for axis in (1, 2):
        if (direction := rounding(step, axis)) is not None:
            return f"{before[axis]} rounds {direction} to {after[axis]} here"
    if before[1:] != after[1:]:
        return f"{_size(before)} becomes {_size(after)} here"
    if before[CHANNELS] != after[CHANNELS] or step.decides(CHANNELS):
        return f"this makes {after[CHANNELS]} channels"
    return f"this keeps {_size(after)}"


def rounding(step: Step, axis: int) -> str | None:
    """`down` or `up` if half of an odd size was taken for a whole number."""
    stride = getattr(step.draft.op, "stride", None)
    if stride is None or step.draft.op.word == "conv_transpose" or len(step.before) != 3 or len(step.after) != 3:
        return None
    size, made = step.before[axis], step.after[axis]
    if stride[axis - 1] != 2 or size % 2 == 0:
        return None
    return {size // 2: "down", size // 2 + 1: "up"}.get(made)


def _size(shape: Shape) -> str:
    return show_shape(shape[1:])
