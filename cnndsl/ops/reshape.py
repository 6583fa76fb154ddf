"""Layers that only move values: make a vector, take or permute channels, and the shortcut that adds empty ones."""

from __future__ import annotations

from math import prod
from typing import ClassVar

from cnndsl.ops.arguments import choice, extent, integer
from cnndsl.ops.base import LayerError, Op, Shape, TorchExpression, TorchModule, register, show_shape
from cnndsl.ops.bounds import Bounds
from cnndsl.ops.images import Pair, check_channel_groups, expect_image
from cnndsl.ops.kept import NOTHING, Kept, Shares
from cnndsl.ops.window import Window, repeated, sliding
from cnndsl.records import dataclass, replace

ORDERS = ("chw", "cwh", "hcw", "hwc", "wch", "whc")


@register
@dataclass(frozen=True)
class Flatten(Op):
    """Makes a vector of all values of an image: channel by channel, each row by row, unless `order` says otherwise.

    `order` names the axes from the slowest to the fastest. TensorFlow and Keras flatten `hwc`, pixel by pixel; MTCNN
    (Zhang et al. 2016) flattens `whc`, as Caffe's matrices in Matlab lie. The weights of the `linear` behind it have
    that order.
    """

    word: ClassVar[str] = "flatten"
    picks: ClassVar[bool] = True
    examples: ClassVar[tuple[str, ...]] = ("4 x 5 x 3 -> flatten", "7 -> flatten", "4 x 5 x 3 -> flatten order=whc")

    order: str = choice(*ORDERS, default="chw")

    @property
    def shares(self) -> Shares:  # type: ignore[override]
        return "always" if self.order == "chw" else "never"

    def output(self, *inputs: Shape) -> Shape:
        if self.order != "chw":
            expect_image("flatten order=", inputs[0])
        return (prod(inputs[0]),)

    def does_nothing(self, *inputs: Shape) -> bool:
        return len(inputs[0]) == 1

    def keeps(self, *inputs: Shape) -> Kept:
        return NOTHING

    def torch(self, *inputs: Shape) -> TorchExpression:
        if self.order == "chw":
            return TorchExpression("torch.flatten({0}, 1)")
        axes = ", ".join(str("chw".index(axis) + 1) for axis in self.order)
        return TorchExpression(f"torch.flatten({{0}}.permute(0, {axes}), 1)")


@register
@dataclass(frozen=True)
class ChannelShuffle(Op):
    """Interleaves the channels of `groups`, so that the next grouped convolution sees all of them.

    Channel `j` of group `i` becomes channel `j * groups + i`. ShuffleNet, Zhang et al. 2017.
    """

    word: ClassVar[str] = "channel_shuffle"
    picks: ClassVar[bool] = True
    examples: ClassVar[tuple[str, ...]] = ("6 x 5 x 3 -> channel_shuffle 2", "6 x 5 x 3 -> channel_shuffle 3")

    groups: int = integer()

    def output(self, *inputs: Shape) -> Shape:
        check_channel_groups(self.groups, expect_image(self.word, inputs[0])[0])
        return inputs[0]

    def does_nothing(self, *inputs: Shape) -> bool:
        return self.groups in (1, inputs[0][0])

    def keeps(self, *inputs: Shape) -> Kept:
        return NOTHING

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.ChannelShuffle", (self.groups,))


@register
@dataclass(frozen=True)
class PixelShuffle(Op):
    """Makes height and width `factor` times larger out of channels ("sub-pixel convolution"). Shi et al. 2016.

    Pixel (i, j) of each block of `factor` x `factor` pixels of channel `c` comes from the channel
    `(c * factor + i) * factor + j`.
    """

    word: ClassVar[str] = "pixel_shuffle"
    examples: ClassVar[tuple[str, ...]] = ("8 x 5 x 3 -> pixel_shuffle 2", "9 x 2 x 3 -> pixel_shuffle 3")

    factor: int = integer()

    def output(self, *inputs: Shape) -> Shape:
        channels, height, width = expect_image(self.word, inputs[0])
        block = self.factor**2
        if channels % block:
            least = max(channels // block, 1) * block
            near = f"{least} or {least + block}"
            raise LayerError(
                "E206",
                f"{channels} channels do not make blocks of {self.factor} x {self.factor} = {block} pixels",
                argument="factor",
                help=f"give it a multiple of {block} channels, such as {near}",
            )
        return (channels // block, height * self.factor, width * self.factor)

    def bounds(self, *inputs: Bounds) -> Bounds:
        return inputs[0]

    def does_nothing(self, *inputs: Shape) -> bool:
        return self.factor == 1

    def window(self, *inputs: Shape) -> Window:
        return Window(repeated(1, self.factor), repeated(1, self.factor), channels="some")

    def keeps(self, *inputs: Shape) -> Kept:
        return NOTHING

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.PixelShuffle", (self.factor,))


@register
@dataclass(frozen=True)
class PixelUnshuffle(Op):
    """Makes channels out of blocks of `factor` x `factor` pixels, the reverse of `pixel_shuffle`: no value is lost.

    Also called space-to-depth: TResNet, Ridnik et al. 2020; the reorganisation of YOLOv2.
    """

    word: ClassVar[str] = "pixel_unshuffle"
    picks: ClassVar[bool] = True
    examples: ClassVar[tuple[str, ...]] = ("2 x 6 x 4 -> pixel_unshuffle 2", "3 x 6 x 9 -> pixel_unshuffle 3")

    factor: int = integer()

    def output(self, *inputs: Shape) -> Shape:
        channels, height, width = expect_image(self.word, inputs[0])
        if height % self.factor or width % self.factor:
            over = f"{-height % self.factor} rows and {-width % self.factor} columns"
            raise LayerError(
                "E202",
                f"blocks of {self.factor} x {self.factor} pixels do not tile a {height} x {width} map",
                argument="factor",
                help=f"`pad` can add the {over} that are missing",
            )
        return (channels * self.factor**2, height // self.factor, width // self.factor)

    def does_nothing(self, *inputs: Shape) -> bool:
        return self.factor == 1

    def window(self, *inputs: Shape) -> Window:
        kernel = (self.factor, self.factor)
        return replace(sliding(kernel, kernel), channels="some")

    def keeps(self, *inputs: Shape) -> Kept:
        return NOTHING

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.PixelUnshuffle", (self.factor,))


@register
@dataclass(frozen=True)
class ChannelSlice(Op):
    """The channels from `start` up to and without `stop`, counted from 0."""

    word: ClassVar[str] = "channel_slice"
    shares: ClassVar[Shares] = "always"
    picks: ClassVar[bool] = True
    examples: ClassVar[tuple[str, ...]] = ("6 x 5 x 3 -> channel_slice 0, 2", "7 -> channel_slice 3, 7")

    start: int = integer(minimum=0)
    stop: int = integer()

    def __post_init__(self) -> None:
        if self.stop <= self.start:
            raise LayerError(
                "E308",
                f"no channel lies between {self.start} and {self.stop}",
                argument="stop",
                help=f"`stop` is the first channel left out: at least {self.start + 1}",
            )

    def output(self, *inputs: Shape) -> Shape:
        channels = inputs[0][0]
        if self.stop > channels:
            raise LayerError(
                "E206",
                f"channels {self.start} to {self.stop} of {show_shape(inputs[0])}: there are only {channels}",
                argument="stop",
                help=f"`stop` is the first channel left out: at most {channels}",
            )
        return (self.stop - self.start, *inputs[0][1:])

    def does_nothing(self, *inputs: Shape) -> bool:
        return self.stop - self.start == inputs[0][0]

    def window(self, *inputs: Shape) -> Window:
        return Window(channels="some")

    def keeps(self, *inputs: Shape) -> Kept:
        return NOTHING

    def torch(self, *inputs: Shape) -> TorchExpression:
        return TorchExpression("{0}[:, {start}:{stop}]", {"start": self.start, "stop": self.stop})


@dataclass(frozen=True)
class ZeroPadShortcut(Op):
    """Every `stride`-th pixel, with channels of zeros appended up to `filters`.

    What `residual shortcut=zero_pad` inserts: option A of He et al. 2015, section 3.3.
    """

    word: ClassVar[str] = "zero_pad_shortcut"

    filters: int = integer()
    stride: Pair = extent((1, 1))

    def output(self, *inputs: Shape) -> Shape:
        channels, height, width = expect_image(self.word, inputs[0])
        if channels > self.filters:
            raise LayerError(
                "E206",
                f"{channels} channels cannot be padded to {self.filters}",
                help="use `shortcut=projection`, which can also take channels away",
            )
        return (self.filters, -(-height // self.stride[0]), -(-width // self.stride[1]))

    def window(self, *inputs: Shape) -> Window:
        return sliding((1, 1), self.stride)

    def keeps(self, *inputs: Shape) -> Kept:
        return NOTHING

    def torch(self, *inputs: Shape) -> TorchExpression:
        rows, columns = self.stride
        return TorchExpression(
            "F.pad({0}[:, :, ::{rows}, ::{columns}], (0, 0, 0, 0, 0, {added}))",
            {"rows": rows, "columns": columns, "added": self.filters - inputs[0][0]},
        )
