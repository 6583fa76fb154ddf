"""Response normalisations that files say in many steps, looked at from the last one."""

from __future__ import annotations

from cnndsl.foreign.axes import merged, plain
from cnndsl.foreign.onnx.drafts import Array, Tensor, Weight
from cnndsl.foreign.onnx.pools import chosen_axes, within
from cnndsl.foreign.onnx.step import Step, shortest
from cnndsl.ops.normalization import Grn, Lrn

SHAPING = ("Squeeze", "Unsqueeze", "Reshape")


def read_response_norm(step: Step) -> Tensor | None:
    """x + (weight * x * n + bias), where n is the norm over all pixels over the mean of norms over all channels."""
    for own, other in ((0, 1), (1, 0)):
        name = step.node.input[own]
        total, bias = _with_constant(step, other, "Add")
        product, weight = _with_constant(total, _flowing(total), "Mul")
        gated = _made(product, _flowing(product), "Mul")
        if gated is None or bias is None or weight is None or name not in gated.node.input:
            continue
        eps = _relative(_made(gated, 1 - list(gated.node.input).index(name), "Div"), name)
        if eps is not None:
            x = step.tensor(own)
            weights = {"weight": Weight(step.per_channel(x, weight)), "bias": Weight(step.per_channel(x, bias))}
            return step.within(Grn(eps=eps), x, weights)
    return None


def read_local_response_norm(step: Step) -> Tensor | None:
    """x / (k + alpha * mean)^beta, the mean being over the squares of channels around: how PyTorch exports it."""
    power, beta = _with_constant_of(_made(step, 1, "Pow"))
    total, k = _with_constant(power, 0, "Add")
    product, alpha = _with_constant(total, _flowing(total), "Mul")
    pool = _shaped(product, _flowing(product), "AveragePool")
    squares = _shaped(_shaped(pool, 0, "Pad"), 0, "Mul")
    x = step.node.input[0]
    if squares is None or pool is None or any(each is None or each.size != 1 for each in (alpha, beta, k)):
        return None
    size, *rest = pool.attribute("kernel_shape")
    if [*squares.node.input] != [x, x] or any(each != 1 for each in rest):
        return None
    step.channel_axis(step.tensor(), 1)
    alpha, beta, k = (shortest(each.reshape(())) for each in (alpha, beta, k))
    return step.within(Lrn(int(size), alpha=alpha, beta=beta, k=k), step.tensor())


def _with_constant_of(step: Step | None) -> tuple[Step | None, Array]:
    constant = step.inputs[1] if step is not None else None
    return (step, constant.values) if isinstance(constant, Weight) else (None, None)


def _shaped(step: Step | None, index: int, operator: str) -> Step | None:
    """The step that made an input, but for steps that only give it another shape."""
    maker = step.makers.get(step.node.input[index]) if step is not None else None
    while maker is not None and maker.operator in SHAPING:
        maker = maker.makers.get(maker.node.input[0])
    return maker if maker is not None and maker.operator == operator else None


def _relative(division: Step | None, name: str) -> float | None:
    """The eps of n, if it is that of the tensor of that name."""
    norm = _made(division, 0, "ReduceL2")
    total, eps = _with_constant(division, 1, "Add")
    mean = _made(total, _flowing(total), "ReduceMean")
    if norm is None or mean is None or eps is None or norm.node.input[0] != name or eps.size != 1:
        return None
    if mean.node.input[0] != norm.node.output[0] or not (
        norm.attribute("keepdims", 1) and mean.attribute("keepdims", 1)
    ):
        return None
    tensor = norm.tensor()
    whole, rank = plain(norm.drafts.dims(tensor.node)), len(tensor.axes)
    pixels = len(whole) == 4 and within(tensor, chosen_axes(norm, rank)) == merged((*whole[2], *whole[3]))
    channels = within(tensor, chosen_axes(mean, rank)) == whole[1]
    return shortest(eps.reshape(())) if pixels and channels else None


def _made(step: Step | None, index: int, operator: str) -> Step | None:
    maker = step.makers.get(step.node.input[index]) if step is not None else None
    return maker if maker is not None and maker.operator == operator else None


def _flowing(step: Step | None) -> int:
    """Which of two inputs is no constant."""
    return 1 if step is not None and isinstance(step.inputs[0], Weight) else 0


def _with_constant(step: Step | None, index: int, operator: str) -> tuple[Step | None, Array]:
    """The step that made an input, and the constant that it has."""
    maker = _made(step, index, operator)
    constant = maker.inputs[1 - _flowing(maker)] if maker is not None else None
    return (maker, constant.values) if isinstance(constant, Weight) else (None, None)
