"""The network's input, as the first node of its graph."""

from __future__ import annotations

from typing import ClassVar

from cnndsl.ops.arguments import Kind, argument
from cnndsl.ops.base import LayerError, Op, Shape, show_shape
from cnndsl.records import dataclass


def is_shape(numbers: Shape) -> bool:
    """Whether these can be the sizes of a tensor's axes."""
    return len(numbers) in (1, 3) and min(numbers) > 0


@dataclass(frozen=True)
class Input(Op):
    """What goes in: an image (channels x height x width) or a vector (features), for each sample of a batch.

    It is written with the keyword `input`, and PyTorch spells it as the argument of `forward`.
    """

    word: ClassVar[str] = "input"
    arity: ClassVar[int | None] = 0

    shape: Shape = argument(Kind())

    def __post_init__(self) -> None:
        if len(self.shape) not in (1, 3):
            raise LayerError(
                "E201",
                f"an input has 1 or 3 axes, not {len(self.shape)}",
                argument="shape",
                help="say `input 3 x 224 x 224` (channels x height x width), or `input 784` (features)",
            )
        if min(self.shape) < 1:
            raise LayerError("E308", f"an input of {show_shape(self.shape)} holds nothing", argument="shape")

    def output(self, *inputs: Shape) -> Shape:
        return self.shape

    def __str__(self) -> str:
        return f"input {show_shape(self.shape)}"
