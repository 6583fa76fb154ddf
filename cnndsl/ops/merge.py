"""Merges: layers that make one tensor of two or more branches."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from cnndsl.ops.base import LayerError, Op, Shape, TorchExpression, register, show_shape
from cnndsl.ops.bounds import ANY, POSITIVE, Bounds
from cnndsl.ops.kept import INPUTS, NOTHING, Kept, floats


class Merge(Op):
    """A layer of two or more inputs, none of which is special."""

    arity: ClassVar[int | None] = None

    def keeps(self, *inputs: Shape) -> Kept:
        return NOTHING


def mismatch(word: str, needs: str, usual: Shape, odd: Shape, index: int, help: str | None = None) -> LayerError:
    """Input `index`, of shape `odd`, does not go with the others, of shape `usual`."""
    message = f"`{word}` needs {needs}: {show_shape(usual)} and {show_shape(odd)}"
    return LayerError("E203", message, input=index, help=help)


@register
class Concat(Merge):
    """Stacks the channels of its branches, in their order. Images must agree in height and width."""

    word: ClassVar[str] = "concat"
    picks: ClassVar[bool] = True
    examples: ClassVar[tuple[str, ...]] = (
        "4 x 5 x 3 -> concat { | conv 1x1, 2 | identity }",
        "7 -> concat { | linear 2 | identity | linear 3 }",
    )

    def output(self, *inputs: Shape) -> Shape:
        usual = Counter(shape[1:] for shape in inputs).most_common(1)[0][0]
        first = next(shape for shape in inputs if shape[1:] == usual)
        for index, shape in enumerate(inputs):
            if shape[1:] != usual:
                raise mismatch(self.word, "images of equal height and width", first, shape, index)
        return (sum(shape[0] for shape in inputs), *usual)

    def torch(self, *inputs: Shape) -> TorchExpression:
        return TorchExpression(f"torch.cat([{', '.join(_names(inputs))}], dim=1)")


def equal_shape(word: str, inputs: tuple[Shape, ...]) -> Shape:
    """The shape that all inputs have; E203 for the first that differs from most of them."""
    usual = Counter(inputs).most_common(1)[0][0]
    for index, shape in enumerate(inputs):
        if shape != usual:
            raise mismatch(word, "equal shapes", usual, shape, index)
    return usual


@register
class Add(Merge):
    """The sum of its branches, which must have the same shape."""

    word: ClassVar[str] = "add"
    examples: ClassVar[tuple[str, ...]] = (
        "4 x 5 x 3 -> add { | conv 3x3, 4 | identity }",
        "4 x 5 x 3 -> add { | conv 1x1, 2 | conv 3x3, 2 | conv 1x3, 2 }",
    )

    def output(self, *inputs: Shape) -> Shape:
        return equal_shape(self.word, inputs)

    def bounds(self, *inputs: Bounds) -> Bounds:
        return sum(low for low, _ in inputs), sum(high for _, high in inputs)

    @property
    def keeps_shift(self) -> bool:
        return True

    def torch(self, *inputs: Shape) -> TorchExpression:
        return TorchExpression(" + ".join(_names(inputs)))


@register
class Mean(Merge):
    """The mean of its branches, which must have the same shape."""

    word: ClassVar[str] = "mean"
    picks: ClassVar[bool] = True
    examples: ClassVar[tuple[str, ...]] = ("4 x 5 x 3 -> mean { | conv 3x3, 4 | identity | tanh }",)

    def output(self, *inputs: Shape) -> Shape:
        return equal_shape(self.word, inputs)

    def torch(self, *inputs: Shape) -> TorchExpression:
        return TorchExpression(f"({' + '.join(_names(inputs))}) / {len(inputs)}")


@register
class Max(Merge):
    """The largest value among its branches, which must have the same shape: maxout, Goodfellow et al. 2013."""

    word: ClassVar[str] = "max"
    examples: ClassVar[tuple[str, ...]] = (
        "4 x 5 x 3 -> max { | conv 3x3, 4 | identity }",
        "7 -> max { | linear 2 | linear 2 | linear 2 }",
    )

    def output(self, *inputs: Shape) -> Shape:
        return equal_shape(self.word, inputs)

    def bounds(self, *inputs: Bounds) -> Bounds:
        return max(low for low, _ in inputs), max(high for _, high in inputs)

    def keeps(self, *inputs: Shape) -> Kept:
        return Kept(inputs=True, besides=(len(inputs) - 2) * floats(inputs[0]))

    def torch(self, *inputs: Shape) -> TorchExpression:
        first, *others = _names(inputs)
        template = first
        for other in others:
            template = f"torch.maximum({template}, {other})"
        return TorchExpression(template)


@register
class Sub(Merge):
    """Its first branch less the others, which must have the same shape."""

    word: ClassVar[str] = "sub"
    examples: ClassVar[tuple[str, ...]] = (
        "4 x 5 x 3 -> sub { | identity | conv 3x3, 4 }",
        "7 -> sub { | linear 2 | linear 2 | linear 2 }",
    )

    def output(self, *inputs: Shape) -> Shape:
        return equal_shape(self.word, inputs)

    @property
    def keeps_shift(self) -> bool:
        return True

    def torch(self, *inputs: Shape) -> TorchExpression:
        return TorchExpression(" - ".join(_names(inputs)))


@register
class Mul(Merge):
    """The product of its branches, which have the same shape but for gates.

    A gate has size 1 along some axes and counts for all positions there: C x 1 x 1 weighs channels
    (squeeze-and-excitation, Hu et al. 2017), 1 x H x W weighs pixels (spatial attention, Woo et al. 2018).
    """

    word: ClassVar[str] = "mul"
    examples: ClassVar[tuple[str, ...]] = (
        "4 x 5 x 3 -> mul { | identity | global_avgpool -> conv 1x1, 4 -> sigmoid }",
        "4 x 5 x 3 -> mul { | conv 3x3, 1 -> sigmoid | identity }",
        "7 -> mul { | linear 7 -> sigmoid | identity }",
    )

    def output(self, *inputs: Shape) -> Shape:
        order = sorted(range(len(inputs)), key=lambda index: sum(n > 1 for n in inputs[index]), reverse=True)
        product = inputs[order[0]]
        for index in order[1:]:
            wider = _broadcast(product, inputs[index])
            if wider is None:
                flat = len(inputs[index]) < len(product)
                help = "an image's gate is an image: `conv 1x1` in place of `flatten` and `linear`" if flat else None
                raise mismatch(self.word, "equal shapes or a gate", product, inputs[index], index, help)
            product = wider
        return product

    def bounds(self, *inputs: Bounds) -> Bounds:
        return POSITIVE if all(low >= 0 for low, _ in inputs) else ANY

    def keeps(self, *inputs: Shape) -> Kept:
        return INPUTS

    def torch(self, *inputs: Shape) -> TorchExpression:
        return TorchExpression(" * ".join(_names(inputs)))


def _broadcast(one: Shape, other: Shape) -> Shape | None:
    """The common shape of two that agree on every axis where neither is 1; None if they do not."""
    if len(one) != len(other) or any(a != b and 1 not in (a, b) for a, b in zip(one, other, strict=True)):
        return None
    return tuple(max(a, b) for a, b in zip(one, other, strict=True))


def _names(inputs: tuple[Shape, ...]) -> list[str]:
    return [f"{{{index}}}" for index in range(len(inputs))]
