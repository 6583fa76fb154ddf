"""Convolutions over images. Dumoulin and Visin 2016 is the guide to their arithmetic."""

from __future__ import annotations

from math import prod
from typing import ClassVar

from cnndsl.ops.arguments import boolean, choice, extent, integer, number, padding, stride
from cnndsl.ops.base import LayerError, Op, Rewrite, Shape, TorchModule, register
from cnndsl.ops.images import (
    PAD_SAME,
    Pair,
    Sides,
    check_groups,
    check_mirrored,
    compact,
    conv_extent,
    dilated,
    enlarged,
    expect_image,
    same_sides,
    symmetric,
)
from cnndsl.ops.kept import INPUTS, Kept, floats
from cnndsl.ops.window import Window, sliding, transposed
from cnndsl.records import dataclass, fields, replace

VECTOR = 16  # numbers in the largest vector register


def half_padding(kernel: Pair, dilation: Pair) -> Sides:
    """Padding by half of the (dilated) kernel, which keeps the size at stride 1; the kernel must be odd."""
    spread = [dilation[axis] * (k - 1) for axis, k in enumerate(kernel)]
    keeping = ", ".join(str(side) for room in spread for side in (room // 2, room - room // 2))
    for axis, k in zip(("height", "width"), kernel, strict=True):
        if k % 2 == 0:
            raise LayerError(
                "E314",
                f"a kernel of even {axis} {k} has no half padding",
                argument="kernel",
                rewrites=(
                    Rewrite(f"`pad=[{keeping}]` keeps the size", {"pad": f"[{keeping}]"}),
                    Rewrite(f"`pad={k // 2}` pads all sides alike", {"pad": str(k // 2)}),
                    Rewrite("`pad=0` pads nothing", {"pad": "0"}),
                ),
            )
    rows, columns = (room // 2 for room in spread)
    return (rows, rows, columns, columns)


SAME_CONV = '''\
class SameConv2d(nn.Conv2d):
    """A convolution with the padding that TensorFlow calls SAME, which depends on the size of its input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(pad_same(x, self.kernel_size, self.stride, self.dilation))
'''


@register
@dataclass(frozen=True)
class Conv(Op):
    """2-D convolution over height and width.

    `kernel` comes first, then the number of `filters` (output channels); the input channels are never written.
    It pads by half its kernel unless `pad` says otherwise: an integer, `rows x columns`, or
    `[top, bottom, left, right]`. An even kernel must say its `pad`. With `groups`, input and filters are split
    into that many independent convolutions. A conv whose output goes to a `bn` alone has no bias, since `bn`
    would undo it; `bias=true` keeps it.

    `pad=same` is TensorFlow's SAME: the output has ceil(size / stride) pixels, and an odd pixel of padding goes at the
    end, so that with a stride the padding depends on the size. Networks that were trained with TensorFlow or Keras
    need it; all others pad by half. `pad_mode=reflect` mirrors the image there, `replicate` repeats its edge, and
    `circular` goes on at its other side.
    """

    word: ClassVar[str] = "conv"
    weighted: ClassVar[bool] = True
    examples: ClassVar[tuple[str, ...]] = (
        "3 x 32 x 32 -> conv 3x3, 16",
        "3 x 33 x 31 -> conv 7x7, 8, /2",
        "8 x 17 x 17 -> conv 1x7, 12, pad=0x3, bias=false",
        "8 x 16 x 16 -> conv 3x3, 8, groups=4, dilation=2",
        "4 x 15 x 15 -> conv 2x2, 6, /2, pad=[0, 1, 0, 1]",
        "4 x 16 x 15 -> conv 3x3, 6, /2, pad=same",
        "4 x 9 x 7 -> conv 4x2, 6, pad=same, dilation=2",
        "4 x 11 x 13 -> conv 4x4, 3, /3, pad=same",
        "4 x 9 x 9 -> conv 3x5, 6, pad_mode=reflect",
        "4 x 9 x 9 -> conv 3x3, 6, /2, pad=[0, 1, 0, 2], pad_mode=replicate",
    )

    kernel: Pair = extent()
    filters: int = integer()
    stride: Pair = stride()
    pad: Sides | str | None = padding(None, shown="kernel // 2", same=True)
    dilation: Pair = extent((1, 1), keyword=True)
    groups: int = integer(1, keyword=True)
    bias: bool | None = boolean(None, shown="false before bn, else true")
    pad_mode: str = choice("zero", "reflect", "replicate", "circular", default="zero")

    def __post_init__(self) -> None:
        if self.pad is None:
            half_padding(self.kernel, self.dilation)  # an even kernel without a pad is an error of the arguments alone
        if self.pad_mode != "zero" and isinstance(self.pad, str):
            help = f"say how much: `pad=1, pad_mode={self.pad_mode}`, or leave `pad` out for half of the kernel"
            raise LayerError("E308", "`pad=same` pads with zeros", argument="pad_mode", help=help)

    def conv(self, channels: int) -> Conv:
        """The convolution that it is for that many input channels, as of other layers on filters."""
        return self

    @property
    def sides(self) -> Sides:
        """(top, bottom, left, right) padding; `pad=same` needs a size to know (`sides_on`)."""
        if isinstance(self.pad, str):
            raise TypeError(f"the padding of `{self}` depends on the size of the map")
        return half_padding(self.kernel, self.dilation) if self.pad is None else self.pad

    def sides_on(self, size: Pair) -> Sides:
        """The padding on a map of that size."""
        return same_sides(size, self.kernel, self.stride, self.dilation) if isinstance(self.pad, str) else self.sides

    @property
    def follows_size(self) -> bool:
        """Whether the padding depends on the size of the map."""
        return isinstance(self.pad, str) and self.stride != (1, 1)

    def output(self, *inputs: Shape) -> Shape:
        channels, height, width = expect_image(self.word, inputs[0])
        check_groups(self.groups, channels, self.filters)
        sides = self.sides_on((height, width))
        check_mirrored(self.pad_mode, (height, width), sides, "pad")
        return (self.filters, *conv_extent("a kernel", (height, width), self.kernel, self.stride, sides, self.dilation))

    def parameters(self, *inputs: Shape) -> dict[str, Shape]:
        weight: dict[str, Shape] = {"weight": (self.filters, inputs[0][0] // self.groups, *self.kernel)}
        return weight if self.bias is False else weight | {"bias": (self.filters,)}

    def macs(self, *inputs: Shape) -> int:
        return prod(self.output(*inputs)) * (inputs[0][0] // self.groups) * prod(self.kernel)

    def window(self, *inputs: Shape) -> Window:
        top, _, left, _ = self.sides_on((inputs[0][1], inputs[0][2]))
        slid = sliding(self.kernel, self.stride, (top, left), self.dilation)
        return replace(slid, channels="all" if self.groups == 1 else "each")

    def keeps(self, *inputs: Shape) -> Kept:
        sides = self.sides_on((inputs[0][1], inputs[0][2]))
        native_pad, before = symmetric(sides, dilated(self.kernel, self.dilation), self.pad_mode)
        native = before == "{0}" and not (self.follows_size and self.kernel != (1, 1))
        if native and (self.pad_mode == "zero" or native_pad == (0, 0)):
            return INPUTS
        mirrors = self.pad_mode in ("reflect", "replicate")  # whose gradient asks for the size of the map
        return Kept(inputs=mirrors, besides=floats(enlarged(inputs[0], sides)))

    def torch(self, *inputs: Shape) -> TorchModule:
        if self.follows_size and self.kernel != (1, 1):
            spelled = replace(self, pad=(0, 0, 0, 0)).torch(*inputs)
            return replace(spelled, callee="SameConv2d", source=SAME_CONV, helper=PAD_SAME)
        sides = self.sides_on((inputs[0][1], inputs[0][2]))
        padded, before = symmetric(sides, dilated(self.kernel, self.dilation), self.pad_mode)
        stride = self.stride
        if self._skips_unsafely(inputs[0][0]):
            before, stride = f"{before}[:, :, ::{stride[0]}, ::{stride[1]}]", (1, 1)
        return TorchModule(
            "nn.Conv2d",
            (inputs[0][0], self.filters, compact(self.kernel)),
            {
                "stride": (compact(stride), 1),
                "padding": (compact(padded), 0),
                "dilation": (compact(self.dilation), 1),
                "groups": (self.groups, 1),
                "bias": (self.bias is not False, True),
                "padding_mode": ("zeros" if self.pad_mode == "zero" or padded == (0, 0) else self.pad_mode, "zeros"),
            },
            inputs=before,
        )

    def _skips_unsafely(self, channels: int) -> bool:
        """Whether oneDNN's gradient of the weights would write outside of them.

        It does for a 1x1 kernel with a stride that reads `torch.channels_last`, as behind a `layer_norm`, and fewer
        channels than a vector register has numbers (PyTorch 2.13, AVX2 and AVX-512, float32 and bfloat16).
        """
        return self.kernel == (1, 1) and self.stride != (1, 1) and self.groups == 1 and channels < VECTOR


class OtherConv(Op):
    """A layer that is a convolution in other words: its `conv`."""

    weighted: ClassVar[bool] = True

    def conv(self, channels: int) -> Conv:
        """The convolution this is for that many input channels."""
        raise TypeError(f"{type(self).__name__} does not say what convolution it is")

    def __post_init__(self) -> None:
        self.conv(1)  # finds an even kernel without a pad

    def output(self, *inputs: Shape) -> Shape:
        return self.conv(expect_image(self.word, inputs[0])[0]).output(*inputs)

    def parameters(self, *inputs: Shape) -> dict[str, Shape]:
        return self.conv(inputs[0][0]).parameters(*inputs)

    def macs(self, *inputs: Shape) -> int:
        return self.conv(inputs[0][0]).macs(*inputs)

    def keeps(self, *inputs: Shape) -> Kept:
        return self.conv(inputs[0][0]).keeps(*inputs)

    def window(self, *inputs: Shape) -> Window:
        return self.conv(inputs[0][0]).window(*inputs)


@register
@dataclass(frozen=True)
class Depthwise(OtherConv):
    """Convolution of each channel by itself (Xception, Chollet 2017; MobileNet, Howard et al. 2017).

    Short for a `conv` with `groups = in.channels` and `filters = in.channels * multiplier`, and computed like it.
    Channel `c` of the input becomes channels `c * multiplier` to `(c + 1) * multiplier - 1`. Padding and bias
    follow the rules of `conv`.
    """

    word: ClassVar[str] = "depthwise"
    examples: ClassVar[tuple[str, ...]] = (
        "6 x 16 x 16 -> depthwise 3x3",
        "6 x 17 x 15 -> depthwise 5x5, /2, bias=false",
        "4 x 9 x 9 -> depthwise 3x1, multiplier=2, dilation=2",
        "4 x 9 x 9 -> depthwise 2x2, pad=[0, 1, 0, 1]",
        "4 x 9 x 8 -> depthwise 3x3, /2, pad=same",
    )

    kernel: Pair = extent()
    stride: Pair = stride()
    pad: Sides | str | None = padding(None, shown="kernel // 2", same=True)
    dilation: Pair = extent((1, 1), keyword=True)
    multiplier: int = integer(1, keyword=True)
    bias: bool | None = boolean(None, shown="false before bn, else true")
    pad_mode: str = choice("zero", "reflect", "replicate", "circular", default="zero")

    def conv(self, channels: int) -> Conv:
        """The convolution this is for that many input channels."""
        return Conv(
            self.kernel,
            channels * self.multiplier,
            stride=self.stride,
            pad=self.pad,
            dilation=self.dilation,
            groups=channels,
            bias=self.bias,
            pad_mode=self.pad_mode,
        )

    def torch(self, *inputs: Shape) -> TorchModule:
        return self.conv(inputs[0][0]).torch(*inputs)


STANDARDIZED_CONV = '''\
class StandardizedConv2d(nn.Conv2d):
    """A convolution whose filters are brought to mean 0 and variance 1 in every run (Qiao et al. 2019)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        eps: float = 1e-6,
        *,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode)
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        variance, mean = torch.var_mean(self.weight, dim=(1, 2, 3), correction=0, keepdim=True)
        return self._conv_forward(x, (self.weight - mean) * torch.rsqrt(variance + self.eps), self.bias)
'''


@register
@dataclass(frozen=True)
class WsConv(OtherConv):
    """A convolution with weight standardisation: each filter has mean 0 and variance 1. Qiao et al. 2019.

    The weights that are learned are free, and are standardised whenever they are used; `eps` is added to the variance.
    It goes with `group_norm`, as in BiT (Kolesnikov et al. 2020). All else is as for `conv`.
    """

    word: ClassVar[str] = "ws_conv"
    examples: ClassVar[tuple[str, ...]] = (
        "3 x 32 x 32 -> ws_conv 3x3, 16",
        "8 x 16 x 15 -> ws_conv 3x3, 8, /2, groups=4, bias=false, eps=0.001",
        "4 x 9 x 9 -> ws_conv 1x1, 6",
    )

    kernel: Pair = extent()
    filters: int = integer()
    stride: Pair = stride()
    pad: Sides | None = padding(None, shown="kernel // 2")
    dilation: Pair = extent((1, 1), keyword=True)
    groups: int = integer(1, keyword=True)
    bias: bool | None = boolean(None, shown="false before bn, else true")
    pad_mode: str = choice("zero", "reflect", "replicate", "circular", default="zero")
    eps: float = number(1e-6, minimum=0.0, above=True, keyword=True)

    def conv(self, channels: int) -> Conv:
        """The convolution by weights that are standardised already."""
        return Conv(**{each.name: getattr(self, each.name) for each in fields(Conv)})

    def keeps(self, *inputs: Shape) -> Kept:
        kept = super().keeps(*inputs)
        weight = self.parameters(*inputs)["weight"]  # centred, and centred and scaled, with a number for each filter
        return kept._replace(besides=kept.besides + floats(weight, weight, weight[:1]))

    def torch(self, *inputs: Shape) -> TorchModule:
        spelled = self.conv(inputs[0][0]).torch(*inputs)
        kwargs = {"eps": (self.eps, 1e-6), **spelled.kwargs}
        return replace(spelled, callee="StandardizedConv2d", kwargs=kwargs, source=STANDARDIZED_CONV)


@register
@dataclass(frozen=True)
class ConvTranspose(Op):
    """Transposed 2-D convolution ("deconvolution"), which makes maps larger: the gradient of a `conv` to its input.

    Each axis becomes `(n - 1) * stride - 2 * pad + dilation * (kernel - 1) + 1 + output_pad`. `pad` crops rows
    and columns on both sides (0 unless told); `output_pad` adds some at the bottom and right, to tell apart the
    sizes that a strided `conv` maps to one. `conv_transpose 4x4, n, /2, pad=1` and `conv_transpose 2x2, n, /2`
    double a map exactly. Zeiler et al. 2010; Dumoulin and Visin 2016, section 4.
    """

    word: ClassVar[str] = "conv_transpose"
    weighted: ClassVar[bool] = True
    examples: ClassVar[tuple[str, ...]] = (
        "8 x 7 x 7 -> conv_transpose 2x2, 4, /2",
        "8 x 7 x 5 -> conv_transpose 4x4, 6, /2, pad=1, bias=false",
        "8 x 6 x 6 -> conv_transpose 3x3, 4, /2, pad=1, output_pad=1, groups=2",
        "4 x 5 x 6 -> conv_transpose 3x5, 4, /1x3, pad=0x2, dilation=2",
    )

    kernel: Pair = extent()
    filters: int = integer()
    stride: Pair = stride()
    pad: Sides = padding()
    output_pad: Pair = extent((0, 0), minimum=0, keyword=True)
    dilation: Pair = extent((1, 1), keyword=True)
    groups: int = integer(1, keyword=True)
    bias: bool | None = boolean(None, shown="false before bn, else true")

    def __post_init__(self) -> None:
        top, bottom, left, right = self.pad
        if (top, left) != (bottom, right):
            raise LayerError(
                "E308",
                "a transposed convolution crops the same on both sides",
                argument="pad",
                help="`output_pad` adds rows at the bottom and columns at the right",
            )
        for added, step, spread in zip(self.output_pad, self.stride, self.dilation, strict=True):
            if added >= max(step, spread):
                raise LayerError(
                    "E308",
                    f"output_pad = {added} is not below the stride or the dilation",
                    argument="output_pad",
                    help=f"at most {max(step, spread) - 1}: no input would reach further rows",
                )

    def output(self, *inputs: Shape) -> Shape:
        channels, height, width = expect_image(self.word, inputs[0])
        check_groups(self.groups, channels, self.filters)
        extent = dilated(self.kernel, self.dilation)
        rows = (height - 1) * self.stride[0] + extent[0] + self.output_pad[0]
        columns = (width - 1) * self.stride[1] + extent[1] + self.output_pad[1]
        top, bottom, left, right = self.pad
        if rows <= top + bottom or columns <= left + right:
            raise LayerError(
                "E202",
                f"nothing is left of the {rows} x {columns} output when {top} rows and {left} columns"
                " are cropped from each side",
                argument="pad",
            )
        return (self.filters, rows - top - bottom, columns - left - right)

    def parameters(self, *inputs: Shape) -> dict[str, Shape]:
        weight: dict[str, Shape] = {"weight": (inputs[0][0], self.filters // self.groups, *self.kernel)}
        return weight if self.bias is False else weight | {"bias": (self.filters,)}

    def macs(self, *inputs: Shape) -> int:
        """Every input value meets every tap of every filter of its group; cropped ones count, like padding."""
        return prod(inputs[0]) * (self.filters // self.groups) * prod(self.kernel)

    def window(self, *inputs: Shape) -> Window:
        return transposed(self.kernel, self.stride, (self.pad[0], self.pad[2]), self.dilation)

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule(
            "nn.ConvTranspose2d",
            (inputs[0][0], self.filters, compact(self.kernel)),
            {
                "stride": (compact(self.stride), 1),
                "padding": (compact((self.pad[0], self.pad[2])), 0),
                "output_padding": (compact(self.output_pad), 0),
                "groups": (self.groups, 1),
                "bias": (self.bias is not False, True),
                "dilation": (compact(self.dilation), 1),
            },
        )
