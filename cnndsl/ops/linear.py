"""The fully connected layer."""

from __future__ import annotations

from typing import ClassVar

from cnndsl.ops.arguments import boolean, integer
from cnndsl.ops.base import LayerError, Op, Shape, TorchModule, register, show_shape
from cnndsl.ops.window import WHOLE, Window
from cnndsl.records import dataclass


@register
@dataclass(frozen=True)
class Linear(Op):
    """Fully connected layer: every output feature is a weighted sum of all inputs.

    It takes a vector, or an image of one pixel (what a global pool leaves) as the vector of its channels. A larger
    image goes through `flatten` or a pool first. Like a `conv`, it has no bias when its output goes to a `bn` alone.
    """

    word: ClassVar[str] = "linear"
    weighted: ClassVar[bool] = True
    examples: ClassVar[tuple[str, ...]] = (
        "12 -> linear 10",
        "12 x 1 x 1 -> linear 5, bias=false",
    )

    features: int = integer()
    bias: bool | None = boolean(None, shown="false before bn, else true")

    def output(self, *inputs: Shape) -> Shape:
        if len(inputs[0]) > 1 and inputs[0][1:] != (1, 1):
            raise LayerError(
                "E201",
                f"`linear` needs a vector, not an image of {show_shape(inputs[0])}",
                help="put `flatten` or `global_avgpool` before it",
            )
        return (self.features,)

    def parameters(self, *inputs: Shape) -> dict[str, Shape]:
        weight: dict[str, Shape] = {"weight": (self.features, inputs[0][0])}
        return weight if self.bias is False else weight | {"bias": (self.features,)}

    def macs(self, *inputs: Shape) -> int:
        return inputs[0][0] * self.features

    def window(self, *inputs: Shape) -> Window:
        return WHOLE

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule(
            "nn.Linear",
            (inputs[0][0], self.features),
            {"bias": (self.bias is not False, True)},
            inputs="{0}" if len(inputs[0]) == 1 else "torch.flatten({0}, 1)",
        )
