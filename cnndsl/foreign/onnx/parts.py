"""Steps that take some values of an axis: of the channels, wherever the file has them, or rows and columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from cnndsl.foreign.axes import CHANNEL, ROWS, Digit, every_nth, replaced, sizes
from cnndsl.foreign.cutting import cutting, uncut
from cnndsl.foreign.onnx.arrangement import reshaped
from cnndsl.foreign.onnx.drafts import Tensor
from cnndsl.foreign.onnx.moves import joined, moved
from cnndsl.foreign.onnx.step import Step
from cnndsl.foreign.onnx.unreadable import Unreadable
from cnndsl.ops.reshape import ChannelSlice


def read_split(step: Step) -> tuple[Tensor, ...]:
    tensor, dims = step.tensor(), step.dims
    axis = step.axis(step.attribute("axis", 0), len(dims))
    each = -(-dims[axis] // step.results)
    even = (*(each,) * (step.results - 1), dims[axis] - each * (step.results - 1))
    parts, start = [], 0
    for size in step.whole_numbers("split", 1) or even:
        parts.append(taken(step, tensor, axis, range(start, start + size)))
        start += size
    return tuple(parts)


def read_gather(step: Step) -> Tensor:
    """Of values by their numbers, which some exporters write for a view or a slice, too."""
    tensor, dims, chosen = step.tensor(), step.dims, step.constant(1)
    axis = step.axis(step.attribute("axis", 0), len(dims))
    if not chosen.size:
        raise Unreadable("it leaves nothing")
    tensor = _picked(step, tensor, axis, [int(index) % dims[axis] for index in chosen.reshape(-1)])
    return moved(step, reshaped(tensor.axes, (*dims[:axis], *chosen.shape, *dims[axis + 1 :])), tensor)


def taken(step: Step, tensor: Tensor, axis: int, wanted: range) -> Tensor:
    """These values of an axis that is a digit of the channels."""
    if wanted == range(sizes(tensor.axes)[axis]):
        return tensor
    digit = _digit(tensor, axis)
    if wanted.step > 1:
        return _every(step, tensor, axis, wanted)
    if digit.inner * digit.size != step.drafts.dims(tensor.node)[CHANNEL]:
        tensor = step.outermost(tensor, digit)
        digit = _digit(tensor, axis)
    op = ChannelSlice(wanted.start * digit.inner, wanted.stop * digit.inner)
    node = step.drafts.add(op, (tensor.node,), step.origin)
    return Tensor(node, replaced(tensor.axes, axis, Digit(CHANNEL, digit.inner, len(wanted))))


def _digit(tensor: Tensor, axis: int) -> Digit:
    group = tensor.axes[axis]
    if len(group) != 1 or group[0].axis != CHANNEL:
        raise Unreadable(f"its axis {axis} is not the channels")
    return group[0]


def _every(step: Step, tensor: Tensor, axis: int, wanted: range) -> Tensor:
    apart = every_nth(tensor.axes, axis, wanted)
    if apart is None:
        raise Unreadable(f"it takes every value {wanted.step} apart")
    part = taken(step, Tensor(tensor.node, apart), len(tensor.axes), range(wanted.start, wanted.start + 1))
    return Tensor(part.node, part.axes[:-1])


def _picked(step: Step, tensor: Tensor, axis: int, wanted: Sequence[int]) -> Tensor:
    """The values at these places of the channels, each run of neighbours as a slice."""
    runs = groupby(enumerate(wanted), key=lambda pair: pair[1] - pair[0])
    places = [[at for _, at in run] for _, run in runs]
    return joined(step, [taken(step, tensor, axis, range(run[0], run[-1] + 1)) for run in places], axis)


def read_slice(step: Step) -> Tensor:
    starts, ends = step.whole_numbers("starts", 1), step.whole_numbers("ends", 2)
    if starts is None or ends is None:
        raise Unreadable("it says no borders")
    axes = step.whole_numbers("axes", 3) or tuple(range(len(starts)))
    steps = step.whole_numbers("steps", 4) or (1,) * len(starts)
    result = step.tensor()
    dims = step.dims
    cut: dict[int, range] = {}
    for start, end, given, by in zip(starts, ends, axes, steps, strict=True):
        axis = step.axis(given, len(dims))
        wanted = range(*slice(start, end, by).indices(dims[axis]))
        if not wanted:
            raise Unreadable("it leaves nothing")
        if wanted != range(dims[axis]):
            cut[axis] = wanted
    return _cut(step, result, cut)


def _cut(step: Step, tensor: Tensor, cut: dict[int, range]) -> Tensor:
    """Some channels, and some rows and columns, wherever the file has them."""
    for axis in [axis for axis in cut if [digit.axis for digit in tensor.axes[axis]] == [CHANNEL]]:
        wanted = cut.pop(axis)
        tensor = taken(step, tensor, axis, wanted) if wanted.step > 0 else _picked(step, tensor, axis, wanted)
    if not cut:
        return tensor
    if any(wanted.step < 0 for wanted in cut.values()):
        raise Unreadable("it goes backwards")
    rows, columns = step.places(tensor)[ROWS:]
    if cut.keys() - {rows, columns}:
        raise Unreadable("it takes some samples of the batch")
    places, (_, _, height, width) = step.places(tensor), step.drafts.dims(tensor.node)
    kept = cut.get(rows, range(height)), cut.get(columns, range(width))
    node, *kept_of_all = uncut(step.drafts, tensor.node, *kept)
    _, _, height, width = step.drafts.dims(node)
    tensor = step.lying(node, places)
    for op in cutting((height, width), *kept_of_all):
        tensor = step.replaced(op, tensor)
    return tensor


READERS: dict[str, Callable[[Step], Tensor | tuple[Tensor, ...]]] = {
    "Split": read_split,
    "Gather": read_gather,
    "Slice": read_slice,
}
