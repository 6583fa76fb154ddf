"""Multiplication by one number, or by a learned one per channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cnndsl.ops.arguments import Number, argument, boolean, number
from cnndsl.ops.base import LayerError, Op, Shape, TorchExpression, TorchModule, register

LEARNED_SCALE = '''\
class LearnedScale(nn.Module):
    """Multiplies by a learned weight per channel that starts at `init` (the layer scale of Touvron et al. 2021)."""

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
    `init`: the layer scale of CaiT (Touvron et al. 2021) and ConvNeXt (Liu et al. 2022).
    """

    word: ClassVar[str] = "scale"
    examples: ClassVar[tuple[str, ...]] = (
        "4 x 5 x 3 -> scale 0.17",
        "4 x 5 x 3 -> scale learned=true, init=1e-6",
        "7 -> scale learned=true",
    )

    factor: float | None = argument(Number(), None, shown="none, if learned")
    learned: bool = boolean(False)
    init: float = number(1.0, keyword=True)

    def __post_init__(self) -> None:
        if self.factor is None and not self.learned:
            raise LayerError(
                "E305",
                "`scale` needs a number",
                argument="factor",
                help="as in `scale 0.17`, or `learned=true` for a learned one per channel",
            )
        if self.factor is not None and self.learned:
            raise LayerError(
                "E308",
                "a learned scale has no fixed number",
                argument="factor",
                help=f"`scale learned=true, init={self.factor}` starts there",
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

    def parameters(self, *inputs: Shape) -> dict[str, Shape]:
        return {"weight": (inputs[0][0],)} if self.learned else {}

    def torch(self, *inputs: Shape) -> TorchModule | TorchExpression:
        if self.learned:
            return TorchModule("LearnedScale", (inputs[0][0], self.init), source=LEARNED_SCALE)
        return TorchExpression("{0} * {factor}", {"factor": self.factor})
