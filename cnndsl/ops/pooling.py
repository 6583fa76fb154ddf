"""Pools: a maximum or mean of windows of fixed size, of the whole map, or of windows cut to suit."""

from __future__ import annotations

from typing import ClassVar

from cnndsl.ops.arguments import boolean, choice, extent, integer, padding, show, stride
from cnndsl.ops.base import LayerError, Op, Rewrite, Shape, TorchModule, register
from cnndsl.ops.bounds import Bounds, hull
from cnndsl.ops.images import PAD_SAME, Pair, Sides, compact, conv_extent, enlarged, expect_image, padded, same_sides
from cnndsl.ops.kept import INPUTS, NOTHING, Kept, floats, indices
from cnndsl.ops.window import WHOLE, Window, cut, sliding
from cnndsl.records import dataclass


def _need_stride(word: str, stride: Pair | None) -> None:
    """E315 without one: whoever omits it may mean 1, or the kernel."""
    if stride is None:
        raise LayerError(
            "E315",
            f"`{word}` needs a stride",
            argument="stride",
            rewrites=(
                Rewrite("`/2` halves the map", {"stride": "2"}),
                Rewrite("`/1` puts a window at every pixel", {"stride": "1"}),
            ),
        )


@dataclass(frozen=True)
class Pool(Op):
    """A window of fixed size that slides over each channel."""

    pools: ClassVar[bool] = True

    kernel: Pair = extent()
    stride: Pair = stride(None, shown="none: it must be given")
    pad: Sides | str = padding((0, 0, 0, 0), same=True)
    round: str = choice("floor", "ceil", default="floor")

    def __post_init__(self) -> None:
        _need_stride(self.word, self.stride)
        rows, columns = self.kernel
        if isinstance(self.pad, str):
            if self.ceil:
                help = "leave `round` out: it gives ceil(size / stride) pixels already"
                raise LayerError("E308", "`pad=same` leaves nothing to round", argument="round", help=help)
            return
        if max(self.pad[:2]) >= rows or max(self.pad[2:]) >= columns:
            raise LayerError(
                "E308",
                f"padding of {show([*self.pad])} rows and columns leaves windows of {rows}x{columns} without a pixel",
                argument="pad",
                help=f"pad less than the kernel: at most {rows - 1}x{columns - 1}",
            )

    def does_nothing(self, *inputs: Shape) -> bool:
        return self.kernel == self.stride == (1, 1)

    @property
    def ceil(self) -> bool:
        return self.round == "ceil"

    def sides(self, shape: Shape) -> Sides:
        """The padding (top, bottom, left, right) on a map of that shape."""
        return same_sides((shape[1], shape[2]), self.kernel, self.stride) if isinstance(self.pad, str) else self.pad

    @property
    def native(self) -> bool:
        """Whether PyTorch's pools can pad so themselves: alike on both sides, and by half of the kernel at most."""
        if isinstance(self.pad, str):
            return False
        top, bottom, left, right = self.pad
        return (top, left) == (bottom, right) and top <= self.kernel[0] // 2 and left <= self.kernel[1] // 2

    def output(self, *inputs: Shape) -> Shape:
        channels, height, width = expect_image(self.word, inputs[0])
        what = f"a `{self.word}`"
        sides = self.sides(inputs[0])
        return (channels, *conv_extent(what, (height, width), self.kernel, self.stride, sides, ceil=self.ceil))

    def window(self, *inputs: Shape) -> Window:
        top, _, left, _ = self.sides(inputs[0])
        return sliding(self.kernel, self.stride, (top, left))


SAME_MAXPOOL = '''\
class SameMaxPool2d(nn.MaxPool2d):
    """A maximum with the padding that TensorFlow calls SAME, which depends on the size of its input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(pad_same(x, self.kernel_size, self.stride, value=-math.inf))
'''

SAME_AVGPOOL = '''\
class SameAvgPool2d(nn.AvgPool2d):
    """A mean with the padding that TensorFlow calls SAME, which depends on the size of its input."""

    def __init__(
        self, kernel_size: tuple[int, int], stride: tuple[int, int], *, count_include_pad: bool = True
    ) -> None:
        super().__init__(kernel_size, stride)
        self.real_pixels = not count_include_pad  # divide by their number?

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = super().forward(pad_same(x, self.kernel_size, self.stride))
        if not self.real_pixels:
            return mean
        return mean / super().forward(pad_same(torch.ones_like(x[:1, :1]), self.kernel_size, self.stride))
'''


@register
@dataclass(frozen=True)
class Maxpool(Pool):
    """Maximum of each window. The stride must be given; nothing is padded unless `pad` says so.

    `round=floor` drops what is left over at the end of a row, `round=ceil` adds a window for it (Caffe's rule, which
    GoogLeNet and SqueezeNet need) if that starts inside the map. Padding never is the maximum, and must be smaller
    than the kernel. `pad=same` is TensorFlow's SAME, as for `conv`.
    """

    word: ClassVar[str] = "maxpool"
    picks: ClassVar[bool] = True
    examples: ClassVar[tuple[str, ...]] = (
        "4 x 8 x 8 -> maxpool 2x2, /2",
        "4 x 15 x 13 -> maxpool 3x3, /2, pad=1",
        "4 x 14 x 12 -> maxpool 3x3, /2, round=ceil",
        "4 x 2 x 2 -> maxpool 3x3, /2, round=ceil",
        "4 x 7 x 6 -> maxpool 2x3, /1, pad=[0, 1, 0, 2]",
        "4 x 6 x 7 -> maxpool 3x3, /2, pad=[0, 0, 1, 0], round=ceil",
        "4 x 5 x 5 -> maxpool 3x3, /2, pad=2, round=ceil",
        "4 x 8 x 7 -> maxpool 3x3, /2, pad=same",
        "4 x 8 x 7 -> maxpool 2x2, /1, pad=same",
    )

    def keeps(self, *inputs: Shape) -> Kept:
        where = indices(self.output(*inputs))
        if self.native:
            return Kept(inputs=True, besides=where)
        sides = self.sides(inputs[0]) if isinstance(self.pad, str) else self._reached(inputs[0])
        return Kept(besides=where + floats(enlarged(inputs[0], sides)))

    def torch(self, *inputs: Shape) -> TorchModule:
        if isinstance(self.pad, str):
            return TorchModule("SameMaxPool2d", (self.kernel, self.stride), source=SAME_MAXPOOL, helper=PAD_SAME)
        pad = (self.pad[0], self.pad[2]) if self.native else (0, 0)
        return TorchModule(
            "nn.MaxPool2d",
            (compact(self.kernel),),
            {
                "stride": (compact(self.stride), None),
                "padding": (compact(pad), 0),
                "ceil_mode": (self.ceil and self.native, False),
            },
            inputs="{0}" if self.native else padded(self._reached(inputs[0]), ", value=-math.inf"),
        )

    def _reached(self, shape: Shape) -> Sides:
        """The padding, with as much more at the ends as the last windows hang over."""
        top, bottom, left, right = self.sides(shape)
        rows, columns = self.output(shape)[1:]
        below = (rows - 1) * self.stride[0] + self.kernel[0] - shape[1] - top
        beyond = (columns - 1) * self.stride[1] + self.kernel[1] - shape[2] - left
        return (top, max(bottom, below), left, max(right, beyond))


@register
@dataclass(frozen=True)
class Avgpool(Pool):
    """Mean of each window. The stride must be given; nothing is padded unless `pad` says so.

    Padding counts as zeros in the mean; `count_include_pad=false` divides by the number of real pixels instead, as
    TensorFlow's SAME, `pad=same`, does unless told otherwise.
    With `round=ceil`, a window that hangs over the end of the (padded) map is divided by the part that lies on it.
    Padding that differs between sides, or is more than half of the kernel, works when it counts as zeros and
    `round` is floor.
    """

    word: ClassVar[str] = "avgpool"
    examples: ClassVar[tuple[str, ...]] = (
        "4 x 8 x 7 -> avgpool 2x2, /2",
        "4 x 15 x 13 -> avgpool 3x3, /2, pad=1",
        "4 x 14 x 12 -> avgpool 3x3, /2, pad=1, round=ceil, count_include_pad=false",
        "4 x 14 x 12 -> avgpool 5x3, /3, pad=2x1, round=ceil",
        "4 x 7 x 6 -> avgpool 2x2, /1, pad=[0, 1, 0, 1]",
        "4 x 7 x 6 -> avgpool 3x3, /2, pad=2",
        "4 x 8 x 7 -> avgpool 3x3, /2, pad=same",
        "4 x 8 x 7 -> avgpool 2x2, /1, pad=same, count_include_pad=true",
    )

    count_include_pad: bool | None = boolean(None, shown="true, but false with pad=same")

    @property
    def counts_padding(self) -> bool:
        """Whether padding counts as zeros in the mean."""
        return not isinstance(self.pad, str) if self.count_include_pad is None else self.count_include_pad

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.pad, str):
            return
        if not self.native and (self.ceil or not self.counts_padding):
            raise LayerError(
                "E308",
                "padding that differs between sides, or is over half of the kernel, must count as zeros and round down",
                argument="pad",
                help=f"pad evenly by at most {self.kernel[0] // 2}x{self.kernel[1] // 2}, or put a `pad` layer first",
            )

    @property
    def picks(self) -> bool:  # type: ignore[override]
        return not (any(self.pad) and self.counts_padding)

    def bounds(self, *inputs: Bounds) -> Bounds:
        return inputs[0] if self.picks else hull(inputs[0], (0.0, 0.0))

    def keeps(self, *inputs: Shape) -> Kept:
        if self.native:
            return INPUTS
        padded = floats(enlarged(inputs[0], self.sides(inputs[0])))
        return Kept(besides=padded if self.counts_padding else padded + floats(self.output(*inputs)[1:]))

    def torch(self, *inputs: Shape) -> TorchModule:
        counted: tuple[object, object] = (self.counts_padding, True)
        if isinstance(self.pad, str):
            given = (self.kernel, self.stride)
            kwargs = {"count_include_pad": counted}
            return TorchModule("SameAvgPool2d", given, kwargs, source=SAME_AVGPOOL, helper=PAD_SAME)
        pad = (self.pad[0], self.pad[2]) if self.native else (0, 0)
        return TorchModule(
            "nn.AvgPool2d",
            (compact(self.kernel),),
            {
                "stride": (compact(self.stride), None),
                "padding": (compact(pad), 0),
                "ceil_mode": (self.ceil, False),
                "count_include_pad": counted,
            },
            inputs="{0}" if self.native else padded(self.pad),
        )


class GlobalPool(Op):
    """A pool over the whole map: one pixel per channel is left."""

    pools: ClassVar[bool] = True

    picks: ClassVar[bool] = True

    def output(self, *inputs: Shape) -> Shape:
        return (expect_image(self.word, inputs[0])[0], 1, 1)

    def does_nothing(self, *inputs: Shape) -> bool:
        return inputs[0][1:] == (1, 1)

    def window(self, *inputs: Shape) -> Window:
        return WHOLE


@register
class GlobalAvgpool(GlobalPool):
    """Mean of each channel over the whole map, which becomes `channels x 1 x 1`. Lin et al. 2013.

    `linear` takes that as a vector, and `mul` as a gate.
    """

    word: ClassVar[str] = "global_avgpool"
    examples: ClassVar[tuple[str, ...]] = ("4 x 7 x 5 -> global_avgpool",)

    def keeps(self, *inputs: Shape) -> Kept:
        return NOTHING

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.AdaptiveAvgPool2d", (1,))


@register
class GlobalMaxpool(GlobalPool):
    """Maximum of each channel over the whole map, which becomes `channels x 1 x 1`."""

    word: ClassVar[str] = "global_maxpool"
    examples: ClassVar[tuple[str, ...]] = ("4 x 7 x 5 -> global_maxpool",)

    def keeps(self, *inputs: Shape) -> Kept:
        return Kept(inputs=True, besides=indices(self.output(*inputs)))

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.AdaptiveMaxPool2d", (1,))


BLUR_POOL = '''\
class BlurPool(nn.Module):
    """Blurs by a binomial kernel, then takes every `stride`-th pixel (Zhang 2019); edges are mirrored.

    The binomial kernel of size n is n - 1 means of two neighbours in turn.
    """

    def __init__(self, kernel_size: int, stride: int | tuple[int, int]) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        before, after = (self.kernel_size - 1) // 2, self.kernel_size // 2
        x = F.pad(x, (before, after, before, after), mode="reflect")
        for _ in range(self.kernel_size - 2):
            x = F.avg_pool2d(x, 2, 1)
        return F.avg_pool2d(x, 2, self.stride)
'''


@register
@dataclass(frozen=True)
class BlurPool(Op):
    """Takes every `stride`-th pixel of the blurred map, so that a shift of the image changes little. Zhang 2019.

    The blur is binomial: `kernel` 3 weighs rows and columns by 1, 2, 1. Edges are mirrored by `pad` =
    (kernel - 1) / 2; of an even kernel, the odd pixel goes at the bottom and at the right.
    """

    word: ClassVar[str] = "blur_pool"
    pools: ClassVar[bool] = True
    picks: ClassVar[bool] = True
    examples: ClassVar[tuple[str, ...]] = (
        "4 x 8 x 7 -> blur_pool 3, /2",
        "4 x 9 x 6 -> blur_pool 4, /2x1",
        "2 x 6 x 6 -> blur_pool 5, /3",
    )

    kernel: int = integer(minimum=2)
    stride: Pair = stride(None, shown="none: it must be given")

    def __post_init__(self) -> None:
        _need_stride(self.word, self.stride)

    def output(self, *inputs: Shape) -> Shape:
        channels, height, width = expect_image(self.word, inputs[0])
        if self.kernel // 2 >= min(height, width):
            raise LayerError(
                "E202",
                f"a {height} x {width} map has not enough pixels to mirror for a kernel of {self.kernel}",
                argument="kernel",
                help=f"blur by a kernel of at most {2 * min(height, width) - 1}",
            )
        return (channels, -(-height // self.stride[0]), -(-width // self.stride[1]))

    def window(self, *inputs: Shape) -> Window:
        before = (self.kernel - 1) // 2
        return sliding((self.kernel, self.kernel), self.stride, (before, before))

    def keeps(self, *inputs: Shape) -> Kept:
        larger = range(1, self.kernel)  # the mirrored map, and what each mean but the last leaves of it
        return Kept(inputs=True, besides=floats(*(enlarged(inputs[0], (more, 0, more, 0)) for more in larger)))

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("BlurPool", (self.kernel, compact(self.stride)), source=BLUR_POOL)


@dataclass(frozen=True)
class AdaptivePool(Op):
    """A pool whose output size is given; its windows are cut to suit."""

    pools: ClassVar[bool] = True

    picks: ClassVar[bool] = True

    size: Pair = extent()

    def output(self, *inputs: Shape) -> Shape:
        return (expect_image(self.word, inputs[0])[0], *self.size)

    def does_nothing(self, *inputs: Shape) -> bool:
        return inputs[0][1:] == self.size

    def window(self, *inputs: Shape) -> Window:
        return WHOLE if self.size == (1, 1) else Window(*map(cut, inputs[0][1:], self.size))


@register
class AdaptiveAvgpool(AdaptivePool):
    """Mean over windows chosen so that the map comes out as `size`, whatever it was. He et al. 2014 (pyramid pooling).

    Window `i` of `n` covers the rows from floor(i * height / n) to ceil((i + 1) * height / n), as in PyTorch;
    columns likewise.
    """

    word: ClassVar[str] = "adaptive_avgpool"
    examples: ClassVar[tuple[str, ...]] = ("4 x 7 x 5 -> adaptive_avgpool 3x2", "4 x 6 x 6 -> adaptive_avgpool 6")

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.AdaptiveAvgPool2d", (compact(self.size),))


@register
class AdaptiveMaxpool(AdaptivePool):
    """Maximum over windows chosen so that the map comes out as `size`; the windows are those of `adaptive_avgpool`."""

    word: ClassVar[str] = "adaptive_maxpool"
    examples: ClassVar[tuple[str, ...]] = ("4 x 7 x 5 -> adaptive_maxpool 3x2", "4 x 3 x 3 -> adaptive_maxpool 4x1")

    def keeps(self, *inputs: Shape) -> Kept:
        return Kept(inputs=True, besides=indices(self.output(*inputs)))

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("nn.AdaptiveMaxPool2d", (compact(self.size),))
