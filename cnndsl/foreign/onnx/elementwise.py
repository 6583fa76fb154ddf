"""Steps that work on single numbers: activations in every spelling, sums, products, and constants in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import isfinite

from cnndsl.foreign.axes import sizes
from cnndsl.foreign.onnx.curves import LARGEST, grid, recognised
from cnndsl.foreign.onnx.drafts import Array, Shift, Tensor, Weight
from cnndsl.foreign.onnx.folding import evaluated
from cnndsl.foreign.onnx.norms import read_written_out
from cnndsl.foreign.onnx.response_norm import read_local_response_norm, read_response_norm
from cnndsl.foreign.onnx.step import Step, shortest
from cnndsl.foreign.onnx.unreadable import Unreadable
from cnndsl.ops.activation import Identity, Prelu
from cnndsl.ops.base import Op
from cnndsl.ops.merge import Add, Max, Mean, Mul, Sub
from cnndsl.ops.scale import Scale

LIMITS = ("Clip", "Max", "Min")
FLOATS = (1, 10, 11, 16)  # ONNX's numbers of float, float16, double and bfloat16
COMPARISONS = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual")
NEAREST = 8  # layers back from which a function is looked for
Curves = dict[int, Array]
"""What a tensor is a function of, the nearest layer first: its values for those of `grid` in that layer's result."""


def read_elementwise(otherwise: Callable[[Step], Tensor], step: Step) -> Tensor:
    """The layer of its own function; else that of the functions since a layer before it; else what is said of it."""
    tensors = [value for value in step.inputs if isinstance(value, Tensor)]
    curves = _curves(step, tensors)
    result = _recognised(step, tensors[0], curves) if curves else None
    if result is None:
        try:
            result = otherwise(step)
        except Unreadable as error:
            if not curves:
                raise
            result = unread(step, tensors[0], str(error))
    if result.node not in step.drafts.curves:
        step.drafts.curves[result.node] = {source: each for source, each in curves.items() if source < result.node}
    return result


def unread(step: Step, tensor: Tensor, why: str) -> Tensor:
    """A step in no layer's words that leaves values in their places; what follows may still make a layer of it."""
    node = step.drafts.unread((tensor.node,), step.origin, step.drafts.dims(tensor.node), why)
    return Tensor(node, tensor.axes)


def _curves(step: Step, tensors: Sequence[Tensor]) -> Curves:
    """What it computes, as functions of one number of one layer; empty if it is none, or its constants are several."""
    if not tensors or any(tensor.axes != tensors[0].axes for tensor in tensors):
        return {}
    dims = sizes(tensors[0].axes)
    if not all(_is_number(value.values, dims) for value in step.inputs if isinstance(value, Weight)):
        return {}
    known = {each.node: {each.node: grid(), **step.drafts.curves.get(each.node, {})} for each in tensors}
    common = set.intersection(*(set(each) for each in known.values()))
    return {source: _curve(step, known, source) for source in sorted(common, reverse=True)[:NEAREST]}


def _is_number(values: Array, dims: tuple[int, ...]) -> bool:
    """Whether a constant is one number, or the same one everywhere in a tensor of `dims`."""
    one = values.size == 1 and values.ndim <= len(dims)
    return one or (values.shape == dims and bool((values == values.flat[0]).all()))


def _curve(step: Step, known: dict[int, Curves], source: int) -> Array:
    return evaluated(step, [_fed(value, known, source) for value in step.inputs])


def _fed(value: Tensor | Weight | None, known: dict[int, Curves], source: int) -> Array:
    if isinstance(value, Tensor):
        return known[value.node][source]
    return None if value is None else value.values.flat[0].astype("float64")


def _recognised(step: Step, like: Tensor, curves: Curves) -> Tensor | None:
    if not _bounds_are_seen(step):
        return None
    for source, values in curves.items():
        op = recognised(values, half=step.half)
        if isinstance(op, Identity):
            return like if source == like.node else Tensor(source, like.axes)
        if op is not None:
            return Tensor(step.drafts.add(op, (source,), step.origin), like.axes)
    return None


def _bounds_are_seen(step: Step) -> bool:
    """Whether limits lie where functions are compared, or so far away that no number reaches them."""
    if step.operator not in (*LIMITS, *COMPARISONS):
        return True
    given = [*(step.attributes.get(name) for name in ("min", "max")), *_constants(step)]
    return all(value is None or abs(value) <= LARGEST or abs(value) > 1e38 for value in given)


def _constants(step: Step) -> list[float]:
    return [
        float(each.values.reshape(())) for each in step.inputs if isinstance(each, Weight) and each.values.size == 1
    ]


def read_function(step: Step) -> Tensor:
    raise Unreadable("no layer is this function")


def read_power(step: Step) -> Tensor:
    if not step.has(1) or not isinstance(step.inputs[1], Weight) or step.constant(1).size != 1 or step.scalar(1) != 2:
        return read_function(step)
    tensor = step.tensor()
    return Tensor(step.drafts.add(Mul(), (tensor.node, tensor.node), step.origin), tensor.axes)


def read_cast(step: Step) -> Tensor:
    if int(step.attribute("to", 1)) not in FLOATS:
        raise Unreadable("it makes whole numbers")
    return step.tensor()


def read_merge(op: Op, step: Step) -> Tensor:
    """Of tensors alone; where one has a single row, column or pixel, that counts for all."""
    tensors = [step.tensor(index) for index in range(len(step.inputs))]
    if len(tensors) == 1:
        return tensors[0]
    nodes, axes = step.drafts.alike(tensors, step.origin)
    if not isinstance(op, Mul):
        nodes = step.drafts.grown(nodes, step.origin)
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
    norm = read_written_out(step) or read_local_response_norm(step)
    if norm is not None:
        return norm
    if not isinstance(step.inputs[1], Weight):
        raise Unreadable("no layer divides by what flows")
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


# fmt: off
FUNCTIONS = (
    "Abs", "Celu", "Clip", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Log",
    "Mish", "Reciprocal", "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Swish", "Tanh",
    "ThresholdedRelu", "Min", "Sign", "Sin", "Cos", "Where", *COMPARISONS,
)
# fmt: on
READERS: dict[str, Callable[[Step], Tensor]] = {
    **{operator: partial(read_elementwise, read_function) for operator in FUNCTIONS},
    "Pow": partial(read_elementwise, read_power),
    "Cast": partial(read_elementwise, read_cast),
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
