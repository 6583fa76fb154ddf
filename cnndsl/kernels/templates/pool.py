"""The template of pools: see `cnndsl.kernels.families.pool`."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from cnndsl.kernels.families.pool import Config, Problem
from cnndsl.kernels.specialization import DTYPES, Specialization, leading
from cnndsl.kernels.templates.early import wait_for_tensors
from cnndsl.kernels.templates.eight_bits import stored
from cnndsl.kernels.templates.tails import tail
from cnndsl.kernels.templates.tiles import larger
from cnndsl.kernels.work import ceil_div, power_of_two
from cnndsl.ops.images import Pair, Sides


@triton.jit
def pool_kernel(
    x, scale, y,
    M: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr, CHANNELS: tl.constexpr,
    OUT_HEIGHT: tl.constexpr, OUT_WIDTH: tl.constexpr, KERNEL_H: tl.constexpr, KERNEL_W: tl.constexpr,
    STRIDE_H: tl.constexpr, STRIDE_W: tl.constexpr, TOP: tl.constexpr, BOTTOM: tl.constexpr,
    LEFT: tl.constexpr, RIGHT: tl.constexpr, X_LEADING: tl.constexpr, Y_LEADING: tl.constexpr,
    ADAPTIVE: tl.constexpr, MAXIMUM: tl.constexpr, COUNT_PADDING: tl.constexpr, TAIL: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_C: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    wait_for_tensors(EARLY)
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    c = tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C)
    inside = (m < M)[:, None] & (c < CHANNELS)[None, :]
    image = m // (OUT_HEIGHT * OUT_WIDTH)
    out_row = m // OUT_WIDTH % OUT_HEIGHT
    out_column = m % OUT_WIDTH
    if ADAPTIVE:
        top = out_row * HEIGHT // OUT_HEIGHT
        bottom = ((out_row + 1) * HEIGHT + OUT_HEIGHT - 1) // OUT_HEIGHT
        left = out_column * WIDTH // OUT_WIDTH
        right = ((out_column + 1) * WIDTH + OUT_WIDTH - 1) // OUT_WIDTH
    else:
        top = out_row * STRIDE_H - TOP
        bottom = tl.minimum(top + KERNEL_H, HEIGHT + BOTTOM)
        left = out_column * STRIDE_W - LEFT
        right = tl.minimum(left + KERNEL_W, WIDTH + RIGHT)
    counted = (bottom - top) * (right - left)
    first_row = tl.maximum(top, 0)
    last_row = tl.minimum(bottom, HEIGHT) - 1
    first_column = tl.maximum(left, 0)
    last_column = tl.minimum(right, WIDTH) - 1
    if not COUNT_PADDING:
        counted = (last_row - first_row + 1) * (last_column - first_column + 1)

    value = tl.full((BLOCK_M, BLOCK_C), float("-inf") if MAXIMUM else 0.0, tl.float32)
    for tap in range(KERNEL_H * KERNEL_W):
        row = top + tap // KERNEL_W
        column = left + tap % KERNEL_W
        if MAXIMUM:  # a pixel that counts twice does not change a maximum: no mask, less code
            row = tl.minimum(tl.maximum(row, first_row), last_row)
            column = tl.minimum(tl.maximum(column, first_column), last_column)
            taken = inside
        else:
            taken = (row >= first_row) & (row <= last_row) & (column >= first_column) & (column <= last_column)
            taken = inside & taken[:, None]
        pixel = (image * HEIGHT + row) * WIDTH + column
        found = tl.load(x + (pixel * X_LEADING)[:, None] + c[None, :], mask=taken, other=0.0).to(tl.float32)
        if MAXIMUM:
            value = tl.maximum(value, found, propagate_nan=tl.PropagateNan.ALL)
        else:
            value += found
    if not MAXIMUM:
        value = value / counted.to(tl.float32)[:, None]
    value = TAIL(value, value)
    if scale is not None:
        value *= tl.load(scale)
    tl.store(y + m[:, None] * Y_LEADING + c[None, :], stored(value, y.dtype.element_ty), mask=inside)


@triton.jit
def global_pool_kernel(
    x, scale, y,
    PIXELS: tl.constexpr, CHANNELS: tl.constexpr, X_LEADING: tl.constexpr, Y_LEADING: tl.constexpr,
    MAXIMUM: tl.constexpr, TAIL: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_C: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    wait_for_tensors(EARLY)
    image = tl.program_id(0)
    c = tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C)
    lowest = float("-inf") if MAXIMUM else 0.0
    value = tl.full((BLOCK_M, BLOCK_C), lowest, tl.float32)
    for start in range(0, PIXELS, BLOCK_M):
        pixel = start + tl.arange(0, BLOCK_M)
        inside = (pixel < PIXELS)[:, None] & (c < CHANNELS)[None, :]
        at = (image * PIXELS + pixel) * X_LEADING
        found = tl.load(x + at[:, None] + c[None, :], mask=inside, other=0.0).to(tl.float32)
        value = larger(value, tl.where(inside, found, lowest)) if MAXIMUM else value + found
    result = tl.reduce(value, 0, larger) if MAXIMUM else tl.sum(value, axis=0) / PIXELS
    result = TAIL(result, result)
    if scale is not None:
        result *= tl.load(scale)
    tl.store(y + image * Y_LEADING + c, stored(result, y.dtype.element_ty), mask=c < CHANNELS)


def specialize(problem: Problem, config: Config) -> Specialization:
    pointers: dict[str, str | None] = {
        "x": problem.dtype,
        "scale": "fp32" if problem.scaled else None,
        "y": problem.y_dtype or problem.dtype,
    }
    block_c = min(config.block_c, power_of_two(problem.channels))
    columns = ceil_div(problem.channels, block_c)
    constants = {
        "CHANNELS": problem.channels,
        "X_LEADING": problem.x_leading,
        "Y_LEADING": problem.y_leading,
        "MAXIMUM": problem.maximum,
        "TAIL": tail(problem.tail),
        "BLOCK_M": config.block_m,
        "BLOCK_C": block_c,
    }
    if problem.everywhere:
        constants["PIXELS"] = problem.height * problem.width
        grid = (problem.batch, columns, 1)
        return Specialization(global_pool_kernel, pointers, constants, grid, config.warps, 2)
    pixels = problem.batch * problem.out[0] * problem.out[1]
    constants |= {
        "M": pixels,
        "HEIGHT": problem.height,
        "WIDTH": problem.width,
        "OUT_HEIGHT": problem.out[0],
        "OUT_WIDTH": problem.out[1],
        "KERNEL_H": problem.reach[0],
        "KERNEL_W": problem.reach[1],
        "STRIDE_H": problem.stride[0],
        "STRIDE_W": problem.stride[1],
        "TOP": problem.sides[0],
        "BOTTOM": problem.sides[1],
        "LEFT": problem.sides[2],
        "RIGHT": problem.sides[3],
        "ADAPTIVE": problem.adaptive,
        "COUNT_PADDING": problem.count_padding,
    }
    return Specialization(
        pool_kernel, pointers, constants, (ceil_div(pixels, config.block_m), columns, 1), config.warps, 2
    )


def pool(problem: Problem, config: Config, x: torch.Tensor, y: torch.Tensor) -> None:
    """Launch it on N H W C views."""
    specialize(problem, config).launch(x=x, y=y)


def describe(
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    maximum: bool,
    kernel: Pair | None = None,
    stride: Pair = (1, 1),
    sides: Sides = (0, 0, 0, 0),
    count_padding: bool = True,
    tail: tuple[str, ...] = (),
) -> Problem:
    """The problem that these tensors pose; without a kernel the pool is adaptive to the size of `y`."""
    batch, height, width, channels = x.shape
    return Problem(
        DTYPES[x.dtype],
        batch,
        height,
        width,
        channels,
        (y.shape[1], y.shape[2]),
        leading(x),
        leading(y),
        maximum,
        kernel or (1, 1),
        stride,
        sides,
        kernel is None,
        count_padding,
        tail,
    )
