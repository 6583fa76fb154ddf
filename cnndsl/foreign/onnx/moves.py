"""Steps that only move values, put them together or pad them: most need no layer, and some are one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import prod

from cnndsl.foreign.axes import CHANNEL, Axes, Digit, Group, expanded, merged, plain
from cnndsl.foreign.onnx.arrangement import reshaped
from cnndsl.foreign.onnx.convolutions import text
from cnndsl.foreign.onnx.drafts import Tensor, Weight
from cnndsl.foreign.onnx.step import Step, shortest
from cnndsl.foreign.onnx.unreadable import Unreadable
from cnndsl.ops.merge import Concat
from cnndsl.ops.pooling import Maxpool
from cnndsl.ops.regularization import Dropout
from cnndsl.ops.reshape import ChannelSlice, Flatten, ZeroPadShortcut
from cnndsl.ops.resize import Pad
from cnndsl.ops.scale import Scale

PAD_MODES = {"constant": "zero", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


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


def read_dropout(step: Step) -> Tensor:
    if step.has(2) and bool(step.scalar(2)):
        raise Unreadable("it drops values while the network runs")
    p = step.number("ratio", 0.5) if not step.has(1) else shortest(step.scalar(1))
    if not 0 <= p < 1:
        raise Unreadable(f"it drops with probability {p}")
    return step.within(Dropout(p), step.tensor())


def _with(axes: Axes, index: int, axis: Group) -> Axes:
    return (*axes[:index], axis, *axes[index + 1 :])


def read_concat(step: Step) -> Tensor:
    tensors = [value for value in step.inputs if isinstance(value, Tensor)]
    axis = step.axis(step.attribute("axis", 1), len(tensors[0].axes))
    if len(tensors) < len(step.inputs):
        return _beside_zeros(step, tensors[0], axis)
    if any(tensor.axes[axis] or not _has_channels(tensor) for tensor in tensors):
        return joined(step, tensors, axis)
    return _stacked(step, tensors, axis)


def _has_channels(tensor: Tensor) -> bool:
    return any(digit.axis == CHANNEL for group in tensor.axes for digit in group)


def _stacked(step: Step, tensors: Sequence[Tensor], axis: int) -> Tensor:
    """Tensors beside each other along an axis of their own."""
    thinner = [replace(each, axes=(*each.axes[:axis], *each.axes[axis + 1 :])) for each in tensors]
    nodes = [step.drafts.strict(each, step.origin) for each in thinner]
    node = step.drafts.add(Concat(), nodes, step.origin)
    each, axes = step.drafts[nodes[0]].shape[0], list(step.drafts.tensor(node).axes)
    axes[1] = merged([Digit(CHANNEL, 1, each)])
    axes.insert(axis, merged([Digit(CHANNEL, each, len(nodes))]))
    return Tensor(node, tuple(axes))


def _beside_zeros(step: Step, like: Tensor, axis: int) -> Tensor:
    """Channels beside kept ones, which are zeros: those of a shortcut that has less of them."""
    step.channel_axis(like, axis)
    kept = [each.values for each in step.inputs if isinstance(each, Weight)]
    if any(each.ndim != len(like.axes) or each.any() for each in kept):
        raise Unreadable("it puts constants beside channels")
    first, *others = step.inputs
    if isinstance(first, Tensor) and all(isinstance(each, Weight) for each in others):
        return _with_zeros(step, like, axis, sum(each.shape[axis] for each in kept))
    parts = [
        [each] if isinstance(each, Tensor) else list(_zeros(step, like, axis, each.values.shape[axis]))
        for each in step.inputs
        if each is not None
    ]
    return joined(step, [each for part in parts for each in part], axis)


def joined(step: Step, tensors: Sequence[Tensor], axis: int) -> Tensor:
    """Tensors beside each other along their channels."""
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


def read_tile(step: Step) -> Tensor:
    counts = [int(count) for count in step.constant(1)]
    axis = max(range(len(counts)), key=counts.__getitem__)
    if prod(counts) != counts[axis]:
        raise Unreadable("it repeats values along several axes")
    return joined(step, [step.tensor()] * counts[axis], axis)


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
    _, channels, rows, columns = step.places(tensor)
    if channels in padded and (padded[channels][0], mode, value) == (0, "zero", 0) and padded[channels][1] > 0:
        tensor = _with_zeros(step, tensor, channels, padded.pop(channels)[1])
    if not padded:
        return tensor
    if padded.keys() - {rows, columns} or min(min(each) for each in padded.values()) < 0:
        raise Unreadable("it pads more than rows and columns, or cuts them")
    sides = (*padded.get(rows, (0, 0)), *padded.get(columns, (0, 0)))
    return step.replaced(Pad(sides, mode=mode, value=shortest(value) if mode == "zero" else 0.0), tensor)


def _with_zeros(step: Step, tensor: Tensor, axis: int, count: int) -> Tensor:
    """Channels of zeros behind those of an image: a shortcut, if it is added to another, or some channels times 0."""
    before = step.drafts[tensor.node]
    channels = before.shape[0]
    if step.readers == ["Add"]:
        op, source = ZeroPadShortcut(channels + count), tensor.node
        if isinstance(before.op, Maxpool) and before.op.kernel == (1, 1):
            op, source = replace(op, stride=before.op.stride), before.inputs[0]
        node = step.drafts.add(op, (source,), step.origin)
        return Tensor(node, _with(tensor.axes, axis, step.channels(node)))
    return joined(step, [tensor, *_zeros(step, tensor, axis, count)], axis)


def _zeros(step: Step, like: Tensor, axis: int, count: int) -> Iterator[Tensor]:
    """Channels of zeros: some of an image, times 0."""
    channels = step.drafts[like.node].shape[0]
    for start in range(0, count, channels):
        part = step.drafts.add(ChannelSlice(0, min(count - start, channels)), (like.node,), step.origin)
        zeros = step.drafts.add(Scale(0.0), (part,), step.origin)
        yield Tensor(zeros, _with(like.axes, axis, step.channels(zeros)))


READERS: dict[str, Callable[[Step], Tensor | tuple[Tensor, ...]]] = {
    "Reshape": read_reshape,
    "Flatten": read_flatten,
    "Transpose": read_transpose,
    "Squeeze": read_squeeze,
    "Unsqueeze": read_unsqueeze,
    "DepthToSpace": read_depth_to_space,
    "SpaceToDepth": read_space_to_depth,
    "Expand": read_expand,
    "CastLike": Step.tensor,
    "Identity": Step.tensor,
    "Dropout": read_dropout,
    "Concat": read_concat,
    "Tile": read_tile,
    "Pad": read_pad,
}
