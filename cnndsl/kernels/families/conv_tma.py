"""K2: convolution of stride 1 on Hopper, whose input comes in boxes through the tensor memory accelerator.

A box of output pixels (images x rows x columns) needs, for each tap, a box of the input shifted by that tap. A tensor
descriptor fetches it whole and fills with zeros what lies beyond the map, so that padding costs nothing and the
matrix instruction reads straight from shared memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cnndsl.kernels.families.conv_gemm import Problem, typical
from cnndsl.kernels.family import Family, Shipped, by_type, matrix_label
from cnndsl.kernels.precision import SIZES, Dtype
from cnndsl.kernels.targets import Target
from cnndsl.kernels.tiling import Tiling
from cnndsl.kernels.work import ceil_div


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
)
ALIGNED = 16  # bytes: what descriptors ask of every stride and start


def configurations(target: Target, dtype: Dtype) -> tuple[Config, ...]:
    """What ships: for Hopper alone, with half the channels per step in fp32."""
    if target.name != "sm_90":
        return ()
    if SIZES[dtype] == 2:
        return CONFIGURATIONS
    return tuple(Config(c.block_m, c.block_n, c.block_k // 2, c.warps, c.stages) for c in CONFIGURATIONS)


def refusal(problem: Problem) -> str | None:
    """Why this kernel does not take a convolution; None if it does."""
    unit = ALIGNED // SIZES[problem.dtype]
    if problem.stride != (1, 1):
        return f"its stride is {problem.stride[0]}x{problem.stride[1]}"
    if problem.window > 1:
        return "its result is pooled"
    if problem.second or problem.split_at or problem.bundles > 1:
        return "it has several sources, outputs or groups"
    if problem.x_leading % unit or problem.channels % unit:
        return f"its channels are not a multiple of {unit}"
    return None


def box(problem: Problem, block_m: int) -> tuple[int, int, int]:
    """Images, rows and columns of a box of `block_m` output pixels that covers the map with the least overhang."""

    def waste(shape: tuple[int, int, int]) -> tuple[int, int]:
        images, rows, columns = shape
        boxes = ceil_div(problem.batch, images) * ceil_div(problem.out[0], rows) * ceil_div(problem.out[1], columns)
        return boxes, -columns

    powers = [1 << n for n in range(block_m.bit_length())]
    shapes = [(block_m // (r * c), r, c) for r in powers for c in powers if r * c <= block_m]
    return min(shapes, key=waste)


def tiling(problem: Problem, config: Config) -> Tiling:
    """The blocks of a launch."""
    size = SIZES[problem.dtype]
    images, rows, columns = box(problem, config.block_m)
    boxes = ceil_div(problem.batch, images) * ceil_div(problem.out[0], rows) * ceil_div(problem.out[1], columns)
    blocks = boxes * ceil_div(problem.filters, config.block_n)
    shared = (config.block_m + config.block_n) * config.block_k * size * config.stages
    waits = problem.depth / config.block_k / (config.stages - 1)
    return Tiling(config.block_m, config.block_n, problem.depth, blocks, size, shared, waits)


def suggest(problem: Problem, target: Target) -> Config:
    """The fastest by the model."""
    return min(configurations(target, problem.dtype), key=lambda config: tiling(problem, config).seconds(target))


def shipped(target: Target, dtype: Dtype) -> Iterator[Shipped]:
    for config in configurations(target, dtype):
        yield Shipped(matrix_label(config), typical(dtype), config, config.block_m)


FAMILIES = (
    Family(
        "conv_tma",
        "conv_tma.specialize",
        suggest,
        by_type(configurations),
        shipped,
        refusal,
        tiling=tiling,
        rivals=("conv_gemm",),
        most=3,
        starts=ALIGNED,
        boxes=True,
    ),
)
