"""Multiplication by one number, or by a learned one, per channel or for all; and sums weighted so."""

from __future__ import annotations

from typing import ClassVar

from cnndsl.ops.arguments import Number, argument, boolean, choice, number
from cnndsl.ops.base import LayerError, Op, Rewrite, Shape, TorchExpression, TorchModule, register
from cnndsl.ops.bounds import ANY, Bounds, scaled
from cnndsl.ops.kept import INPUTS, NOTHING, Kept
from cnndsl.ops.merge import Merge, equal_shape
from cnndsl.records import dataclass

LEARNED_SCALE = '''\
class LearnedScale(nn.Module):
    """Multiplies by a learned weight per channel, or by a single one, that starts at `init`."""

    def __init__(self, channels: int, init: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), init))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x.movedim(1, -1) * self.weight).movedim(-1, 1)
'''


@register
@dataclass(frozen=True)
class Scale(Op):
    """Multiplies by a number: `scale 0.17` damps a residual branch (Inception-v4, Szegedy et al. 2016, section 3.3).

    `scale learned=true, init=1e-6` multiplies every channel by a weight of its own that is learned and starts at
    `init`: the layer scale of CaiT (Touvron et al. 2021) and ConvNeXt (Liu et al. 2022). With `per=tensor` it is one
    weight for all: `scale learned=true, per=tensor, init=0` is that of ReZero (Bachlechner et al. 2020).
    """

    word: ClassVar[str] = "scale"
    examples: ClassVar[tuple[str, ...]] = (
        "4 x 5 x 3 -> scale 0.17",
        "4 x 5 x 3 -> scale learned=true, init=1e-6",
        "7 -> scale learned=true",
        "4 x 5 x 3 -> scale learned=true, per=tensor, init=0",
    )

    factor: float | None = argument(Number(), None, shown="none, if learned")
    learned: bool = boolean(False)
    init: float = number(1.0, keyword=True)
    per: str = choice("channel", "tensor", default="channel")

    def __post_init__(self) -> None:
        if self.factor is None and not self.learned:
            raise LayerError(
                "E305",
                "`scale` needs a number",
                argument="factor",
                help="as in `scale 0.17`, or `learned=true` for a learned one per channel",
            )
        if self.per != "channel" and not self.learned:
            raise LayerError(
                "E308",
                "a fixed number is the same for all channels",
                argument="per",
                rewrites=(
                    Rewrite("say `learned=true` too", {"learned": "true"}),
                    Rewrite("leave `per` out", {"per": None}),
                ),
            )
        if self.factor is not None and self.learned:
            raise LayerError(
                "E308",
                "a learned scale has no fixed number",
                argument="factor",
                rewrites=(Rewrite(f"`init={self.factor}` starts there", {"factor": None, "init": f"{self.factor}"}),),
            )

    @property
    def pointwise(self) -> bool:  # type: ignore[override]
        return not self.learned

    @property
    def triton(self) -> str | None:  # type: ignore[override]
        return None if self.learned else "x * {factor}"

    @property
    def function(self) -> tuple[object, ...] | None:  # type: ignore[override]
        return None if self.learned else ("scale", self.factor)

    def output(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def bounds(self, *inputs: Bounds) -> Bounds:
        return scaled(inputs[0], self.factor) if self.factor else ANY

    @property
    def keeps_shift(self) -> bool:
        return True

    def does_nothing(self, *inputs: Shape) -> bool:
        return self.factor == 1

    def constant(self, *inputs: Shape) -> str:
        return "0 times a number is 0" if self.factor == 0 else ""

    def parameters(self, *inputs: Shape) -> dict[str, Shape]:
        return {"weight": (self.weights(inputs[0]),)} if self.learned else {}

    def weights(self, shape: Shape) -> int:
        """How many are learned for an input of that shape."""
        return shape[0] if self.per == "channel" else 1

    def keeps(self, *inputs: Shape) -> Kept:
        return INPUTS if self.learned else NOTHING

    def torch(self, *inputs: Shape) -> TorchModule | TorchExpression:
        if self.learned:
            return TorchModule("LearnedScale", (self.weights(inputs[0]), self.init), source=LEARNED_SCALE)
        return TorchExpression("{0} * {factor}", {"factor": self.factor})


WEIGHTED_ADD = '''\
class WeightedAdd(nn.Module):
    """The sum of its inputs, each times a learned weight; `normalize` says how weights are made to sum to one."""

    def __init__(self, count: int, normalize: str = "none") -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(count))
        self.normalize = normalize

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        weight = self.weight
        if self.normalize == "fast":
            weight = F.relu(weight)
            weight = weight / (weight.sum() + 1e-4)
        elif self.normalize == "softmax":
            weight = weight.softmax(dim=0)
        return sum(x * weight[index] for index, x in enumerate(inputs))
'''


@register
@dataclass(frozen=True)
class WeightedAdd(Merge):
    """The sum of its branches, each times a learned number that starts at 1. They must have the same shape.

    `normalize=fast` divides the numbers, made positive by `relu`, by 0.0001 and their sum: the fast normalised fusion
    of BiFPN (Tan et al. 2020, section 3.3). `normalize=softmax` is its softmax-based fusion.
    """

    word: ClassVar[str] = "weighted_add"
    examples: ClassVar[tuple[str, ...]] = (
        "4 x 5 x 3 -> weighted_add { | conv 3x3, 4 | identity }",
        "4 x 5 x 3 -> weighted_add normalize=fast { | conv 3x3, 4 | identity | tanh }",
        "4 x 5 x 3 -> weighted_add normalize=softmax { | conv 3x3, 4 | identity }",
    )

    normalize: str = choice("none", "fast", "softmax", default="none")

    def output(self, *inputs: Shape) -> Shape:
        return equal_shape(self.word, inputs)

    @property
    def keeps_shift(self) -> bool:
        return True

    def parameters(self, *inputs: Shape) -> dict[str, Shape]:
        return {"weight": (len(inputs),)}

    def keeps(self, *inputs: Shape) -> Kept:
        return INPUTS

    def torch(self, *inputs: Shape) -> TorchModule:
        given = ", ".join(f"{{{index}}}" for index in range(len(inputs)))
        kwargs: dict[str, tuple[object, object]] = {"normalize": (self.normalize, "none")}
        return TorchModule("WeightedAdd", (len(inputs),), kwargs, given, WEIGHTED_ADD)
