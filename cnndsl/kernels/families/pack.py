"""K6: between PyTorch's planes (N C H W, float32) and the kernels' pixels (N H W C, half, channels padded with zeros).

Three channels become 4 or 8, so that the first convolution can read whole vectors of 8 or 16 bytes.
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
    """A change of layout and type; steps are elements from one image, channel and pixel to the next."""

    x_dtype: Dtype
    y_dtype: Dtype
    batch: int
    pixels: int
    channels: int
    out_channels: int
    x_steps: tuple[int, int, int]
    y_steps: tuple[int, int, int]

    def work(self) -> Work:
        read, written = self.channels * SIZES[self.x_dtype], self.out_channels * SIZES[self.y_dtype]
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
    )
    for name, problem, config in zip(
        ("3 planes to 8 channels", "64 channels to planes"), problems, configurations(target, dtype), strict=True
    ):
        yield Shipped(name, problem, config)


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
