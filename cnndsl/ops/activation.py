"""Activations: pointwise functions, each in PyTorch (as a module and as a function) and in Triton; and softmax.

The expressions let NaN through as PyTorch does (`tl.maximum` would not), and use of Triton only `tl.where`, `tl.exp`,
`tl.erf`, and of `libdevice` `tanh`, `expm1` and `log1p`.
"""

from __future__ import annotations

import math
from typing import ClassVar

from cnndsl.ops.arguments import choice, number
from cnndsl.ops.base import Op, Shape, TorchExpression, TorchModule, register
from cnndsl.ops.bounds import ANY, POSITIVE, Bounds
from cnndsl.ops.kept import NOTHING, OUTPUT, Kept, Shares, floats
from cnndsl.ops.window import Window
from cnndsl.records import dataclass


class Pointwise(Op):
    """A function of one element at a time: the shape stays."""

    pointwise: ClassVar[bool] = True

    def output(self, *inputs: Shape) -> Shape:
        return inputs[0]


def _clipped(bounds: Bounds, to: Bounds) -> Bounds:
    low, high = (min(max(end, to[0]), to[1]) for end in bounds)
    return low, high


@register
class Identity(Pointwise):
    """Passes its input on; the plain branch of a merge."""

    word: ClassVar[str] = "identity"
    shares: ClassVar[Shares] = "always"
    triton: ClassVar[str] = "x"
    picks: ClassVar[bool] = True
    examples: ClassVar[tuple[str, ...]] = ("4 x 5 x 5 -> identity", "7 -> identity")

    def keeps(self, *inputs: Shape) -> Kept:
        return NOTHING

    def torch(self, *inputs: Shape) -> TorchExpression:
        return TorchExpression("{0}")


@register
class Relu(Pointwise):
    """max(x, 0). Nair and Hinton 2010."""

    word: ClassVar[str] = "relu"
    triton: ClassVar[str] = "tl.where(x < 0.0, 0.0, x)"
    function: ClassVar[tuple[object, ...]] = ("relu",)
    passes: ClassVar[Bounds] = POSITIVE
    examples: ClassVar[tuple[str, ...]] = ("4 x 5 x 5 -> relu", "7 -> relu")

    def bounds(self, *inputs: Bounds) -> Bounds:
        return _clipped(inputs[0], POSITIVE)

    def keeps(self, *inputs: Shape) -> Kept:
        return OUTPUT

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.ReLU")


@register
class Relu6(Pointwise):
    """min(max(x, 0), 6), which suits low precision. Krizhevsky 2010; MobileNet, Howard et al. 2017."""

    word: ClassVar[str] = "relu6"
    triton: ClassVar[str] = "tl.where(x < 0.0, 0.0, tl.where(x > 6.0, 6.0, x))"
    function: ClassVar[tuple[object, ...]] = ("relu6",)
    passes: ClassVar[Bounds] = (0.0, 6.0)
    examples: ClassVar[tuple[str, ...]] = ("4 x 5 x 5 -> relu6",)

    def bounds(self, *inputs: Bounds) -> Bounds:
        return _clipped(inputs[0], self.passes)

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.ReLU6")


@register
class SquaredRelu(Pointwise):
    """max(x, 0) squared. Primer, So et al. 2021."""

    word: ClassVar[str] = "squared_relu"
    triton: ClassVar[str] = "tl.where(x < 0.0, 0.0, x * x)"
    function: ClassVar[tuple[object, ...]] = ("squared_relu",)
    examples: ClassVar[tuple[str, ...]] = ("4 x 5 x 5 -> squared_relu",)

    def bounds(self, *inputs: Bounds) -> Bounds:
        return POSITIVE

    def keeps(self, *inputs: Shape) -> Kept:
        return Kept(besides=floats(*inputs))

    def torch(self, *inputs: Shape) -> TorchExpression:
        return TorchExpression("F.relu({0}).square()")


@register
@dataclass(frozen=True)
class LeakyRelu(Pointwise):
    """x where x > 0, else `slope` times x. Maas et al. 2013."""

    word: ClassVar[str] = "leaky_relu"
    triton: ClassVar[str] = "tl.where(x > 0.0, x, x * {slope})"
    passes: ClassVar[Bounds] = POSITIVE
    examples: ClassVar[tuple[str, ...]] = ("4 x 5 x 5 -> leaky_relu", "4 x 5 x 5 -> leaky_relu 0.1")

    slope: float = number(0.01)

    @property
    def function(self) -> tuple[object, ...]:  # type: ignore[override]
        return ("leaky_relu", self.slope)

    def bounds(self, *inputs: Bounds) -> Bounds:
        return inputs[0] if inputs[0][0] >= 0 else ANY

    def does_nothing(self, *inputs: Shape) -> bool:
        return self.slope == 1

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.LeakyReLU", kwargs={"negative_slope": (self.slope, 0.01)})


@register
@dataclass(frozen=True)
class Prelu(Op):
    """x where x > 0, else x times a learned slope per channel that starts at `init`. He et al. 2015."""

    word: ClassVar[str] = "prelu"
    passes: ClassVar[Bounds] = POSITIVE
    examples: ClassVar[tuple[str, ...]] = ("4 x 5 x 5 -> prelu", "7 -> prelu 0.1")

    init: float = number(0.25)

    def output(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def parameters(self, *inputs: Shape) -> dict[str, Shape]:
        return {"weight": (inputs[0][0],)}

    def bounds(self, *inputs: Bounds) -> Bounds:
        return inputs[0] if inputs[0][0] >= 0 else ANY

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.PReLU", (inputs[0][0],), {"init": (self.init, 0.25)})


@register
@dataclass(frozen=True)
class Elu(Pointwise):
    """x where x > 0, else alpha * (exp(x) - 1). Clevert et al. 2016."""

    word: ClassVar[str] = "elu"
    triton: ClassVar[str] = "tl.where(x > 0.0, x, {alpha} * libdevice.expm1(x))"
    passes: ClassVar[Bounds] = POSITIVE
    examples: ClassVar[tuple[str, ...]] = ("4 x 5 x 5 -> elu", "4 x 5 x 5 -> elu 0.5")

    alpha: float = number(1.0)

    @property
    def function(self) -> tuple[object, ...]:  # type: ignore[override]
        return ("elu", self.alpha)

    def bounds(self, *inputs: Bounds) -> Bounds:
        return inputs[0] if inputs[0][0] >= 0 else ANY

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.ELU", kwargs={"alpha": (self.alpha, 1.0)})


@register
class Selu(Pointwise):
    """An `elu` whose two constants keep mean and variance from layer to layer. Klambauer et al. 2017."""

    word: ClassVar[str] = "selu"
    triton: ClassVar[str] = "tl.where(x > 0.0, 1.0507009873554805 * x, 1.7580993408473766 * libdevice.expm1(x))"
    function: ClassVar[tuple[object, ...]] = ("selu",)
    examples: ClassVar[tuple[str, ...]] = ("4 x 5 x 5 -> selu",)

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.SELU")


@register
@dataclass(frozen=True)
class Softplus(Pointwise):
    """log(1 + exp(beta * x)) / beta, a smooth `relu`. Dugas et al. 2001.

    Where beta * x is above `threshold` it is x itself, as the difference is lost to rounding.
    """

    word: ClassVar[str] = "softplus"
    triton: ClassVar[str] = "tl.where(x * {beta} > {threshold}, x, libdevice.log1p(tl.exp(x * {beta})) / {beta})"
    examples: ClassVar[tuple[str, ...]] = ("4 x 5 x 5 -> softplus", "4 x 5 x 5 -> softplus 2, threshold=10")

    beta: float = number(1.0, minimum=0.0, above=True)
    threshold: float = number(20.0, keyword=True)

    @property
    def function(self) -> tuple[object, ...]:  # type: ignore[override]
        return ("softplus", self.beta, self.threshold)

    def bounds(self, *inputs: Bounds) -> Bounds:
        return POSITIVE

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.Softplus", kwargs={"beta": (self.beta, 1.0), "threshold": (self.threshold, 20.0)})


@register
@dataclass(frozen=True)
class Gelu(Pointwise):
    """x times the probability that a standard normal value is below x. Hendrycks and Gimpel 2016.

    `approximate=tanh` replaces the error function by the paper's tanh formula.
    """

    word: ClassVar[str] = "gelu"
    examples: ClassVar[tuple[str, ...]] = ("4 x 5 x 5 -> gelu", "4 x 5 x 5 -> gelu approximate=tanh")

    approximate: str = choice("none", "tanh", default="none")

    @property
    def triton(self) -> str:  # type: ignore[override]
        if self.approximate == "none":
            return "0.5 * x * (1.0 + tl.erf(x * 0.7071067811865476))"
        return "0.5 * x * (1.0 + libdevice.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))"

    @property
    def function(self) -> tuple[object, ...]:  # type: ignore[override]
        return ("gelu", self.approximate)

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.GELU", kwargs={"approximate": (self.approximate, "none")})


@register
class Silu(Pointwise):
    """x * sigmoid(x), also called swish. Elfwing et al. 2017; Ramachandran et al. 2017."""

    word: ClassVar[str] = "silu"
    triton: ClassVar[str] = "x / (1.0 + tl.exp(-x))"
    function: ClassVar[tuple[object, ...]] = ("silu",)
    examples: ClassVar[tuple[str, ...]] = ("4 x 5 x 5 -> silu",)

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.SiLU")


@register
class Mish(Pointwise):
    """x * tanh(log(1 + exp(x))). Misra 2019; YOLOv4, Bochkovskiy et al. 2020.

    Of e = exp(x), the factor is e (e + 2) / (e (e + 2) + 2); above 20 it is 1 to rounding.
    """

    word: ClassVar[str] = "mish"
    triton: ClassVar[str] = (
        "tl.where(x > 20.0, x, x * (tl.exp(x) * (tl.exp(x) + 2.0)) / (tl.exp(x) * (tl.exp(x) + 2.0) + 2.0))"
    )
    function: ClassVar[tuple[object, ...]] = ("mish",)
    examples: ClassVar[tuple[str, ...]] = ("4 x 5 x 5 -> mish",)

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.Mish")


@register
class Hardswish(Pointwise):
    """x * min(max(x + 3, 0), 6) / 6, swish from straight pieces. MobileNetV3, Howard et al. 2019."""

    word: ClassVar[str] = "hardswish"
    triton: ClassVar[str] = "x * tl.where(x < -3.0, 0.0, tl.where(x > 3.0, 6.0, x + 3.0)) / 6.0"
    function: ClassVar[tuple[object, ...]] = ("hardswish",)
    examples: ClassVar[tuple[str, ...]] = ("4 x 5 x 5 -> hardswish",)

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.Hardswish")


@register
class Hardsigmoid(Pointwise):
    """min(max(x + 3, 0), 6) / 6, a sigmoid from straight pieces. MobileNetV3, Howard et al. 2019."""

    word: ClassVar[str] = "hardsigmoid"
    triton: ClassVar[str] = "tl.where(x < -3.0, 0.0, tl.where(x > 3.0, 1.0, (x + 3.0) / 6.0))"
    function: ClassVar[tuple[object, ...]] = ("hardsigmoid",)
    examples: ClassVar[tuple[str, ...]] = ("4 x 5 x 5 -> hardsigmoid",)

    def bounds(self, *inputs: Bounds) -> Bounds:
        return (0.0, 1.0)

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.Hardsigmoid")


@register
class Sigmoid(Pointwise):
    """1 / (1 + exp(-x)): between 0 and 1, as a gate needs it."""

    word: ClassVar[str] = "sigmoid"
    triton: ClassVar[str] = "1.0 / (1.0 + tl.exp(-x))"
    function: ClassVar[tuple[object, ...]] = ("sigmoid",)
    examples: ClassVar[tuple[str, ...]] = ("4 x 5 x 5 -> sigmoid",)

    def bounds(self, *inputs: Bounds) -> Bounds:
        return (0.0, 1.0)

    def keeps(self, *inputs: Shape) -> Kept:
        return OUTPUT

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.Sigmoid")


@register
class Tanh(Pointwise):
    """Hyperbolic tangent: between -1 and 1."""

    word: ClassVar[str] = "tanh"
    triton: ClassVar[str] = "libdevice.tanh(x)"
    function: ClassVar[tuple[object, ...]] = ("tanh",)
    examples: ClassVar[tuple[str, ...]] = ("4 x 5 x 5 -> tanh",)

    def bounds(self, *inputs: Bounds) -> Bounds:
        return (-1.0, 1.0)

    def keeps(self, *inputs: Shape) -> Kept:
        return OUTPUT

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.Tanh")


class _AcrossFeatures(Op):
    """A function of all channels of a pixel, or of all features of a vector: the shape stays."""

    def output(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def window(self, *inputs: Shape) -> Window:
        return Window(everywhere=len(inputs[0]) == 1)

    def keeps(self, *inputs: Shape) -> Kept:
        return OUTPUT


@register
class Softmax(_AcrossFeatures):
    """exp(x) over its sum across the channels (of each pixel) or the features of a vector: they then sum to 1.

    A classifier that trains with cross entropy on logits leaves it out, as the loss contains it.
    """

    word: ClassVar[str] = "softmax"
    examples: ClassVar[tuple[str, ...]] = ("7 -> softmax", "4 x 5 x 3 -> softmax")

    def bounds(self, *inputs: Bounds) -> Bounds:
        return (0.0, 1.0)

    def constant(self, *inputs: Shape) -> str:
        return "the softmax of one value is 1" if inputs[0][0] == 1 else ""

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.Softmax", kwargs={"dim": (1, None)})


@register
class LogSoftmax(_AcrossFeatures):
    """The logarithm of `softmax`, which networks end in that train with a negative log likelihood.

    Cross entropy on logits computes the same with the layer and without it.
    """

    word: ClassVar[str] = "log_softmax"
    examples: ClassVar[tuple[str, ...]] = ("7 -> log_softmax", "4 x 5 x 3 -> log_softmax")

    def bounds(self, *inputs: Bounds) -> Bounds:
        return (-math.inf, 0.0)

    def constant(self, *inputs: Shape) -> str:
        return "the logarithm of the softmax of one value is 0" if inputs[0][0] == 1 else ""

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.LogSoftmax", kwargs={"dim": (1, None)})
