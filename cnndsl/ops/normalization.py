"""Normalisation: over the batch, over each channel or group of them, over all channels, and over neighbouring ones."""

from __future__ import annotations

from math import prod
from typing import ClassVar

from cnndsl.ops.arguments import boolean, integer, number
from cnndsl.ops.base import Buffer, LayerError, Op, Shape, TorchModule, register
from cnndsl.ops.bounds import ANY, POSITIVE, Bounds
from cnndsl.ops.images import check_channel_groups, expect_image
from cnndsl.ops.kept import Kept, floats
from cnndsl.ops.window import Window
from cnndsl.records import dataclass

NORM_OF_ONE = "one value less its mean is 0, and only the norm's own bias is left"


class Normalization(Op):
    """What keeps the shape and has a learned weight and bias per channel."""

    def output(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def parameters(self, *inputs: Shape) -> dict[str, Shape]:
        channels = (inputs[0][0],)
        return {"weight": channels, "bias": channels}


@register
@dataclass(frozen=True)
class Bn(Normalization):
    """Batch normalisation of each channel, then its learned weight and bias. Ioffe and Szegedy 2015.

    In training it uses mean and variance of the batch (over height and width too, for images) and moves the running
    ones by `momentum` (the share of the new value); in inference it uses the running ones. `eps` is added to the
    variance.
    """

    word: ClassVar[str] = "bn"
    examples: ClassVar[tuple[str, ...]] = (
        "4 x 5 x 5 -> bn",
        "4 x 5 x 3 -> bn eps=0.001, momentum=0.01",
        "7 -> bn",
    )

    eps: float = number(1e-5, minimum=0.0, above=True, keyword=True)
    momentum: float = number(0.1, minimum=0.0, maximum=1.0, keyword=True)

    def centres(self, *inputs: Shape) -> bool:
        return True

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        channels = Buffer((inputs[0][0],))
        return {"running_mean": channels, "running_var": channels, "num_batches_tracked": Buffer((), "int64")}

    def keeps(self, *inputs: Shape) -> Kept:
        return Kept(inputs=True, besides=2 * floats(inputs[0][:1]))

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule(
            "nn.BatchNorm1d" if len(inputs[0]) == 1 else "nn.BatchNorm2d",
            (inputs[0][0],),
            {"eps": (self.eps, 1e-5), "momentum": (self.momentum, 0.1)},
        )


@register
@dataclass(frozen=True)
class GroupNorm(Normalization):
    """Normalisation of each sample over `groups` of neighbouring channels, then a learned weight and bias per channel.

    Mean and variance are taken over the channels of a group and all pixels. Wu and He 2018.
    """

    word: ClassVar[str] = "group_norm"
    examples: ClassVar[tuple[str, ...]] = (
        "6 x 5 x 5 -> group_norm 3",
        "6 x 5 x 3 -> group_norm 1, eps=0.001",
    )

    groups: int = integer()
    eps: float = number(1e-5, minimum=0.0, above=True, keyword=True)

    def output(self, *inputs: Shape) -> Shape:
        check_channel_groups(self.groups, expect_image(self.word, inputs[0])[0])
        return inputs[0]

    def centres(self, *inputs: Shape) -> bool:
        return self.groups == inputs[0][0]

    def constant(self, *inputs: Shape) -> str:
        return NORM_OF_ONE if prod(inputs[0]) == self.groups else ""

    def window(self, *inputs: Shape) -> Window:
        return Window(everywhere=True)

    def keeps(self, *inputs: Shape) -> Kept:
        return Kept(inputs=True, besides=2 * floats((self.groups,)))

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.GroupNorm", (self.groups, inputs[0][0]), {"eps": (self.eps, 1e-5)})


@register
@dataclass(frozen=True)
class InstanceNorm(Normalization):
    """Normalisation of each channel of each sample by its own mean and variance. Ulyanov et al. 2016.

    `affine=true` adds a learned weight and bias per channel, as style transfer has them. No running statistics are
    kept: inference computes what training does.
    """

    word: ClassVar[str] = "instance_norm"
    examples: ClassVar[tuple[str, ...]] = (
        "4 x 5 x 3 -> instance_norm",
        "4 x 5 x 5 -> instance_norm affine=true, eps=0.001",
    )

    affine: bool = boolean(False)
    eps: float = number(1e-5, minimum=0.0, above=True, keyword=True)

    def output(self, *inputs: Shape) -> Shape:
        if expect_image(self.word, inputs[0])[1:] == (1, 1):
            raise LayerError(
                "E202",
                "one pixel per channel has no variance",
                help="normalise before the map is pooled to a pixel, or use `layer_norm`",
            )
        return inputs[0]

    def centres(self, *inputs: Shape) -> bool:
        return True

    def parameters(self, *inputs: Shape) -> dict[str, Shape]:
        return super().parameters(*inputs) if self.affine else {}

    def window(self, *inputs: Shape) -> Window:
        return Window(everywhere=True)

    def keeps(self, *inputs: Shape) -> Kept:
        return Kept(inputs=True, besides=(3 if self.affine else 2) * floats(inputs[0][:1]))

    def torch(self, *inputs: Shape) -> TorchModule:
        kwargs: dict[str, tuple[object, object]] = {"eps": (self.eps, 1e-5), "affine": (self.affine, False)}
        return TorchModule("nn.InstanceNorm2d", (inputs[0][0],), kwargs)


GRN = '''\
class GlobalResponseNorm(nn.Module):
    """Global response normalisation of ConvNeXt V2 (Woo et al. 2023): channels compete by their norms over the map."""

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        norms = x.norm(p=2, dim=(2, 3), keepdim=True)
        relative = norms / (norms.mean(dim=1, keepdim=True) + self.eps)
        return x + torch.addcmul(self.bias.view(-1, 1, 1), self.weight.view(-1, 1, 1), x * relative)
'''


@register
@dataclass(frozen=True)
class Grn(Normalization):
    """Global response normalisation, in which channels compete: ConvNeXt V2, Woo et al. 2023, section 3.2.

    x + weight * x * n + bias, where n is the norm of a channel over the map, divided by the mean of all channels'
    norms (to which `eps` is added). Weight and bias are learned per channel and start at 0, so that it starts as x.
    """

    word: ClassVar[str] = "grn"
    examples: ClassVar[tuple[str, ...]] = ("4 x 5 x 3 -> grn", "4 x 5 x 5 -> grn eps=0.001")

    eps: float = number(1e-6, minimum=0.0, above=True, keyword=True)

    def output(self, *inputs: Shape) -> Shape:
        expect_image(self.word, inputs[0])
        return inputs[0]

    def window(self, *inputs: Shape) -> Window:
        return Window(everywhere=True)

    def keeps(self, *inputs: Shape) -> Kept:
        return Kept(inputs=True, besides=2 * floats(inputs[0][:1]) + floats(inputs[0]))

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("GlobalResponseNorm", (inputs[0][0],), {"eps": (self.eps, 1e-6)}, source=GRN)


CHANNEL_NORM = '''\
class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each pixel, as in ConvNeXt (Liu et al. 2022)."""

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        channels_last = x.movedim(1, -1)
        return F.layer_norm(channels_last, self.weight.shape, self.weight, self.bias, self.eps).movedim(-1, 1)
'''


@register
@dataclass(frozen=True)
class LayerNorm(Normalization):
    """Normalisation over the channels of each pixel, then a learned weight and bias per channel.

    Ba et al. 2016, in the form that convolutional networks use it: ConvNeXt, Liu et al. 2022. A vector is normalised
    over all its features.
    """

    word: ClassVar[str] = "layer_norm"
    examples: ClassVar[tuple[str, ...]] = (
        "4 x 5 x 3 -> layer_norm",
        "4 x 5 x 5 -> layer_norm eps=0.001",
        "7 -> layer_norm",
    )

    eps: float = number(1e-6, minimum=0.0, above=True, keyword=True)

    def constant(self, *inputs: Shape) -> str:
        return NORM_OF_ONE if inputs[0][0] == 1 else ""

    def window(self, *inputs: Shape) -> Window:
        return Window(everywhere=len(inputs[0]) == 1)

    def keeps(self, *inputs: Shape) -> Kept:
        return Kept(inputs=True, besides=2 * floats(inputs[0][1:]))

    def torch(self, *inputs: Shape) -> TorchModule:
        if len(inputs[0]) == 1:
            return TorchModule("nn.LayerNorm", inputs[0], {"eps": (self.eps, 1e-5)})
        return TorchModule("ChannelNorm", (inputs[0][0],), {"eps": (self.eps, 1e-6)}, source=CHANNEL_NORM)


@register
@dataclass(frozen=True)
class Lrn(Op):
    """Local response normalisation: x / (k + alpha * mean of squares over `size` neighbouring channels) ** beta.

    Krizhevsky et al. 2012, section 3.3, writes the SUM of squares where Caffe, PyTorch and ONNX take their mean;
    `average=false` is the paper's form (k=2, size 5, alpha=1e-4, beta=0.75). Channels beyond the ends count as
    zero. The window of an even `size` reaches one channel further down than up.
    """

    word: ClassVar[str] = "lrn"
    examples: ClassVar[tuple[str, ...]] = (
        "8 x 5 x 5 -> lrn 5",
        "8 x 5 x 3 -> lrn 5, alpha=0.1, beta=0.5, k=2, average=false",
        "7 x 3 x 3 -> lrn 4, alpha=1",
    )

    size: int = integer()
    alpha: float = number(1e-4, minimum=0.0, keyword=True)
    beta: float = number(0.75, minimum=0.0, keyword=True)
    k: float = number(1.0, minimum=0.0, above=True, keyword=True)
    average: bool = boolean(True)

    def output(self, *inputs: Shape) -> Shape:
        expect_image(self.word, inputs[0])
        return inputs[0]

    def bounds(self, *inputs: Bounds) -> Bounds:
        return POSITIVE if inputs[0][0] >= 0 else ANY

    def does_nothing(self, *inputs: Shape) -> bool:
        return self.beta == 0

    def keeps(self, *inputs: Shape) -> Kept:
        channels, *pixels = inputs[0]
        squares = (channels + self.size - 1, *pixels)  # with zeros beyond the ends
        return Kept(inputs=True, besides=floats(squares, inputs[0], inputs[0]))

    def torch(self, *inputs: Shape) -> TorchModule:
        alpha = self.alpha if self.average else self.alpha * self.size
        return TorchModule(
            "nn.LocalResponseNorm",
            (self.size,),
            {"alpha": (alpha, 1e-4), "beta": (self.beta, 0.75), "k": (self.k, 1.0)},
        )
