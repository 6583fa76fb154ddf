"""The template of convolutions whose input comes in boxes: see `cnndsl.kernels.families.conv_tma`."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

from cnndsl.kernels.families.conv_gemm import Problem
from cnndsl.kernels.families.conv_tma import ALIGNED, Config, box, boxes, refusal, seen
from cnndsl.kernels.specialization import Box, Specialization
from cnndsl.kernels.templates.early import wait_for_tensors
from cnndsl.kernels.templates.tails import tail
from cnndsl.kernels.templates.tiles import store_tile
from cnndsl.kernels.work import ceil_div


@triton.jit
def conv_tma_kernel(
    x, w, bias, residual, y, y2,
    BATCH: tl.constexpr, OUT_HEIGHT: tl.constexpr, OUT_WIDTH: tl.constexpr, CHANNELS: tl.constexpr,
    FILTERS: tl.constexpr,
    KERNEL_H: tl.constexpr, KERNEL_W: tl.constexpr, TOP: tl.constexpr, LEFT: tl.constexpr,
    DILATION_H: tl.constexpr, DILATION_W: tl.constexpr, POOL_H: tl.constexpr, POOL_W: tl.constexpr,
    Y_LEADING: tl.constexpr, Y2_LEADING: tl.constexpr, SPLIT_AT: tl.constexpr, RESIDUAL_LEADING: tl.constexpr,
    TAIL: tl.constexpr, PRECISION: tl.constexpr,
    BOX_B: tl.constexpr, BOX_H: tl.constexpr, BOX_W: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
    EARLY: tl.constexpr,
):  # fmt: skip
    """`x` and `w` are descriptors: N H W C in boxes of pixels by BLOCK_K, and filters by taps by channels."""
    wait_for_tensors(EARLY)
    TAPS: tl.constexpr = KERNEL_H * KERNEL_W
    BLOCKS: tl.constexpr = (CHANNELS + BLOCK_K - 1) // BLOCK_K
    WINDOW: tl.constexpr = POOL_H * POOL_W
    STORED_H: tl.constexpr = OUT_HEIGHT // POOL_H
    STORED_W: tl.constexpr = OUT_WIDTH // POOL_W
    M: tl.constexpr = BATCH * STORED_H * STORED_W * WINDOW
    BOXES_W: tl.constexpr = (STORED_W * POOL_W + BOX_W - 1) // BOX_W
    BOXES_H: tl.constexpr = (STORED_H * POOL_H + BOX_H - 1) // BOX_H
    TILES_N: tl.constexpr = (FILTERS + BLOCK_N - 1) // BLOCK_N
    BLOCK_M: tl.constexpr = BOX_B * BOX_H * BOX_W

    column = tl.program_id(0) % TILES_N * BLOCK_N
    box = tl.program_id(0) // TILES_N
    first_w = box % BOXES_W * BOX_W
    first_h = box // BOXES_W % BOXES_H * BOX_H
    first_b = box // (BOXES_W * BOXES_H) * BOX_B

    # As the first operand of a product, a box of several axes would leave shared memory for registers; filters, which
    # are a plain matrix, stay. Fewer than 64 of them are no rows of Hopper's matrix instruction.
    FIRST: tl.constexpr = BLOCK_N >= 64
    tile = tl.zeros((BLOCK_N, BLOCK_M) if FIRST else (BLOCK_M, BLOCK_N), tl.float32)
    for step in range(TAPS * BLOCKS):
        tap = step // BLOCKS
        c = step % BLOCKS * BLOCK_K
        down = first_h - TOP + tap // KERNEL_W * DILATION_H
        right = first_w - LEFT + tap % KERNEL_W * DILATION_W
        a = x.load([first_b, down, right, c]).reshape(BLOCK_M, BLOCK_K)
        b = w.load([column, tap * CHANNELS + c])  # beyond the last channel the next tap's, for which `a` has zeros
        if FIRST:
            tile = tl.dot(b, a.T, tile, input_precision=PRECISION)
        else:
            tile = tl.dot(a, b.T, tile, input_precision=PRECISION)
    if FIRST:
        tile = tile.T

    WINDOWS_H: tl.constexpr = BOX_H // POOL_H
    WINDOWS_W: tl.constexpr = BOX_W // POOL_W
    if WINDOW > 1:  # the pixels of a window become neighbours
        tile = tile.reshape(BOX_B, WINDOWS_H, POOL_H, WINDOWS_W, POOL_W, BLOCK_N)
        tile = tile.permute(0, 1, 3, 2, 4, 5).reshape(BLOCK_M, BLOCK_N)
    inner = tl.arange(0, BLOCK_M)
    window = inner // WINDOW
    image = first_b + window // (WINDOWS_H * WINDOWS_W)
    row = first_h // POOL_H + window // WINDOWS_W % WINDOWS_H
    at_column = first_w // POOL_W + window % WINDOWS_W
    there = (image < BATCH) & (row < STORED_H) & (at_column < STORED_W)
    m = tl.where(there, ((image * STORED_H + row) * STORED_W + at_column) * WINDOW + inner % WINDOW, M)
    store_tile(
        tile, m, column + tl.arange(0, BLOCK_N), bias, residual, y, y2,
        M, FILTERS, Y_LEADING, Y2_LEADING, SPLIT_AT, RESIDUAL_LEADING, TAIL, WINDOW,
    )  # fmt: skip


def specialize(problem: Problem, config: Config) -> Specialization:
    """Raises ValueError for a convolution that it does not take (`refusal`)."""
    reason = refusal(problem)
    if reason is not None:
        raise ValueError(f"conv_tma does not take this convolution: {reason}")
    as_seen = seen(problem)
    images, rows, columns = shape = box(as_seen, config.block_m)
    constants = {
        "BATCH": as_seen.batch,
        "OUT_HEIGHT": as_seen.out[0],
        "OUT_WIDTH": as_seen.out[1],
        **numbers(problem),
        "DILATION_H": problem.dilation[0],
        "DILATION_W": problem.dilation[1],
        "POOL_H": problem.pool[0],
        "POOL_W": problem.pool[1],
        "BOX_B": images,
        "BOX_H": rows,
        "BOX_W": columns,
        "BLOCK_N": config.block_n,
        "BLOCK_K": config.block_k,
    }
    grid = (boxes(as_seen, shape) * ceil_div(problem.filters, config.block_n), 1, 1)
    return Specialization(
        conv_tma_kernel,
        pointers(problem),
        constants,
        grid,
        config.warps,
        config.stages,
        boxes={
            "x": pixels(as_seen, (*shape, config.block_k)),
            "w": filters(problem, (config.block_n, config.block_k)),
        },
    )


def numbers(problem: Problem) -> dict[str, Any]:
    """What the templates that read in boxes have as constants of a problem alike."""
    return {
        "CHANNELS": problem.channels,
        "FILTERS": problem.filters,
        "KERNEL_H": problem.kernel[0],
        "KERNEL_W": problem.kernel[1],
        "TOP": problem.sides[0],
        "LEFT": problem.sides[2],
        "Y_LEADING": problem.y_leading,
        "Y2_LEADING": problem.y2_leading,
        "SPLIT_AT": problem.split_at,
        "RESIDUAL_LEADING": problem.residual_leading or 0,
        "TAIL": tail(problem.tail),
        "PRECISION": problem.precision,
    }


def pointers(problem: Problem) -> dict[str, str | None]:
    """Their tensors."""
    return {
        "x": problem.dtype,
        "w": problem.dtype,
        "bias": "fp32" if problem.bias else None,
        "residual": None if problem.residual_leading is None else problem.dtype,
        "y": problem.dtype,
        "y2": problem.dtype if problem.split_at else None,
    }


def pixels(problem: Problem, block: tuple[int, ...]) -> Box:
    """Images x rows x columns x channels."""
    height, width, step = problem.height, problem.width, problem.x_leading
    shape = (problem.batch, height, width, problem.channels)
    return Box(shape, (height * width * step, width * step, step, 1), block)


def filters(problem: Problem, block: tuple[int, ...]) -> Box:
    """Filters x taps and channels."""
    return Box((problem.filters, problem.depth), (problem.depth, 1), block)


def require_aligned(kernel: str, *tensors: torch.Tensor) -> None:
    """Raise ValueError for a tensor that no descriptor describes."""
    if any(tensor.data_ptr() % ALIGNED for tensor in tensors):
        raise ValueError(f"{kernel} needs tensors that start at a multiple of {ALIGNED} bytes")


def conv_tma(
    problem: Problem,
    config: Config,
    x: torch.Tensor,
    w: torch.Tensor,
    y: torch.Tensor,
    bias: torch.Tensor | None = None,
    residual: torch.Tensor | None = None,
    *,
    y2: torch.Tensor | None = None,
) -> None:
    """Launch it on N H W C views, with weights O H W I."""
    require_aligned("conv_tma", x, w)
    specialize(problem, config).launch(x=x, w=w, y=y, y2=y2, bias=bias, residual=residual)
