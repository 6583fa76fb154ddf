"""K2: convolution of stride 1 on Hopper, whose input comes in boxes through the tensor memory accelerator.

A box of output pixels (images x rows x columns) needs, for each tap, a box of the input shifted by that tap. A tensor
descriptor fetches it whole and fills with zeros what lies beyond the map, so that padding costs nothing and the
matrix instruction reads straight from shared memory. Descriptors are made once, by the host.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cnndsl.kernels.families.conv_gemm import Problem, typical
from cnndsl.kernels.family import Family, Shipped, matrix_label
from cnndsl.kernels.precision import SIZES, Dtype
from cnndsl.kernels.tails import RELU
from cnndsl.kernels.targets import Target
from cnndsl.kernels.tiling import Tiling, product
from cnndsl.kernels.work import ceil_div, power_of_two


@dataclass(frozen=True)
class Config:
    """Output pixels of a box (a power of two, cut to the map by `box`), filters and channels of a step."""

    block_m: int
    block_n: int
    block_k: int
    warps: int
    stages: int


CONFIGURATIONS = (
    Config(128, 128, 64, 8, 4),
    Config(128, 64, 64, 4, 4),
    Config(64, 128, 64, 4, 4),
    Config(64, 64, 64, 4, 4),
    Config(128, 32, 64, 4, 4),
    Config(256, 32, 64, 8, 4),
    Config(256, 128, 64, 8, 3),
    Config(128, 256, 64, 8, 3),
    Config(256, 64, 64, 8, 4),
)
SMALL = 6  # the first of them have registers for products of fp32 too
ALIGNED = 16  # bytes: what descriptors ask of every stride and start


def configurations(target: Target, dtype: Dtype) -> tuple[Config, ...]:
    """What ships: for Hopper alone, with half the channels per step in fp32."""
    if target.name != "sm_90":
        return ()
    if SIZES[dtype] == 2:
        return CONFIGURATIONS
    return tuple(replace(config, block_k=config.block_k // 2) for config in CONFIGURATIONS[:SMALL])


def fit(config: Config, problem: Problem) -> Config:
    return replace(config, block_k=fitting_step(config.block_k, problem.channels))


def fitting_step(block_k: int, channels: int) -> int:
    """Channels of a step: no more than there are, or half where that fits them better."""
    block_k = max(16, min(block_k, power_of_two(channels)))
    halves = (block_k, block_k // 2) if block_k >= 64 and channels > block_k else (block_k,)
    return min(halves, key=lambda k: ceil_div(channels, k) * k)


def fitting(problem: Problem, target: Target) -> tuple[Config, ...]:
    """Those that ship, cut to the problem."""
    return tuple(dict.fromkeys(fit(config, problem) for config in configurations(target, problem.dtype)))


def refusal(problem: Problem) -> str | None:
    """Why this kernel does not take a convolution; None if it does."""
    if problem.scaled:
        return "it has values of 8 bits"
    unit = ALIGNED // SIZES[problem.dtype]
    if problem.stride != (1, 1):
        return f"its stride is {problem.stride[0]}x{problem.stride[1]}"
    if problem.pool not in ((1, 1), (2, 2)):
        return f"its result is pooled by {problem.pool[0]}x{problem.pool[1]}"
    if problem.second or problem.bundles > 1:
        return "it has several sources or groups"
    if problem.x_leading % unit or problem.channels % unit:
        return f"its channels are not a multiple of {unit}"
    return None


def seen(problem: Problem) -> Problem:
    """The problem as boxes cover it: a product of matrices knows no map, and its pixels are one row."""
    if problem.kernel != (1, 1) or any(problem.sides) or problem.window > 1:
        return problem
    return replace(problem, batch=1, height=1, width=problem.pixels)


def box(problem: Problem, block_m: int) -> tuple[int, int, int]:
    """Images, rows and columns of a box of `block_m` output pixels that covers the map with the least overhang.

    It holds whole windows of a pool.
    """
    powers = [1 << n for n in range(block_m.bit_length())]
    shapes = [
        (block_m // (r * c), r, c)
        for r in powers
        for c in powers
        if r * c <= block_m and r >= problem.pool[0] and c >= problem.pool[1]
    ]
    return min(shapes, key=lambda shape: (boxes(problem, shape), -shape[2]))


def boxes(problem: Problem, shape: tuple[int, int, int]) -> int:
    """How many of that shape cover what is computed of the map."""
    rows, columns = (n * step for n, step in zip(problem.stored, problem.pool, strict=True))
    return ceil_div(problem.batch, shape[0]) * ceil_div(rows, shape[1]) * ceil_div(columns, shape[2])


def tiling(problem: Problem, config: Config) -> Tiling:
    """The blocks of a launch."""
    size, as_seen = SIZES[problem.dtype], seen(problem)
    blocks = boxes(as_seen, box(as_seen, config.block_m)) * ceil_div(problem.filters, config.block_n)
    shared = (config.block_m + config.block_n) * config.block_k * size * config.stages
    depth = problem.kernel[0] * problem.kernel[1] * ceil_div(problem.channels, config.block_k) * config.block_k
    waits = depth / config.block_k / (config.stages - 1)
    tile = config.block_m, config.block_n
    return product(*tile, depth, blocks=blocks, size=size, shared=shared, waits=waits, boxes=True)


def suggest(problem: Problem, target: Target) -> Config:
    """The fastest by the model."""
    return min(fitting(problem, target), key=lambda config: tiling(problem, config).seconds(target))


def shipped(target: Target, dtype: Dtype) -> Iterator[Shipped]:
    usual = typical(dtype)
    plain = replace(usual, tail=(RELU,), residual_leading=None)
    every = configurations(target, dtype)
    for config in every:
        yield Shipped(matrix_label(config), usual, config, config.block_m)
    for config in every[:1]:
        yield Shipped("pooled 2x2", replace(plain, pool=(2, 2)), config, config.block_m)
        yield Shipped("two outputs", replace(plain, split_at=64, y2_leading=192), config, config.block_m)


FAMILIES = (
    Family(
        "conv_tma",
        "conv_tma.specialize",
        suggest,
        fitting,
        shipped,
        refusal,
        tiling=tiling,
        rivals=("conv_gemm",),
        most=4,
        starts=ALIGNED,
        boxes=True,
    ),
)
