"""Layers that change the size of an image: by repeating or interpolating pixels, by padding or cutting."""

from __future__ import annotations

from typing import ClassVar

from cnndsl.ops.arguments import TensorLabel, argument, boolean, choice, extent, number, padding, stride
from cnndsl.ops.base import LayerError, Op, Rewrite, Shape, TorchExpression, TorchModule, register, show_shape
from cnndsl.ops.bounds import ANY, Bounds, hull
from cnndsl.ops.images import PAD_SAME, Pair, Sides, check_mirrored, compact, expect_image, same_sides
from cnndsl.ops.kept import INPUTS, NOTHING, Kept, Shares
from cnndsl.ops.window import Window, interpolated, repeated, sliding, stretched
from cnndsl.records import dataclass

MODES = ("nearest", "bilinear", "bicubic")


class Resampling(Op):
    """A layer whose pixels are those of a map of another size, repeated or interpolated."""

    mode: str
    align_corners: bool

    def __post_init__(self) -> None:
        if self.align_corners and self.mode == "nearest":
            raise LayerError(
                "E308",
                "align_corners means nothing when pixels are repeated",
                argument="align_corners",
                rewrites=(Rewrite("say `mode=bilinear` too", {"mode": "bilinear"}),),
            )

    def bounds(self, *inputs: Bounds) -> Bounds:
        return ANY if self.mode == "bicubic" else inputs[0]  # which overshoots

    @property
    def keeps_shift(self) -> bool:
        return True

    def keeps(self, *inputs: Shape) -> Kept:
        return NOTHING

    def window(self, *inputs: Shape) -> Window:
        before, after = inputs[0][1:], self.output(*inputs)[1:]
        if self.mode == "nearest":
            return Window(*map(repeated, before, after))
        around = 2 if self.mode == "bicubic" else 1
        between = stretched if self.align_corners else interpolated
        rows, columns = (between(one, other, around) for one, other in zip(before, after, strict=True))
        return Window(rows, columns)


@register
@dataclass(frozen=True)
class Upsample(Resampling):
    """Makes height and width `scale` times larger (an integer, or rows x columns).

    `mode=nearest` repeats pixels, `mode=bilinear` and `mode=bicubic` interpolate between their centres, or between the
    corner pixels with `align_corners=true`.
    """

    word: ClassVar[str] = "upsample"
    examples: ClassVar[tuple[str, ...]] = (
        "4 x 5 x 3 -> upsample 2",
        "4 x 5 x 3 -> upsample 2x3, mode=bilinear",
        "4 x 5 x 3 -> upsample 2, mode=bilinear, align_corners=true",
        "4 x 5 x 3 -> upsample 2, mode=bicubic",
    )

    scale: Pair = extent()
    mode: str = choice(*MODES, default="nearest")
    align_corners: bool = boolean(False)

    def output(self, *inputs: Shape) -> Shape:
        channels, height, width = expect_image(self.word, inputs[0])
        return (channels, height * self.scale[0], width * self.scale[1])

    def does_nothing(self, *inputs: Shape) -> bool:
        return self.scale == (1, 1)

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule(
            "nn.Upsample",
            kwargs={
                "scale_factor": (compact(self.scale), None),
                "mode": (self.mode, "nearest"),
                "align_corners": (self.align_corners or None, None),
            },
        )


@register
@dataclass(frozen=True)
class Resize(Resampling):
    """Makes an image as large as `size` (height x width), or as the tensor that is labelled `like`.

    `like` is right at every size of the network's input; the size is read when the network runs. Modes are those of
    `upsample`; pixels are not averaged where a map becomes smaller.
    """

    word: ClassVar[str] = "resize"
    examples: ClassVar[tuple[str, ...]] = (
        "4 x 5 x 3 -> resize 10x7",
        "4 x 6 x 4 -> resize 3x8, mode=bilinear",
        "4 x 5 x 3 -> resize 8x9, mode=bilinear, align_corners=true",
        "4 x 5 x 3 -> resize 7x6, mode=bicubic",
        "4 x 7 x 9 as image -> conv 3x3, 2, /2 -> resize like=image, mode=bilinear",
    )

    size: Pair | None = extent(None, shown="none, with `like`")
    like: str | None = argument(TensorLabel(), None, keyword=True, shown="none, with a size")
    mode: str = choice(*MODES, default="nearest")
    align_corners: bool = boolean(False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size is None and self.like is None:
            help = "say `resize 64x64`, or `resize like=NAME` for the size of the tensor labelled NAME"
            raise LayerError("E305", "`resize` needs a size", argument="size", help=help)
        if self.size is not None and self.like is not None:
            help = f"leave out {compact(self.size)} to follow `{self.like}`, or `like` for that size always"
            raise LayerError("E308", "`resize` takes a size or a tensor, not both", argument="like", help=help)

    @property
    def arity(self) -> int:  # type: ignore[override]
        return 1 + self.measured

    @property
    def measured(self) -> int:  # type: ignore[override]
        return int(self.like is not None)

    def output(self, *inputs: Shape) -> Shape:
        channels, *_ = expect_image(self.word, inputs[0])
        if self.size is not None:
            return (channels, *self.size)
        if len(inputs[1]) != 3:
            message = f"`{self.like}` is a vector of {show_shape(inputs[1])}, which has neither height nor width"
            raise LayerError("E201", message, argument="like", help="label it before it is flattened")
        return (channels, *inputs[1][1:])

    def does_nothing(self, *inputs: Shape) -> bool:
        return self.size == inputs[0][1:]

    def torch(self, *inputs: Shape) -> TorchExpression:
        corners = ", align_corners=True" if self.align_corners else ""
        mode = "" if self.mode == "nearest" else f', mode="{self.mode}"{corners}'
        if self.like is not None:
            return TorchExpression(f"F.interpolate({{0}}, {{1}}.shape[2:]{mode})")
        _, rows, columns = self.output(*inputs)
        values = {"rows": rows, "columns": columns}
        return TorchExpression(f"F.interpolate({{0}}, ({{rows}}, {{columns}}){mode})", values)


@register
@dataclass(frozen=True)
class Pad(Op):
    """Adds rows and columns around an image: `pad 1`, `pad 1x3` (rows, columns), `pad [top, bottom, left, right]`.

    `mode=zero` fills them with `value`, `mode=reflect` mirrors the image without repeating its edge,
    `mode=replicate` repeats its edge, and `mode=circular` goes on at the other side.
    """

    word: ClassVar[str] = "pad"
    examples: ClassVar[tuple[str, ...]] = (
        "4 x 5 x 3 -> pad 1",
        "4 x 5 x 3 -> pad 1x2, value=0.5",
        "4 x 5 x 3 -> pad [0, 4, 1, 2], mode=reflect",
        "4 x 5 x 3 -> pad [3, 0, 0, 7], mode=replicate",
        "4 x 5 x 3 -> pad 2x1, mode=circular",
    )

    sides: Sides = padding(keyword=False)
    mode: str = choice("zero", "reflect", "replicate", "circular", default="zero")
    value: float = number(0.0, keyword=True)

    def __post_init__(self) -> None:
        if self.value and self.mode != "zero":
            message = f"`mode={self.mode}` takes its values from the image"
            rewrites = (Rewrite("leave `value` out", {"value": None}),)
            raise LayerError("E308", message, argument="value", rewrites=rewrites)

    def output(self, *inputs: Shape) -> Shape:
        channels, height, width = expect_image(self.word, inputs[0])
        top, bottom, left, right = self.sides
        check_mirrored(self.mode, (height, width), self.sides, "sides")
        return (channels, height + top + bottom, width + left + right)

    @property
    def picks(self) -> bool:  # type: ignore[override]
        return self.mode != "zero"

    def bounds(self, *inputs: Bounds) -> Bounds:
        return inputs[0] if self.picks else hull(inputs[0], (self.value, self.value))

    def does_nothing(self, *inputs: Shape) -> bool:
        return not any(self.sides)

    def window(self, *inputs: Shape) -> Window:
        return sliding((1, 1), (1, 1), (self.sides[0], self.sides[2]))

    def keeps(self, *inputs: Shape) -> Kept:
        return INPUTS if self.mode in ("reflect", "replicate") else NOTHING

    def torch(self, *inputs: Shape) -> TorchExpression:
        top, bottom, left, right = self.sides
        values: dict[str, object] = {"left": left, "right": right, "top": top, "bottom": bottom}
        fill = ""
        if self.mode != "zero":
            fill = f', mode="{self.mode}"'
        elif self.value:
            fill, values["value"] = ", value={value}", self.value
        return TorchExpression(f"F.pad({{0}}, ({{left}}, {{right}}, {{top}}, {{bottom}}){fill})", values)


@register
@dataclass(frozen=True)
class Crop(Op):
    """Cuts an image to `size` (height x width) around its centre; an odd pixel goes at the bottom and at the right."""

    word: ClassVar[str] = "crop"
    shares: ClassVar[Shares] = "always"
    picks: ClassVar[bool] = True
    examples: ClassVar[tuple[str, ...]] = ("4 x 6 x 5 -> crop 4x5", "2 x 7 x 7 -> crop 4")

    size: Pair = extent()

    def output(self, *inputs: Shape) -> Shape:
        channels, height, width = expect_image(self.word, inputs[0])
        if self.size[0] > height or self.size[1] > width:
            message = f"{self.size[0]} x {self.size[1]} cannot be cut out of a {height} x {width} map"
            raise LayerError("E202", message, argument="size", help="`pad` makes an image larger")
        return (channels, *self.size)

    def does_nothing(self, *inputs: Shape) -> bool:
        return inputs[0][1:] == self.size

    def window(self, *inputs: Shape) -> Window:
        top, left = self._corner(inputs[0])
        return sliding((1, 1), (1, 1), (-top, -left))

    def _corner(self, shape: Shape) -> Pair:
        """The first row and column that are kept."""
        return (shape[1] - self.size[0]) // 2, (shape[2] - self.size[1]) // 2

    def keeps(self, *inputs: Shape) -> Kept:
        return NOTHING

    def torch(self, *inputs: Shape) -> TorchExpression:
        top, left = self._corner(inputs[0])
        values = {"top": top, "bottom": top + self.size[0], "left": left, "right": left + self.size[1]}
        return TorchExpression("{0}[:, :, {top}:{bottom}, {left}:{right}]", values)


SAME_PAD = '''\
class SamePad(nn.Module):
    """The padding that TensorFlow calls SAME of a window that follows."""

    def __init__(self, kernel_size: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]) -> None:
        super().__init__()
        self.window = kernel_size, stride, dilation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return pad_same(x, *self.window)
'''


@dataclass(frozen=True)
class SamePad(Op):
    """The padding of a window with `pad=same`, as a step of its own; only a pass makes it."""

    word: ClassVar[str] = "same_pad"

    kernel: Pair = extent()
    stride: Pair = stride()
    dilation: Pair = extent((1, 1), keyword=True)

    def _sides(self, shape: Shape) -> Sides:
        return same_sides((shape[1], shape[2]), self.kernel, self.stride, self.dilation)

    def output(self, *inputs: Shape) -> Shape:
        channels, height, width = expect_image(self.word, inputs[0])
        top, bottom, left, right = self._sides(inputs[0])
        return (channels, height + top + bottom, width + left + right)

    def window(self, *inputs: Shape) -> Window:
        top, _, left, _ = self._sides(inputs[0])
        return sliding((1, 1), (1, 1), (top, left))

    def keeps(self, *inputs: Shape) -> Kept:
        return NOTHING

    def torch(self, *inputs: Shape) -> TorchModule:
        given = (self.kernel, self.stride, self.dilation)
        return TorchModule("SamePad", given, source=SAME_PAD, helper=PAD_SAME)
