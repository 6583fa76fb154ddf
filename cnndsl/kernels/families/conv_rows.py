"""K3: convolution of stride 1 on Hopper, of output rows one above the other that share the rows of the input they read.

A tile is some lines of output pixels, each of one row of the map. For every column tap a block fetches each line of the
input that any of them needs once, through the tensor memory accelerator, and multiplies it into all the lines whose row
taps meet it: r lines under k row taps read r + k - 1 lines, where boxes that are shifted tap by tap read r * k.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cnndsl.kernels.families import conv_tma
from cnndsl.kernels.families.conv_gemm import Problem, typical
from cnndsl.kernels.family import Family, Shipped
from cnndsl.kernels.precision import SIZES, Dtype
from cnndsl.kernels.tails import RELU
from cnndsl.kernels.targets import Target
from cnndsl.kernels.tiling import Tiling
from cnndsl.kernels.work import ceil_div


@dataclass(frozen=True)
class Config:
    """Lines of a tile and pixels of a line (powers of two), filters and channels of a step."""

    lines: int
    pixels: int
    block_n: int
    block_k: int
    warps: int
    stages: int

    @property
    def label(self) -> str:
        return f"{self.lines} lines of {self.pixels} x{self.block_n}x{self.block_k}, {self.warps} warps"


# Filters are the rows of the matrix instruction, 64 for each 4 warps, and a line is its columns.
CONFIGURATIONS = (
    Config(4, 64, 128, 64, 8, 2),
    Config(2, 128, 128, 32, 8, 3),
    Config(4, 64, 64, 32, 4, 3),
    Config(2, 64, 64, 64, 4, 2),
)


def configurations(target: Target, dtype: Dtype) -> tuple[Config, ...]:
    """What ships: for Hopper alone, with half the channels per step in fp32."""
    if target.name != "sm_90":
        return ()
    return tuple(replace(config, block_k=config.block_k * 2 // SIZES[dtype]) for config in CONFIGURATIONS)


def fit(config: Config, problem: Problem) -> Config:
    return replace(config, block_k=conv_tma.fitting_step(config.block_k, problem.channels))


def fitting(problem: Problem, target: Target) -> tuple[Config, ...]:
    """Those that ship, cut to the problem, of which a step's lines and filters of all row taps fit in shared memory."""
    cut = dict.fromkeys(fit(config, problem) for config in configurations(target, problem.dtype))
    return tuple(config for config in cut if tiling(problem, config).shared <= target.shared)


def refusal(problem: Problem) -> str | None:
    """Why this kernel does not take a convolution; None if it does."""
    if problem.kernel[0] == 1:
        return "its kernel has one row: no lines to share"
    if problem.dilation[0] != 1:
        return f"its kernel is dilated by {problem.dilation[0]} rows"
    return conv_tma.refusal(problem)


def line(problem: Problem, pixels: int) -> tuple[int, int]:
    """Images and columns of a line of so many output pixels that covers the map with the least overhang.

    It holds whole windows of a pool.
    """
    powers = [1 << n for n in range(pixels.bit_length())]
    shapes = [(pixels // columns, columns) for columns in powers if problem.pool[1] <= columns]
    return min(shapes, key=lambda shape: (lines(problem, shape), -shape[1]))


def lines(problem: Problem, shape: tuple[int, int]) -> int:
    """How many of that shape cover one row of all images."""
    return ceil_div(problem.batch, shape[0]) * ceil_div(problem.stored[1] * problem.pool[1], shape[1])


def tiles(problem: Problem, config: Config) -> int:
    rows = ceil_div(problem.stored[0] * problem.pool[0], config.lines)
    across = lines(problem, line(problem, config.pixels))
    return rows * across * ceil_div(problem.filters, config.block_n)


def tiling(problem: Problem, config: Config) -> Tiling:
    """The blocks of a launch."""
    size, (down, right) = SIZES[problem.dtype], problem.kernel
    tile = config.lines * config.pixels * config.block_n
    channels = ceil_div(problem.channels, config.block_k) * config.block_k
    read = config.pixels * (config.lines + down - 1) + config.block_n * down  # of a column tap and channel
    return Tiling(
        blocks=tiles(problem, config),
        flops=2 * tile * down * right * channels,
        reads=read * right * channels * size,
        stores=tile * size,
        shared=read * config.block_k * size * config.stages,
        waits=right * channels / config.block_k / (config.stages - 1),
        boxes=True,
    )


def suggest(problem: Problem, target: Target) -> Config:
    """The fastest by the model."""
    return min(fitting(problem, target), key=lambda config: tiling(problem, config).seconds(target))


def shipped(target: Target, dtype: Dtype) -> Iterator[Shipped]:
    usual = typical(dtype)
    plain = replace(usual, tail=(RELU,), residual_leading=None)
    every = configurations(target, dtype)
    for config in every:
        yield Shipped(config.label, usual, config, config.block_n)
    for config in every[:1]:
        yield Shipped("pooled 2x2", replace(plain, pool=(2, 2)), config, config.block_n)
        yield Shipped("two outputs", replace(plain, split_at=64, y2_leading=192), config, config.block_n)


FAMILIES = (
    Family(
        "conv_rows",
        "conv_rows.specialize",
        suggest,
        fitting,
        shipped,
        refusal,
        tiling=tiling,
        rivals=("conv_gemm",),
        most=2,
        starts=conv_tma.ALIGNED,
        boxes=True,
    ),
)
