"""K6: between PyTorch's planes (N C H W, float32) and the kernels' pixels (N H W C, half, channels padded with zeros).

Three channels become 4 or 8, so that the first convolution can read whole vectors of 8 or 16 bytes; or a block of
pixels becomes one of them all, with their channels in the order of `pixel_unshuffle`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cnndsl.kernels.family import Family, Shipped
from cnndsl.kernels.precision import SIZES, Dtype
from cnndsl.kernels.targets import Target
from cnndsl.kernels.work import Work


@dataclass(frozen=True)
class Problem:
    """A change of layout and type; steps are elements from one image, channel and pixel to the next.

    side   of the square blocks of pixels of `x` that are one pixel of `y` each; `pixels` are those of `y`
    width  blocks in a row
    """

    x_dtype: Dtype
    y_dtype: Dtype
    batch: int
    pixels: int
    channels: int
    out_channels: int
    x_steps: tuple[int, int, int]
    y_steps: tuple[int, int, int]
    side: int = 1
    width: int = 1

    def work(self) -> Work:
        read, written = self.side**2 * self.channels * SIZES[self.x_dtype], self.out_channels * SIZES[self.y_dtype]
        return Work(self.batch * self.pixels * (read + written), 0)


@dataclass(frozen=True)
class Config:
    """Pixels and channels of a tile."""

    block_m: int
    block_c: int
    warps: int = 4


CONFIGURATIONS = (Config(512, 8), Config(64, 64))


def configurations(target: Target, dtype: Dtype) -> tuple[Config, ...]:
    """What ships, the same tiles for every target: it is bound by memory."""
    return tuple(replace(config, warps=target.warps(config.warps)) for config in CONFIGURATIONS)


def suggest(problem: Problem, target: Target) -> Config:
    return configurations(target, problem.y_dtype)[problem.out_channels > 8]


def shipped(target: Target, dtype: Dtype) -> Iterator[Shipped]:
    size = 224 * 224
    problems = (
        Problem("fp32", dtype, 8, size, 3, 8, (3 * size, size, 1), (8 * size, 1, 8)),
        Problem(dtype, "fp32", 8, size, 64, 64, (64 * size, 1, 64), (64 * size, size, 1)),
        Problem("fp32", dtype, 8, size // 4, 3, 16, (3 * size, size, 1), (4 * size, 1, 16), side=2, width=112),
    )
    names = ("3 planes to 8 channels", "64 channels to planes", "blocks of 2x2 to 16")
    for name, problem in zip(names, problems, strict=True):
        yield Shipped(name, problem, suggest(problem, target))


FAMILIES = (
    Family(
        "pack",
        "pack.specialize",
        suggest,
        lambda problem, target: configurations(target, problem.y_dtype),
        shipped,
        trial="pack",
    ),
)
