"""Layers that drop something at random in training and pass their input on in inference."""

from __future__ import annotations

from typing import ClassVar

from cnndsl.ops.arguments import choice, probability
from cnndsl.ops.base import Op, Shape, TorchModule, register
from cnndsl.ops.bounds import Bounds, hull, scaled
from cnndsl.ops.images import expect_image
from cnndsl.ops.kept import NOTHING, Kept, Shares, floats
from cnndsl.records import dataclass


class Dropping(Op):
    """What drops values with probability `p` in training, and scales those that stay."""

    p: float

    @property
    def shares(self) -> Shares:  # type: ignore[override]
        return "inference" if self.p else "always"

    def output(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def bounds(self, *inputs: Bounds) -> Bounds:
        return hull(inputs[0], (0.0, 0.0), scaled(inputs[0], 1 / (1 - self.p))) if self.p else inputs[0]

    def does_nothing(self, *inputs: Shape) -> bool:
        return self.p == 0


@register
@dataclass(frozen=True)
class Dropout(Dropping):
    """In training sets values to zero with probability `p` and scales the others by 1 / (1 - p).

    `mode=element` draws for every value (Hinton et al. 2012), `mode=channel` for whole channels of an image
    (Tompson et al. 2015).
    """

    word: ClassVar[str] = "dropout"
    examples: ClassVar[tuple[str, ...]] = ("7 -> dropout", "4 x 5 x 5 -> dropout 0.2, mode=channel")

    p: float = probability(0.5)
    mode: str = choice("element", "channel", default="element")

    def output(self, *inputs: Shape) -> Shape:
        if self.mode == "channel":
            expect_image("dropout mode=channel", inputs[0])
        return inputs[0]

    @property
    def keeps_shift(self) -> bool:
        return True

    def keeps(self, *inputs: Shape) -> Kept:
        drawn = inputs[0][:1] if self.mode == "channel" else inputs[0]
        return Kept(besides=floats(drawn)) if self.p else NOTHING

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.Dropout2d" if self.mode == "channel" else "nn.Dropout", kwargs={"p": (self.p, 0.5)})


DROP_PATH = '''\
class DropPath(nn.Module):
    """Stochastic depth (Huang et al. 2016): drops its whole input with probability `p`, in training.

    `mode` "row" draws for every sample of the batch, "batch" once. What stays is scaled by 1 / (1 - p).
    """

    def __init__(self, p: float, mode: str = "row") -> None:
        super().__init__()
        self.p, self.mode = p, mode

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        # feature_dropout draws once for every index of the first two axes
        if self.mode == "row":
            return torch.feature_dropout(x[None], self.p, True)[0]
        return torch.feature_dropout(x[None, None], self.p, True)[0, 0]
'''


@register
@dataclass(frozen=True)
class DropPath(Dropping):
    """Stochastic depth: in training drops its whole input with probability `p`. Huang et al. 2016.

    As the last layer of a `residual` body it drops the body and leaves the shortcut. `mode=row` draws for every
    sample, `mode=batch` once for the whole batch, as the paper does. What stays is scaled by 1 / (1 - p), so that
    inference needs no scaling.
    """

    word: ClassVar[str] = "drop_path"
    examples: ClassVar[tuple[str, ...]] = ("4 x 5 x 5 -> drop_path 0.2", '7 -> drop_path 0.5, mode="batch"')

    p: float = probability()
    mode: str = choice("row", "batch", default="row")

    def keeps(self, *inputs: Shape) -> Kept:
        return Kept(besides=floats(())) if self.p else NOTHING

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("DropPath", (self.p,), {"mode": (self.mode, "row")}, source=DROP_PATH)
