"""Steps that work on single numbers: activations in every spelling, sums, products, and what constants do to a tensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite

from cnndsl.foreign.onnx.curves import grid, recognised
from cnndsl.foreign.onnx.drafts import Array, Shift, Tensor, Weight
from cnndsl.foreign.onnx.folding import evaluated
from cnndsl.foreign.onnx.norms import read_written_out
from cnndsl.foreign.onnx.response_norm import read_response_norm
from cnndsl.foreign.onnx.step import Step, shortest
from cnndsl.foreign.onnx.unreadable import Unreadable
from cnndsl.ops.activation import Identity, Prelu
from cnndsl.ops.base import Op
from cnndsl.ops.merge import Add, Max, Mean, Mul, Sub
from cnndsl.ops.scale import Scale


@dataclass(frozen=True)
class Curve:
    """A tensor whose every number is a function of the one in its place in the result of layer `source`."""

    source: int
    values: Array


def read_elementwise(otherwise: Callable[[Step], Tensor], step: Step) -> Tensor:
    """The layer of its own function; else that of all functions since the last other layer; else what is said of it."""
    tensors = [value for value in step.inputs if isinstance(value, Tensor)]
    curve = _curve(step, tensors)
    result = _recognised(step, tensors, curve)
    if result is None:
        try:
            result = otherwise(step)
        except Unreadable as error:
            if curve is None:
                raise
            result = unread(step, tensors[0], str(error))
    if curve is not None and result.node not in step.drafts.curves:
        step.drafts.curves[result.node] = curve
    return result


def unread(step: Step, tensor: Tensor, why: str) -> Tensor:
    """A step in no layer's words that leaves values in their places; what follows may still make a layer of it."""
    node = step.drafts.unread((tensor.node,), step.origin, step.drafts.dims(tensor.node), why)
    return Tensor(node, tensor.axes)


def _curve(step: Step, tensors: Sequence[Tensor]) -> Curve | None:
    """What it computes as a function of one number of one layer; None if it is of several, or its constants are."""
    if not tensors or any(tensor.axes != tensors[0].axes for tensor in tensors):
        return None
    before = [step.drafts.curves.get(tensor.node, Curve(tensor.node, grid())) for tensor in tensors]
    constants = [value.values for value in step.inputs if isinstance(value, Weight)]
    if any(each.size != 1 or each.ndim > len(tensors[0].axes) for each in constants):
        return None
    if len({each.source for each in before}) > 1:
        return None
    curves = iter(before)
    feeds = [_fed(value, curves) for value in step.inputs]
    return Curve(before[0].source, evaluated(step, feeds))


def _fed(value: Tensor | Weight | None, curves: object) -> Array:
    if isinstance(value, Tensor):
        return next(curves).values  # type: ignore[call-overload]
    return None if value is None else value.values.reshape(()).astype("float64")


def _recognised(step: Step, tensors: Sequence[Tensor], curve: Curve | None) -> Tensor | None:
    if curve is None or not _bounds_are_seen(step):
        return None
    node = tensors[0].node
    own = recognised(evaluated(step, [_own(value) for value in step.inputs]), half=step.half)
    if own is not None and all(tensor.node == node for tensor in tensors):
        return _result(step, own, node, tensors[0])
    made = recognised(curve.values, half=step.half) if curve.source != node or len(tensors) > 1 else None
    return None if made is None else _result(step, made, curve.source, tensors[0])


def _own(value: Tensor | Weight | None) -> Array:
    return (
        None if value is None else grid() if isinstance(value, Tensor) else value.values.reshape(()).astype("float64")
    )


def _result(step: Step, op: Op, source: int, like: Tensor) -> Tensor:
    if isinstance(op, Identity):
        return like if source == like.node else Tensor(source, like.axes)
    return Tensor(step.drafts.add(op, (source,), step.origin), like.axes)


def _bounds_are_seen(step: Step) -> bool:
    """Whether limits lie where functions are compared, or so far away that no number reaches them."""
    if step.operator not in ("Clip", "Max", "Min"):
        return True
    given = [*(step.attributes.get(name) for name in ("min", "max")), *_constants(step)]
    return all(value is None or abs(value) <= 12 or abs(value) > 1e38 for value in given)


def _constants(step: Step) -> list[float]:
    return [
        float(each.values.reshape(())) for each in step.inputs if isinstance(each, Weight) and each.values.size == 1
    ]


def read_function(step: Step) -> Tensor:
    raise Unreadable("no layer is this function")


def read_merge(op: Op, step: Step) -> Tensor:
    """Of tensors alone, which have the same shape."""
    tensors = [step.tensor(index) for index in range(len(step.inputs))]
    if len(tensors) == 1:
        return tensors[0]
    nodes, axes = step.drafts.alike(tensors, step.origin, broadcast=isinstance(op, Mul))
    return Tensor(step.drafts.add(op, nodes, step.origin), axes)


def read_add(step: Step) -> Tensor:
    for constant, other in ((0, 1), (1, 0)):
        if isinstance(step.inputs[constant], Weight):
            return shifted(step, step.tensor(other), step.weight(constant))
    return read_response_norm(step) or read_merge(Add(), step)


def read_sub(step: Step) -> Tensor:
    if isinstance(step.inputs[1], Weight):
        return shifted(step, step.tensor(0), Weight(-step.constant(1)))
    if isinstance(step.inputs[0], Weight):
        return shifted(step, step.within(Scale(-1.0), step.tensor(1)), step.weight(0))
    return read_merge(Sub(), step)


def read_mul(step: Step) -> Tensor:
    for constant, other in ((0, 1), (1, 0)):
        if isinstance(step.inputs[constant], Weight):
            return scaled(step, step.tensor(other), step.weight(constant))
    return read_merge(Mul(), step)


def read_div(step: Step) -> Tensor:
    norm = read_written_out(step)
    if norm is not None:
        return norm
    divisor = step.constant(1)
    if divisor.size == 1:
        return step.within(Scale(_finite(1 / shortest(divisor.reshape(())))), step.tensor())
    return scaled(step, step.tensor(), Weight(1 / divisor))


def _finite(factor: float) -> float:
    if not isfinite(factor):
        raise Unreadable("it multiplies by what is no number")
    return factor


def scaled(step: Step, tensor: Tensor, weight: Weight) -> Tensor:
    if weight.values.size == 1 and weight.values.ndim <= len(tensor.axes):
        return step.within(Scale(_finite(shortest(weight.values.reshape(())))), tensor)
    values = step.per_channel(tensor, weight.values)
    init = shortest(values[0]) if (values == values[0]).all() else 1.0
    kept = Weight(values, weight.source if weight.values.shape == values.shape else "")
    return step.within(Scale(learned=True, init=init), tensor, {"weight": kept})


def shifted(step: Step, tensor: Tensor, weight: Weight) -> Tensor:
    kept = weight.source if weight.values.ndim == 1 and weight.values.size > 1 else ""
    return step.within(Shift(), tensor, {"weight": Weight(step.per_channel(tensor, weight.values), kept)})


def read_prelu(step: Step) -> Tensor:
    import numpy as np

    tensor, slope = step.tensor(), step.weight(1)
    values = step.per_channel(tensor, slope.values)
    kept = Weight(np.asarray(values), slope.source if slope.values.shape == values.shape else "")
    return step.within(Prelu(), tensor, {"weight": kept})


FUNCTIONS = (
    "Abs Celu Clip Elu Erf Exp Gelu HardSigmoid HardSwish LeakyRelu Log Mish Pow Reciprocal Relu Selu Sigmoid "
    "Softplus Softsign Sqrt Swish Tanh ThresholdedRelu Min"
).split()
READERS: dict[str, Callable[[Step], Tensor]] = {
    **{operator: partial(read_elementwise, read_function) for operator in FUNCTIONS},
    "Neg": partial(read_elementwise, lambda step: step.within(Scale(-1.0), step.tensor())),
    "Add": partial(read_elementwise, read_add),
    "Sub": partial(read_elementwise, read_sub),
    "Mul": partial(read_elementwise, read_mul),
    "Div": partial(read_elementwise, read_div),
    "Max": partial(read_elementwise, partial(read_merge, Max())),
    "Sum": partial(read_merge, Add()),
    "Mean": partial(read_merge, Mean()),
    "PRelu": read_prelu,
}
