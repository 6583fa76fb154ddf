"""Norms, in one operator or written out, by which axes of ours they take mean and variance over."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cnndsl.foreign.axes import CHANNEL, Group, plain, sizes
from cnndsl.foreign.onnx.drafts import Array, Tensor, Weight
from cnndsl.foreign.onnx.pools import chosen_axes, within
from cnndsl.foreign.onnx.step import Step, shortest
from cnndsl.foreign.onnx.unreadable import Unreadable
from cnndsl.ops.base import Op
from cnndsl.ops.normalization import Bn, GroupNorm, InstanceNorm, LayerNorm, Lrn


def read_bn(step: Step) -> Tensor:
    import numpy as np

    if step.attribute("training_mode", 0):
        raise Unreadable("it takes mean and variance of the batch, as in training")
    if step.attribute("spatial", 1) != 1:
        raise Unreadable("it has statistics for every pixel")
    tensor = step.tensor()
    step.channel_axis(tensor, 1)
    names = ("weight", "bias", "running_mean", "running_var")
    weights = {name: step.weight(index) for index, name in enumerate(names, start=1)}
    weights["num_batches_tracked"] = Weight(np.zeros((), np.int64))
    momentum = shortest(1 - step.number("momentum", 0.9))
    return step.within(Bn(eps=step.number("epsilon", 1e-5), momentum=momentum), tensor, weights)


def read_instance_norm(step: Step) -> Tensor:
    """Over all that follows axis 1, of which each part has a weight and a bias."""
    tensor = step.tensor()
    rank = len(tensor.axes)
    column = (-1, *(1,) * (rank - 2))
    affine = step.constant(1).reshape(column), step.constant(2).reshape(column)
    return normalized(step, tensor, tuple(range(2, rank)), step.number("epsilon", 1e-5), *affine)


def read_layer_norm(step: Step) -> Tensor:
    tensor = step.tensor()
    rank = len(tensor.axes)
    first = step.axis(step.attribute("axis", -1), rank)
    bias = step.constant(2) if step.has(2) else None
    return normalized(step, tensor, tuple(range(first, rank)), step.number("epsilon", 1e-5), step.constant(1), bias)


def read_group_norm(step: Step) -> Tensor:
    """Up to version 20 it has a weight for every group, from then on for every channel."""
    import numpy as np

    groups, source = int(step.attribute("num_groups")), step.image()
    channels = step.drafts[source].shape[0]
    weights = {}
    for index, name in ((1, "weight"), (2, "bias")):
        kept = step.weight(index)
        repeated = step.opset < 21 and groups < channels
        weights[name] = Weight(np.repeat(kept.values, channels // groups)) if repeated else kept
    return step.add(GroupNorm(groups, eps=step.number("epsilon", 1e-5)), source, weights=weights)


def normalized(
    step: Step,
    tensor: Tensor,
    chosen: tuple[int, ...],
    eps: float,
    weight: Array | None = None,
    bias: Array | None = None,
) -> Tensor:
    """What subtracts the mean and divides by the deviation over the chosen axes of the file, as the norm of ours."""
    inside, dims = within(tensor, chosen), step.drafts.dims(tensor.node)
    norm = _norm(inside, dims, eps)
    weights = _affine(step, tensor, weight, bias)
    if isinstance(norm, InstanceNorm):
        if _is_bare(weights):
            return step.within(norm, tensor)
        norm = InstanceNorm(affine=True, eps=eps)
    return step.within(norm, tensor, weights)


def _norm(inside: Group, dims: tuple[int, ...], eps: float) -> Op:
    whole, channels = plain(dims), dims[CHANNEL]
    if inside == whole[CHANNEL]:
        return LayerNorm(eps=eps)
    pixels = tuple(digit for group in whole[2:] for digit in group)
    if pixels and inside == pixels:
        return InstanceNorm(eps=eps)
    of_channels = [digit for digit in inside if digit.axis == CHANNEL]
    each = sizes((tuple(of_channels),))[0]
    neighbours = len(of_channels) <= 1 and all(digit.inner == 1 for digit in of_channels)
    if len(dims) == 4 and neighbours and inside == (*of_channels, *pixels):
        return GroupNorm(channels // each, eps=eps)
    raise Unreadable("it takes mean and variance over other values than norms do")


def _affine(step: Step, tensor: Tensor, weight: Array | None, bias: Array | None) -> Mapping[str, Weight]:
    import numpy as np

    channels = step.drafts[tensor.node].shape[0]
    ones = np.ones(channels, np.float32) if weight is None else step.per_channel(tensor, weight)
    zeros = np.zeros(channels, np.float32) if bias is None else step.per_channel(tensor, bias)
    return {"weight": Weight(ones), "bias": Weight(zeros)}


def _is_bare(weights: Mapping[str, Weight]) -> bool:
    return bool((weights["weight"].values == 1).all() and (weights["bias"].values == 0).all())


def read_written_out(step: Step) -> Tensor | None:
    """(x - mean) / sqrt(variance + eps), of a division that is that."""
    less, root = (step.makers.get(name) for name in step.node.input[:2])
    if less is None or root is None or less.operator != "Sub" or root.operator != "Sqrt":
        return None
    mean = _made(less, 1, "ReduceMean")
    total = _made(root, 0, "Add")
    if mean is None or total is None or mean.node.input[0] != less.node.input[0]:
        return None
    constant = 1 if isinstance(total.inputs[1], Weight) else 0
    variance = _made(total, 1 - constant, "ReduceMean")
    if variance is None or not _is_square(variance, less):
        return None
    tensor = less.tensor()
    chosen = chosen_axes(mean, len(tensor.axes))
    if chosen != chosen_axes(variance, len(tensor.axes)) or not mean.attribute("keepdims", 1):
        return None
    return normalized(step, tensor, chosen, shortest(total.scalar(constant)))


def _made(step: Step, index: int, operator: str) -> Step | None:
    maker = step.makers.get(step.node.input[index])
    return maker if maker is not None and maker.operator == operator else None


def _is_square(variance: Step, less: Step) -> bool:
    """Whether it is the mean of squares of a difference, or of another that is the same."""
    squared = variance.makers.get(variance.node.input[0])
    if squared is None:
        return False
    if squared.operator == "Pow":
        if not isinstance(squared.inputs[1], Weight) or squared.scalar(1) != 2:
            return False
    elif squared.operator != "Mul" or squared.node.input[0] != squared.node.input[1]:
        return False
    inner = squared.makers.get(squared.node.input[0])
    return inner is not None and inner.operator == "Sub" and _same_difference(inner, less)


def _same_difference(one: Step, other: Step) -> bool:
    means = [_made(each, 1, "ReduceMean") for each in (one, other)]
    if None in means or one.node.input[0] != other.node.input[0]:
        return False
    first, second = (each for each in means if each is not None)
    return first.node.input[0] == second.node.input[0] and _axes(first) == _axes(second)


def _axes(step: Step) -> tuple[int, ...]:
    return chosen_axes(step, len(step.tensor().axes))


def read_lrn(step: Step) -> Tensor:
    """The window of an even size reaches one channel further up in ONNX, and further down in PyTorch."""
    size = int(step.attribute("size"))
    if size % 2 == 0:
        raise Unreadable(f"its window of {size} channels reaches further up than down")
    alpha, beta, k = step.number("alpha", 1e-4), step.number("beta", 0.75), step.number("bias", 1.0)
    tensor = step.tensor()
    step.channel_axis(tensor, 1)
    return step.within(Lrn(size, alpha=alpha, beta=beta, k=k), tensor)


READERS: dict[str, Callable[[Step], Tensor]] = {
    "BatchNormalization": read_bn,
    "InstanceNormalization": read_instance_norm,
    "LayerNormalization": read_layer_norm,
    "GroupNormalization": read_group_norm,
    "LRN": read_lrn,
}
