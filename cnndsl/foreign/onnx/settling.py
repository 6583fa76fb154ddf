"""What is left of constants when a file is read: sums go into the layer before them, or become one of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cnndsl.foreign.network import Unread
from cnndsl.foreign.onnx.drafts import Array, Draft, Drafts, Shift, Weight
from cnndsl.ops.base import Op
from cnndsl.ops.convolution import Conv, ConvTranspose, Depthwise
from cnndsl.ops.linear import Linear
from cnndsl.ops.normalization import Bn, GroupNorm, InstanceNorm, LayerNorm
from cnndsl.ops.scale import Scale

BIASED = (Conv, ConvTranspose, Depthwise, Linear)
NORMS = (Bn, GroupNorm, InstanceNorm, LayerNorm)


def settle(drafts: Drafts, outputs: Sequence[int]) -> list[int]:
    """Leave no `Shift`; gives the outputs anew, as layers that are merged into one before them are no more."""
    for node in sorted(drafts.needed(outputs)):
        outputs = _settled(drafts, node, list(outputs))
    for node in sorted(drafts.needed(outputs)):
        if isinstance(drafts[node].op, Shift):
            drafts.nodes[node] = _as_layer(drafts, node)
    return list(outputs)


def _settled(drafts: Drafts, node: int, outputs: list[int]) -> list[int]:
    """Merge a constant into the layer before it, if that is read by nothing else."""
    readers = drafts.readers(outputs)
    draft = drafts[node]
    if node not in readers or not _is_constant(draft.op):
        return outputs
    (before,) = draft.inputs
    if readers[before] != [node] or before in outputs:
        return outputs
    merged = _merged(drafts, before, draft, readers[node])
    if merged is None:
        return outputs
    drafts.nodes[before] = replace(merged, last=draft.last or draft.origin)
    for other in readers[node]:
        reading = drafts[other]
        inputs = tuple(before if each == node else each for each in reading.inputs)
        drafts.nodes[other] = replace(reading, inputs=inputs)
    return [before if each == node else each for each in outputs]


def _is_constant(op: Op) -> bool:
    return isinstance(op, (Shift, Scale))


def _merged(drafts: Drafts, before: int, draft: Draft, readers: Sequence[int]) -> Draft | None:
    target = drafts[before]
    if isinstance(draft.op, Shift):
        return _with_shift(target, draft)
    next_is_shift = len(readers) == 1 and isinstance(drafts[readers[0]].op, Shift)
    if isinstance(target.op, NORMS) and draft.op.learned and (next_is_shift or _is_bare(target)):  # type: ignore[attr-defined]
        return _scaled_norm(target, draft.weights["weight"].values)
    if isinstance(target.op, Shift) and _is_image(target):
        return _affine(target, _factors(draft), target.weights["weight"].values * _factors(draft))
    if _is_affine(target):
        weight, bias = target.weights["weight"].values.reshape(-1), target.weights["bias"].values
        return _affine(target, weight * _factors(draft), bias * _factors(draft))
    return None


def _with_shift(target: Draft, draft: Draft) -> Draft | None:
    shift = draft.weights["weight"]
    if isinstance(target.op, BIASED):
        if not target.op.bias:
            return replace(target, op=replace(target.op, bias=True), weights={**target.weights, "bias": shift})
        return replace(target, weights=_added(target, shift))
    if isinstance(target.op, NORMS):
        target = _affine_norm(target)
        return replace(target, weights=_added(target, shift))
    if isinstance(target.op, Shift):
        return replace(target, weights={"weight": Weight(target.weights["weight"].values + shift.values)})
    if isinstance(target.op, Scale) and _is_image(target):
        return _affine(target, _factors(target), shift.values)
    return None


def _added(target: Draft, shift: Weight) -> dict[str, Weight]:
    bias = target.weights["bias"].values
    return {**target.weights, "bias": shift if not bias.any() else Weight(bias + shift.values)}


def _is_affine(target: Draft) -> bool:
    """Whether it is a factor and a sum for each channel."""
    op = target.op
    return isinstance(op, Depthwise) and (op.kernel, op.stride, op.multiplier, op.bias) == ((1, 1), (1, 1), 1, True)


def _is_image(target: Draft) -> bool:
    return len(target.shape) == 3


def _is_bare(target: Draft) -> bool:
    """Whether a norm has no weight and bias of its own yet."""
    if not target.weights:
        return True
    return bool((target.weights["weight"].values == 1).all() and not target.weights["bias"].values.any())


def _affine_norm(target: Draft) -> Draft:
    """The norm with a weight and a bias, of which an `instance_norm` may have none."""
    import numpy as np

    if not isinstance(target.op, InstanceNorm) or target.op.affine:
        return target
    channels = target.shape[0]
    weights = {"weight": Weight(np.ones(channels, np.float32)), "bias": Weight(np.zeros(channels, np.float32))}
    return replace(target, op=replace(target.op, affine=True), weights=weights)


def _scaled_norm(target: Draft, factors: Array) -> Draft:
    target = _affine_norm(target)
    weight, bias = (target.weights[name].values * factors for name in ("weight", "bias"))
    return replace(target, weights={**target.weights, "weight": Weight(weight), "bias": Weight(bias)})


def _factors(draft: Draft) -> Array:
    """What a `scale` multiplies each channel by."""
    import numpy as np

    op = draft.op
    assert isinstance(op, Scale)
    return draft.weights["weight"].values if op.learned else np.full(draft.shape[0], op.factor)


def _affine(target: Draft, factors: Array, shift: Array) -> Draft:
    """A factor and a sum for each channel: a convolution of each by itself, of one pixel."""
    op = Depthwise((1, 1), bias=True) if target.shape[0] > 1 else Conv((1, 1), 1, bias=True)
    weights = {"weight": Weight(factors.reshape(-1, 1, 1, 1)), "bias": Weight(shift)}
    return replace(target, op=op, weights=weights)


def _as_layer(drafts: Drafts, node: int) -> Draft:
    import numpy as np

    draft = drafts[node]
    shift = draft.weights["weight"].values
    if _is_image(draft):
        return _affine(draft, np.ones_like(shift), shift)
    op = Unread(draft.origin.operator, draft.origin.name, draft.shape, "no layer adds numbers to a vector")
    return replace(draft, op=op, weights={})
