"""Layers that look along the channels of each pixel."""

from __future__ import annotations

from math import prod
from typing import ClassVar

from cnndsl.ops.arguments import boolean, integer
from cnndsl.ops.base import LayerError, Op, Rewrite, Shape, TorchExpression, TorchModule, register
from cnndsl.ops.bounds import Bounds
from cnndsl.ops.images import expect_image
from cnndsl.ops.kept import NOTHING, Kept
from cnndsl.ops.window import Window
from cnndsl.records import dataclass

CHANNEL_CONV = '''\
class ChannelConv(nn.Conv1d):
    """A 1-d convolution along the channels of each pixel: one filter for all of them (ECA, Wang et al. 2020)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pixels = x.movedim(1, -1)
        return super().forward(pixels.reshape(-1, 1, x.shape[1])).reshape(pixels.shape).movedim(-1, 1)
'''


@register
@dataclass(frozen=True)
class ChannelConv(Op):
    """1-d convolution along the channels, of each pixel by itself: one filter of `kernel` weights for all channels.

    Behind `global_avgpool` it is the gate of ECA-Net (Wang et al. 2020), where each channel asks its neighbours. The
    kernel is odd; channels beyond the ends count as zero.
    """

    word: ClassVar[str] = "channel_conv"
    weighted: ClassVar[bool] = True
    examples: ClassVar[tuple[str, ...]] = (
        "8 x 1 x 1 -> channel_conv 3, bias=false",
        "8 x 4 x 3 -> channel_conv 5",
    )

    kernel: int = integer()
    bias: bool | None = boolean(None, shown="false before bn, else true")

    def __post_init__(self) -> None:
        if self.kernel % 2 == 0:
            raise LayerError(
                "E314",
                f"an even kernel of {self.kernel} has no half padding",
                argument="kernel",
                rewrites=tuple(Rewrite(f"say {k}", {"kernel": str(k)}) for k in (self.kernel - 1, self.kernel + 1)),
            )

    def output(self, *inputs: Shape) -> Shape:
        expect_image(self.word, inputs[0])
        return inputs[0]

    def parameters(self, *inputs: Shape) -> dict[str, Shape]:
        weight: dict[str, Shape] = {"weight": (1, 1, self.kernel)}
        return weight if self.bias is False else weight | {"bias": (1,)}

    def macs(self, *inputs: Shape) -> int:
        return prod(inputs[0]) * self.kernel

    def window(self, *inputs: Shape) -> Window:
        return Window(channels="some")

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule(
            "ChannelConv",
            (1, 1, self.kernel),
            {"padding": (self.kernel // 2, 0), "bias": (self.bias is not False, True)},
            source=CHANNEL_CONV,
        )


class ChannelPool(Op):
    """A pool over the channels of each pixel: one map is left."""

    def bounds(self, *inputs: Bounds) -> Bounds:
        return inputs[0]

    def does_nothing(self, *inputs: Shape) -> bool:
        return inputs[0][0] == 1

    def output(self, *inputs: Shape) -> Shape:
        return (1, *expect_image(self.word, inputs[0])[1:])

    def window(self, *inputs: Shape) -> Window:
        return Window(channels="all")


@register
class ChannelMean(ChannelPool):
    """Mean over the channels of each pixel, which leaves 1 x height x width: CBAM's spatial gate, Woo et al. 2018."""

    word: ClassVar[str] = "channel_mean"
    examples: ClassVar[tuple[str, ...]] = ("4 x 7 x 5 -> channel_mean",)

    def keeps(self, *inputs: Shape) -> Kept:
        return NOTHING

    def torch(self, *inputs: Shape) -> TorchExpression:
        return TorchExpression("{0}.mean(dim=1, keepdim=True)")


@register
class ChannelMax(ChannelPool):
    """Maximum over the channels of each pixel, which leaves 1 x height x width; with `channel_mean`, CBAM's gate."""

    word: ClassVar[str] = "channel_max"
    examples: ClassVar[tuple[str, ...]] = ("4 x 7 x 5 -> channel_max",)

    def keeps(self, *inputs: Shape) -> Kept:
        return Kept(inputs=True, output=True)

    def torch(self, *inputs: Shape) -> TorchExpression:
        return TorchExpression("{0}.amax(dim=1, keepdim=True)")
