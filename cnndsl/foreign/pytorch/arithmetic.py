"""Sums, products and functions: of tensors that flow, of those that are kept, and of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnndsl.foreign import axes as lying
from cnndsl.foreign.axes import CHANNEL, Axes
from cnndsl.foreign.curves import affine
from cnndsl.foreign.draft import Kept
from cnndsl.foreign.pixels import Pixel, reshaped
from cnndsl.foreign.pytorch.program import word
from cnndsl.foreign.pytorch.reading import Curve, Flow, NoLayer, Reading, Value, curve_of, flows_in
from cnndsl.ops.activation import Softplus
from cnndsl.ops.base import Op
from cnndsl.ops.convolution import Depthwise
from cnndsl.ops.merge import Add, Max, Mul, Sub
from cnndsl.ops.resize import Upsample
from cnndsl.ops.scale import Scale

if TYPE_CHECKING:
    from torch import fx

Given = dict[str, Value]

# Functions of each value by itself: whatever comes of them is known by its values.
FUNCTIONS = frozenset(
    {"relu", "relu6", "hardtanh", "clamp", "clamp_min", "clamp_max", "clip", "threshold", "leaky_relu", "rrelu"}
    | {"elu", "celu", "selu", "gelu", "silu", "mish", "softplus", "softsign", "sigmoid", "log_sigmoid", "logsigmoid"}
    | {"hardsigmoid", "hardswish", "tanh", "erf", "exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "square", "pow"}
    | {"abs", "neg", "reciprocal", "sign", "sin", "cos", "atan", "hardshrink", "softshrink", "tanhshrink", "minimum"}
    | {"maximum", "add", "sub", "mul", "div", "rsub", "max", "min", "gt", "ge", "lt", "le", "where", "masked_fill"}
    | {"zeros_like", "ones_like", "full_like"}
)
WRITTEN = 4  # digits of a number that a person writes
ROUNDING = 1e-7  # of float32
MERGES: dict[str, type[Op]] = {"add": Add, "sub": Sub, "mul": Mul, "max": Max, "maximum": Max}


def function(reading: Reading, node: fx.Node, given: Given) -> Value:
    """A function of one tensor if it is one, else a merge of two, or of one with what is kept."""
    if all(_is_number(each) for each in given.values() if isinstance(each, Kept)):
        curve = curve_of(reading, node)
        if curve is not None:
            return curve
    return _combined(reading, node, given)


def _is_number(kept: Kept) -> bool:
    return kept.value.numel() == 1 and not kept.learned


def last_step(reading: Reading, curve: Curve) -> Flow:
    """What an operator computes that is no function we know, from what it reads."""
    given = curve.given
    kind, read = word(curve.node), list(flows_in(given))
    line = _line(curve)
    if line is not None:
        return _straight(reading, curve.node, *line)
    if kind in ("square", "pow") and (kind == "square" or given.get("exponent") == 2):
        flow = reading.flow(read[0])
        return Flow(reading.add(curve.node, Mul(), flow.step, flow.step).step, flow.axes)
    if kind == "softplus":
        flow = reading.flow(read[0])
        op = Softplus(float(given["beta"]), threshold=float(given["threshold"]))
        return Flow(reading.add(curve.node, op, flow.step).step, flow.axes)
    if kind in MERGES and len(read) == 2:
        times = float(given.get("alpha") or 1)
        other = read[1] if times == 1 else _times(reading, curve.node, read[1], times)
        return _merge(reading, curve.node, kind, read[0], other)
    raise NoLayer(f"no activation of the language has these values of `{kind}`")


def _combined(reading: Reading, node: fx.Node, given: Given) -> Flow:
    kind = word(node)
    one, other = given.get("self", given.get("input")), given.get("other")
    if kind not in (*MERGES, "div") or other is None:
        raise NoLayer(f"no layer computes `{kind}` of these")
    if given.get("alpha", 1) not in (1, 1.0):
        other = _times(reading, node, other, float(given["alpha"]))
    if isinstance(one, Flow | Curve) and isinstance(other, Flow | Curve):
        return _merge(reading, node, kind, one, other)
    if isinstance(one, Flow | Curve):
        return _with_kept(reading, node, kind, one, _as_kept(other, kind))
    if kind == "div":
        raise NoLayer("no layer divides by what flows")
    if kind == "sub":
        return _with_kept(reading, node, "add", Flow(*_negated(reading, node, other)), _as_kept(one, kind))
    return _with_kept(reading, node, kind, other, _as_kept(one, kind))


def _negated(reading: Reading, node: fx.Node, value: Value) -> tuple[int, Axes]:
    flow = reading.flow(value)
    return reading.add(node, Scale(-1.0), flow.step).step, flow.axes


def _times(reading: Reading, node: fx.Node, value: Value, factor: float) -> Value:
    if isinstance(value, Kept):
        return Kept(value.value * factor, origins=(value,))
    if isinstance(value, Flow | Curve):
        flow = reading.flow(value)
        return Flow(reading.add(node, Scale(factor), flow.step).step, flow.axes)
    return value * factor


def _as_kept(value: Value, kind: str) -> Kept:
    import torch

    kept = value if isinstance(value, Kept) else Kept(torch.tensor(float(value), dtype=torch.float64))
    if kind == "div":
        return Kept(1 / kept.value, origins=(kept,))
    return Kept(-kept.value, origins=(kept,)) if kind == "sub" else kept


def _with_kept(reading: Reading, node: fx.Node, kind: str, value: Value, kept: Kept) -> Flow:
    """A sum or product with a kept tensor of one number, or of one for each channel."""
    if kind not in ("add", "sub", "mul", "div"):
        raise NoLayer(f"no layer computes `{kind}` with a kept tensor")
    flow = reading.flow(value)
    shape, channels = reading.shape(flow), _per_channel(flow, kept, reading.shape(flow)[0])
    if kind in ("mul", "div"):
        if kept.value.numel() == 1:
            op = Scale(learned=True, init=_start(kept), per="tensor") if kept.learned else Scale(float(kept.value))
            tensors = {"weight": reshaped(kept, (1,))} if kept.learned else {}
        elif channels is not None:
            op, tensors = Scale(learned=True, init=_start(kept)), {"weight": channels}
        else:
            raise NoLayer(f"no layer multiplies by a kept tensor of {_sizes(kept)}")
        return Flow(reading.add(node, op, flow.step, tensors=tensors).step, flow.axes)
    if not kept.value.any() and not kept.learned:
        return flow
    if channels is None and kept.value.numel() == 1:
        channels = Kept(kept.value.reshape(1).repeat(shape[0]), origins=(kept,))
    if channels is None or len(shape) != 3:
        raise NoLayer(f"no layer adds a kept tensor of {_sizes(kept)}")
    return Flow(_shifted(reading, node, flow.step, channels), flow.axes)


def _shifted(reading: Reading, node: fx.Node, step: int, shift: Kept) -> int:
    """A number added to each channel: what a 1x1 depthwise convolution by ones does, or one by the factors before."""
    before = reading.draft.steps[step]
    count = reading.draft.shape(step)[0]
    if isinstance(before.op, Scale) and before.op.learned and before.op.per == "channel":
        weight, source = before.tensors["weight"], before.inputs[0]
    else:
        weight, source = Kept(shift.value.new_ones(count)), step
    tensors = {"weight": reshaped(weight, (count, 1, 1, 1)), "bias": reshaped(shift, (count,))}
    return reading.add(node, Depthwise((1, 1), bias=True), source, tensors=tensors).step


def _per_channel(flow: Flow, kept: Kept, channels: int) -> Kept | None:
    """A kept tensor as a list of numbers for the channels, if it lies so beside what flows."""
    shape = (1,) * (len(flow.axes) - len(kept.shape)) + kept.shape
    long = [axis for axis, size in enumerate(shape) if size > 1]
    if len(long) == 1 and len(shape) == len(flow.axes):
        (digit, *more) = flow.axes[long[0]]
        if not more and (digit.axis, digit.inner, digit.size) == (CHANNEL, 1, channels) and shape[long[0]] == channels:
            return reshaped(kept, (channels,))
    return None


def _start(kept: Kept) -> float:
    """At what a learned scale starts: what all of its numbers are, if somebody may have written that, else 1."""
    first = float(kept.value.flatten()[0])
    written = float(f"{first:.{WRITTEN}g}")
    return written if bool((kept.value == first).all()) and abs(written - first) <= ROUNDING * abs(first) else 1.0


def _sizes(kept: Kept) -> str:
    return " x ".join(map(str, kept.shape)) or "1"


# --- two tensors that flow


def _merge(reading: Reading, node: fx.Node, kind: str, one: Value, other: Value) -> Flow:
    if kind == "div":
        raise NoLayer("no layer divides by what flows")
    if kind == "mul":
        for gate, image in ((one, other), (other, one)):
            line = _line(gate)
            if line is not None and line[2]:
                return _by_line(reading, node, image, *line)
    first, second = reading.flow(one), reading.flow(other)
    count = max(len(first.axes), len(second.axes))
    first, second = (Flow(each.step, ((),) * (count - len(each.axes)) + each.axes) for each in (first, second))
    return merged(reading, node, MERGES[kind](), first, second)


def _line(value: Value) -> tuple[Flow | Curve, float, float] | None:
    """What a value is a multiple of, but for a number added to it; the factor and the summand."""
    if isinstance(value, Curve):
        for root, points in value.roots.items():
            found = affine(points)
            if found is not None:
                return root, *found
    return None


def _straight(reading: Reading, node: fx.Node, value: Value, factor: float, summand: float) -> Flow:
    """`factor * x + summand`, which a 1x1 depthwise convolution says."""
    import torch

    flow = reading.flow(value)
    channels = reading.shape(flow)[0]
    if len(reading.shape(flow)) != 3:
        raise NoLayer("no layer adds a number to a vector")
    kept = {"weight": (factor, (channels, 1, 1, 1)), "bias": (summand, (channels,))}
    tensors = {name: Kept(torch.full(shape, number, dtype=torch.float64)) for name, (number, shape) in kept.items()}
    return Flow(reading.add(node, Depthwise((1, 1), bias=True), flow.step, tensors=tensors).step, flow.axes)


def _by_line(reading: Reading, node: fx.Node, image: Value, gate: Value, factor: float, summand: float) -> Flow:
    """`x * (1 - g)`, which is `x - x * g`."""
    product = _merge(reading, node, "mul", image, gate)
    whole = reading.flow(image) if summand == 1 else _times(reading, node, image, summand)
    if factor == -1:
        return _merge(reading, node, "sub", whole, product)
    return _merge(reading, node, "add", whole, product if factor == 1 else _times(reading, node, product, factor))


def merged(reading: Reading, node: fx.Node, op: Op, one: Flow, other: Flow) -> Flow:
    """Two tensors as one, each value with that at its place; what has size 1 along an axis counts for all of it."""
    first, second = lying.unrepeated(one.axes), lying.unrepeated(other.axes)
    axes = tuple(a or b for a, b in zip(first, second, strict=True))
    fits = all(group in (whole, ()) for group, whole in zip((*first, *second), (*axes, *axes), strict=True))
    shapes = reading.shape(one), reading.shape(other)
    if not fits or not _same_base(shapes[0], shapes[1]):
        count = len(one.axes)
        steps = [reading.step(each, count) for each in (one, other)]
        return _of(reading, node, op, *steps)
    result = _of(reading, node, op, *_alike(reading, one.step, other.step))
    return Flow(result.step, tuple(both or a or b for both, a, b in zip(axes, one.axes, other.axes, strict=True)))


def _same_base(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether axes of the one are those of the other, a vector's of an image's channels among them."""
    return all(1 in (a, b) or a == b for a, b in zip(one, other, strict=False))


def _alike(reading: Reading, *steps: int) -> tuple[int, ...]:
    """Vectors beside images are images of one pixel."""
    if len({len(reading.draft.shape(step)) for step in steps}) == 1:
        return steps
    return tuple(
        reading.draft.add(Pixel(), (step,), reading.draft.steps[step].place)
        if len(reading.draft.shape(step)) == 1
        else step
        for step in steps
    )


def _of(reading: Reading, node: fx.Node, op: Op, *steps: int) -> Flow:
    if not isinstance(op, Mul):
        steps = _grown(reading, node, *steps)
    return reading.add(node, op, *steps)


def _grown(reading: Reading, node: fx.Node, *steps: int) -> tuple[int, ...]:
    """Maps of one pixel, or of one row or column, as large as the others."""
    shapes = [reading.draft.shape(step) for step in steps]
    if len({len(shape) for shape in shapes}) > 1 or len(shapes[0]) != 3:
        return steps
    size = (max(shape[1] for shape in shapes), max(shape[2] for shape in shapes))
    return tuple(
        step
        if shape[1:] == size
        else reading.add(node, Upsample((size[0] // shape[1], size[1] // shape[2])), step).step
        for step, shape in zip(steps, shapes, strict=True)
    )
