"""Layers that make images larger: by repeating or interpolating pixels, or by padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cnndsl.ops.arguments import boolean, choice, extent, number, padding
from cnndsl.ops.base import LayerError, Op, Shape, TorchExpression, TorchModule, register
from cnndsl.ops.images import Pair, Sides, compact, expect_image
from cnndsl.ops.window import Window, interpolated, repeated, sliding, stretched


@register
@dataclass(frozen=True)
class Upsample(Op):
    """Makes height and width `scale` times larger (an integer, or rows x columns).

    `mode=nearest` repeats pixels, `mode=bilinear` interpolates between their centres, or between the corner pixels
    with `align_corners=true`.
    """

    word: ClassVar[str] = "upsample"
    examples: ClassVar[tuple[str, ...]] = (
        "4 x 5 x 3 -> upsample 2",
        "4 x 5 x 3 -> upsample 2x3, mode=bilinear",
        "4 x 5 x 3 -> upsample 2, mode=bilinear, align_corners=true",
    )

    scale: Pair = extent()
    mode: str = choice("nearest", "bilinear", default="nearest")
    align_corners: bool = boolean(False)

    def __post_init__(self) -> None:
        if self.align_corners and self.mode == "nearest":
            raise LayerError(
                "E308",
                "align_corners means nothing when pixels are repeated",
                argument="align_corners",
                help="say `mode=bilinear` too",
            )

    def output(self, *inputs: Shape) -> Shape:
        channels, height, width = expect_image(self.word, inputs[0])
        return (channels, height * self.scale[0], width * self.scale[1])

    def window(self, *inputs: Shape) -> Window:
        if self.align_corners:
            return Window(*map(stretched, inputs[0][1:], self.scale))
        return Window(*map(repeated if self.mode == "nearest" else interpolated, self.scale))

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
class Pad(Op):
    """Adds rows and columns around an image: `pad 1`, `pad 1x3` (rows, columns), `pad [top, bottom, left, right]`.

    `mode=zero` fills them with `value`, `mode=reflect` mirrors the image without repeating its edge, and
    `mode=replicate` repeats its edge.
    """

    word: ClassVar[str] = "pad"
    examples: ClassVar[tuple[str, ...]] = (
        "4 x 5 x 3 -> pad 1",
        "4 x 5 x 3 -> pad 1x2, value=0.5",
        "4 x 5 x 3 -> pad [0, 4, 1, 2], mode=reflect",
        "4 x 5 x 3 -> pad [3, 0, 0, 7], mode=replicate",
    )

    sides: Sides = padding(keyword=False)
    mode: str = choice("zero", "reflect", "replicate", default="zero")
    value: float = number(0.0, keyword=True)

    def __post_init__(self) -> None:
        if self.value and self.mode != "zero":
            message = f"`mode={self.mode}` takes its values from the image"
            raise LayerError("E308", message, argument="value", help="leave `value` out")

    def output(self, *inputs: Shape) -> Shape:
        channels, height, width = expect_image(self.word, inputs[0])
        top, bottom, left, right = self.sides
        if self.mode == "reflect" and (max(top, bottom) >= height or max(left, right) >= width):
            raise LayerError(
                "E202",
                f"a {height} x {width} map has not enough pixels to reflect",
                argument="sides",
                help=f"reflect at most {height - 1} rows and {width - 1} columns, or use `mode=replicate`",
            )
        return (channels, height + top + bottom, width + left + right)

    def window(self, *inputs: Shape) -> Window:
        return sliding((1, 1), (1, 1), (self.sides[0], self.sides[2]))

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
    examples: ClassVar[tuple[str, ...]] = ("4 x 6 x 5 -> crop 4x5", "2 x 7 x 7 -> crop 4")

    size: Pair = extent()

    def output(self, *inputs: Shape) -> Shape:
        channels, height, width = expect_image(self.word, inputs[0])
        if self.size[0] > height or self.size[1] > width:
            message = f"{self.size[0]} x {self.size[1]} cannot be cut out of a {height} x {width} map"
            raise LayerError("E202", message, argument="size", help="`pad` makes an image larger")
        return (channels, *self.size)

    def window(self, *inputs: Shape) -> Window:
        top, left = self._corner(inputs[0])
        return sliding((1, 1), (1, 1), (-top, -left))

    def _corner(self, shape: Shape) -> Pair:
        """The first row and column that are kept."""
        return (shape[1] - self.size[0]) // 2, (shape[2] - self.size[1]) // 2

    def torch(self, *inputs: Shape) -> TorchExpression:
        top, left = self._corner(inputs[0])
        values = {"top": top, "bottom": top + self.size[0], "left": left, "right": left + self.size[1]}
        return TorchExpression("{0}[:, :, {top}:{bottom}, {left}:{right}]", values)
