"""Steps that only move values, take some of them, or stack them: most need no layer, and some are one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod

from cnndsl.foreign.axes import ROWS, Axes, Group, expanded, plain, sizes
from cnndsl.foreign.cutting import cutting
from cnndsl.foreign.onnx.arrangement import reshaped
from cnndsl.foreign.onnx.convolutions import text
from cnndsl.foreign.onnx.drafts import Tensor
from cnndsl.foreign.onnx.step import Step, shortest
from cnndsl.foreign.onnx.unreadable import Unreadable
from cnndsl.ops.merge import Concat
from cnndsl.ops.regularization import Dropout
from cnndsl.ops.reshape import ChannelSlice, Flatten
from cnndsl.ops.resize import Pad

PAD_MODES = {"constant": "zero", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}
FLOATS = (1, 10, 11, 16)  # ONNX's numbers of float, float16, double and bfloat16


def moved(step: Step, axes: Axes, tensor: Tensor | None = None) -> Tensor:
    """The tensor with its values moved so, by layers if these are such as people write, else still as it lies."""
    tensor = replace(tensor or step.tensor(), axes=axes)
    if axes == plain(step.drafts.dims(tensor.node)) or len(axes) not in (2, 4):
        return tensor
    if len(axes) == 2 and step.drafts.is_pixel(tensor.node):
        return tensor
    try:
        return step.drafts.tensor(step.drafts.moved(tensor, step.origin))
    except Unreadable:
        return tensor


def read_reshape(step: Step) -> Tensor:
    wanted, dims = step.whole_numbers("shape", 1), step.dims
    if wanted is None or (0 in wanted and step.attribute("allowzero", 0)):
        raise Unreadable("it says no shape")
    sized = [dims[index] if size == 0 and index < len(dims) else size for index, size in enumerate(wanted)]
    return moved(step, reshaped(step.tensor().axes, _filled(sized, dims)))


def _filled(wanted: list[int], dims: tuple[int, ...]) -> list[int]:
    """With the size that -1 stands for."""
    known = prod(size for size in wanted if size != -1)
    if known < 1 or wanted.count(-1) > 1:
        raise Unreadable(f"{' x '.join(map(str, wanted))} is no shape")
    return [prod(dims) // known if size == -1 else size for size in wanted]


def read_flatten(step: Step) -> Tensor:
    dims = step.dims
    axis = step.attribute("axis", 1)
    at = axis if axis == len(dims) else step.axis(axis, len(dims))
    return moved(step, reshaped(step.tensor().axes, (prod(dims[:at]), prod(dims[at:]))))


def read_transpose(step: Step) -> Tensor:
    axes = step.tensor().axes
    order = step.attribute("perm") or tuple(reversed(range(len(axes))))
    return moved(step, tuple(axes[index] for index in order))


def read_squeeze(step: Step) -> Tensor:
    tensor, dims = step.tensor(), step.dims
    given = step.whole_numbers("axes", 1)
    gone = (
        [i for i, size in enumerate(dims) if size == 1] if given is None else [step.axis(i, len(dims)) for i in given]
    )
    return moved(step, tuple(axis for index, axis in enumerate(tensor.axes) if index not in gone))


def read_unsqueeze(step: Step) -> Tensor:
    axes = list(step.tensor().axes)
    given = step.whole_numbers("axes", 1) or ()
    rank = len(axes) + len(given)
    for index in sorted(step.axis(axis, rank) for axis in given):
        axes.insert(index, ())
    return moved(step, tuple(axes))


def read_depth_to_space(step: Step) -> Tensor:
    """DCR has the place in a block before the channel, CRD behind it."""
    (batch, channels, rows, columns), f = step.dims, int(step.attribute("blocksize"))
    axes, each = step.tensor().axes, channels // f**2
    if text(step.attribute("mode", "DCR")) == "CRD":
        n, c, i, j, h, w = reshaped(axes, (batch, each, f, f, rows, columns))
    else:
        n, i, j, c, h, w = reshaped(axes, (batch, f, f, each, rows, columns))
    return moved(step, reshaped((n, c, h, i, w, j), (batch, each, rows * f, columns * f)))


def read_space_to_depth(step: Step) -> Tensor:
    (batch, channels, rows, columns), f = step.dims, int(step.attribute("blocksize"))
    n, c, h, i, w, j = reshaped(step.tensor().axes, (batch, channels, rows // f, f, columns // f, f))
    return moved(step, reshaped((n, i, j, c, h, w), (batch, channels * f**2, rows // f, columns // f)))


def read_expand(step: Step) -> Tensor:
    """Which a product does by itself; no other layer takes what is expanded."""
    import numpy as np

    tensor, dims = step.tensor(), step.dims
    wanted = np.broadcast_shapes(dims, step.whole_numbers("shape", 1) or ())
    if len(wanted) != len(dims):
        raise Unreadable("it makes new axes")
    return replace(tensor, axes=expanded(tensor.axes, wanted))


def read_cast(step: Step) -> Tensor:
    if int(step.attribute("to", 1)) not in FLOATS:
        raise Unreadable("it makes whole numbers")
    return step.tensor()


def read_dropout(step: Step) -> Tensor:
    if step.has(2) and bool(step.scalar(2)):
        raise Unreadable("it drops values while the network runs")
    p = step.number("ratio", 0.5) if not step.has(1) else shortest(step.scalar(1))
    if not 0 <= p < 1:
        raise Unreadable(f"it drops with probability {p}")
    return step.within(Dropout(p), step.tensor())


def read_split(step: Step) -> tuple[Tensor, ...]:
    tensor, dims = step.tensor(), step.dims
    axis = step.axis(step.attribute("axis", 0), len(dims))
    each = -(-dims[axis] // step.results)
    even = (*(each,) * (step.results - 1), dims[axis] - each * (step.results - 1))
    parts, start = [], 0
    for size in step.whole_numbers("split", 1) or even:
        parts.append(_channels(step, tensor, axis, start, start + size))
        start += size
    return tuple(parts)


def read_gather(step: Step) -> Tensor:
    """Of values that follow each other, which some exporters write for a view or a slice."""
    tensor, dims, chosen = step.tensor(), step.dims, step.constant(1)
    axis = step.axis(step.attribute("axis", 0), len(dims))
    wanted = [int(index) % dims[axis] for index in chosen.reshape(-1)]
    if not wanted or wanted != list(range(wanted[0], wanted[0] + len(wanted))):
        raise Unreadable("it takes values in another order")
    tensor = _channels(step, tensor, axis, wanted[0], wanted[-1] + 1)
    return moved(step, reshaped(tensor.axes, (*dims[:axis], *chosen.shape, *dims[axis + 1 :])), tensor)


def _channels(step: Step, tensor: Tensor, axis: int, start: int, stop: int) -> Tensor:
    if (start, stop) == (0, sizes(tensor.axes)[axis]):
        return tensor
    step.channel_axis(tensor, axis)
    node = step.drafts.add(ChannelSlice(start, stop), (tensor.node,), step.origin)
    return Tensor(node, _with(tensor.axes, axis, step.channels(node)))


def _with(axes: Axes, index: int, axis: Group) -> Axes:
    return (*axes[:index], axis, *axes[index + 1 :])


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
        if by < 1:
            raise Unreadable("it goes backwards")
        if not wanted:
            raise Unreadable("it leaves nothing")
        if wanted != range(dims[axis]):
            cut[axis] = wanted
    return _cut(step, result, cut)


def _cut(step: Step, tensor: Tensor, cut: dict[int, range]) -> Tensor:
    """Some channels, and some rows and columns, wherever the file has them."""
    for axis in [axis for axis in cut if tensor.axes[axis] == step.channels(tensor.node)]:
        wanted = cut.pop(axis)
        if wanted.step != 1:
            raise Unreadable(f"it takes every value {wanted.step} apart")
        tensor = _channels(step, tensor, axis, wanted[0], wanted[-1] + 1)
    if not cut:
        return tensor
    rows, columns = step.places(tensor)[ROWS:]
    if cut.keys() - {rows, columns}:
        raise Unreadable("it takes some samples of the batch")
    _, _, height, width = step.drafts.dims(tensor.node)
    for op in cutting((height, width), cut.get(rows, range(height)), cut.get(columns, range(width))):
        tensor = step.replaced(op, tensor)
    return tensor


def read_concat(step: Step) -> Tensor:
    tensors = [step.tensor(index) for index in range(len(step.inputs))]
    rank = len(tensors[0].axes)
    axis = step.axis(step.attribute("axis", 1), rank)
    if len(tensors) == 1:
        return tensors[0]
    for tensor in tensors:
        step.channel_axis(tensor, axis)
    others = [replace(tensor, axes=_with(tensor.axes, axis, ())) for tensor in tensors]
    if any(other.axes != others[0].axes for other in others):
        raise Unreadable("its inputs lie differently in memory")
    nodes = _beside(step, [tensor.node for tensor in tensors])
    node = step.drafts.add(Concat(), nodes, step.origin)
    return Tensor(node, _with(tensors[0].axes, axis, step.channels(node)))


def _beside(step: Step, nodes: list[int]) -> list[int]:
    """Vectors as images of one pixel where others are, or if they cannot, those as vectors."""
    vectors = [node for node in nodes if len(step.drafts[node].shape) == 1]
    if len(vectors) in (0, len(nodes)):
        return nodes
    try:
        for node in vectors:
            step.drafts.make_image(node)
    except Unreadable:
        images = set(nodes) - set(vectors)
        return [step.drafts.add(Flatten(), (node,), step.origin) if node in images else node for node in nodes]
    return nodes


def read_pad(step: Step) -> Tensor:
    """Of rows and columns, wherever the file has them; nothing is taken away."""
    tensor, mode = step.tensor(), text(step.attribute("mode", "constant"))
    if mode not in PAD_MODES:
        raise Unreadable(f"it pads by {mode}")
    given = step.whole_numbers("pads", 1) or ()
    rank = len(tensor.axes)
    chosen = [step.axis(axis, rank) for axis in step.whole_numbers("axes", 3) or range(rank)]
    if len(given) != 2 * len(chosen):
        raise Unreadable(f"it has {len(given)} pads for {len(chosen)} axes")
    ends = dict(zip(chosen, zip(given, given[len(chosen) :], strict=False), strict=True))
    value = step.scalar(2) if step.has(2) else step.number("value", 0.0)
    return _padded(step, tensor, ends, PAD_MODES[mode], value)


def _padded(step: Step, tensor: Tensor, ends: dict[int, tuple[int, int]], mode: str, value: float) -> Tensor:
    padded = {axis: each for axis, each in ends.items() if each != (0, 0)}
    if not padded:
        return tensor
    rows, columns = step.places(tensor)[ROWS:]
    if padded.keys() - {rows, columns} or min(min(each) for each in padded.values()) < 0:
        raise Unreadable("it pads more than rows and columns, or cuts them")
    sides = (*padded.get(rows, (0, 0)), *padded.get(columns, (0, 0)))
    return step.replaced(Pad(sides, mode=mode, value=shortest(value) if mode == "zero" else 0.0), tensor)


READERS: dict[str, Callable[[Step], Tensor | tuple[Tensor, ...]]] = {
    "Reshape": read_reshape,
    "Flatten": read_flatten,
    "Transpose": read_transpose,
    "Squeeze": read_squeeze,
    "Unsqueeze": read_unsqueeze,
    "DepthToSpace": read_depth_to_space,
    "SpaceToDepth": read_space_to_depth,
    "Expand": read_expand,
    "Cast": read_cast,
    "CastLike": Step.tensor,
    "Identity": Step.tensor,
    "Dropout": read_dropout,
    "Split": read_split,
    "Slice": read_slice,
    "Gather": read_gather,
    "Concat": read_concat,
    "Pad": read_pad,
}
