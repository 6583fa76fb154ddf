"""The template of convolutions whose output rows share what they read: see `cnndsl.kernels.families.conv_rows`."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from cnndsl.kernels.families.conv_gemm import Problem
from cnndsl.kernels.families.conv_rows import Config, line, refusal, tiles
from cnndsl.kernels.specialization import Specialization
from cnndsl.kernels.templates.conv_tma import filters, numbers, pixels, pointers, require_aligned
from cnndsl.kernels.templates.early import wait_for_tensors
from cnndsl.kernels.templates.tiles import store_tile


@triton.jit
def conv_rows_kernel(
    x, w, bias, residual, y, y2,
    BATCH: tl.constexpr, OUT_HEIGHT: tl.constexpr, OUT_WIDTH: tl.constexpr, CHANNELS: tl.constexpr,
    FILTERS: tl.constexpr,
    KERNEL_H: tl.constexpr, KERNEL_W: tl.constexpr, TOP: tl.constexpr, LEFT: tl.constexpr, DILATION_W: tl.constexpr,
    POOL: tl.constexpr,
    Y_LEADING: tl.constexpr, Y2_LEADING: tl.constexpr, SPLIT_AT: tl.constexpr, RESIDUAL_LEADING: tl.constexpr,
    TAIL: tl.constexpr, PRECISION: tl.constexpr,
    LINES: tl.constexpr, LINE_B: tl.constexpr, LINE_W: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
    EARLY: tl.constexpr,
):  # fmt: skip
    """`x` and `w` are descriptors: N H W C in lines of pixels by BLOCK_K, and filters by taps by channels."""
    wait_for_tensors(EARLY)
    BLOCKS: tl.constexpr = (CHANNELS + BLOCK_K - 1) // BLOCK_K
    PIXELS: tl.constexpr = LINE_B * LINE_W
    STORED_H: tl.constexpr = OUT_HEIGHT // POOL
    STORED_W: tl.constexpr = OUT_WIDTH // POOL
    WINDOW: tl.constexpr = POOL * POOL
    M: tl.constexpr = BATCH * STORED_H * STORED_W * WINDOW
    ACROSS: tl.constexpr = (STORED_W * POOL + LINE_W - 1) // LINE_W
    DOWN: tl.constexpr = (STORED_H * POOL + LINES - 1) // LINES
    TILES_N: tl.constexpr = (FILTERS + BLOCK_N - 1) // BLOCK_N

    column = tl.program_id(0) % TILES_N * BLOCK_N
    lines = tl.program_id(0) // TILES_N
    first_w = lines % ACROSS * LINE_W
    first_h = lines // ACROSS % DOWN * LINES
    first_b = lines // (ACROSS * DOWN) * LINE_B

    sums = ()  # filters by pixels, for each line
    for _ in tl.static_range(LINES):
        sums = sums + (tl.zeros((BLOCK_N, PIXELS), tl.float32),)
    for step in range(KERNEL_W * BLOCKS):
        tap = step // BLOCKS
        right = first_w - LEFT + tap * DILATION_W
        c = step % BLOCKS * BLOCK_K
        weights = ()
        for down in tl.static_range(KERNEL_H):
            weights = weights + (w.load([column, (down * KERNEL_W + tap) * CHANNELS + c]),)
        read = ()
        for at in tl.static_range(LINES + KERNEL_H - 1):
            read = read + (x.load([first_b, first_h - TOP + at, right, c]).reshape(PIXELS, BLOCK_K),)
        grown = ()
        for at in tl.static_range(LINES):
            tile = sums[at]
            for down in tl.static_range(KERNEL_H):
                tile = tl.dot(weights[down], read[at + down].T, tile, input_precision=PRECISION)
            grown = grown + (tile,)
        sums = grown

    n = column + tl.arange(0, BLOCK_N)
    for at in tl.static_range(0, LINES, POOL):
        # The pixels of a window become neighbours: of both lines first, then of both columns.
        tile = tl.join(sums[at], sums[at + 1]).permute(1, 2, 0) if POOL > 1 else sums[at].T
        tile = tile.reshape(POOL * PIXELS, BLOCK_N)
        inner = tl.arange(0, POOL * PIXELS)
        window = inner // WINDOW
        image = first_b + window // (LINE_W // POOL)
        row = (first_h + at) // POOL
        at_column = first_w // POOL + window % (LINE_W // POOL)
        there = (image < BATCH) & (row < STORED_H) & (at_column < STORED_W)
        m = tl.where(there, ((image * STORED_H + row) * STORED_W + at_column) * WINDOW + inner % WINDOW, M)
        store_tile(
            tile, m, n, bias, residual, y, y2,
            M, FILTERS, Y_LEADING, Y2_LEADING, SPLIT_AT, RESIDUAL_LEADING, TAIL, WINDOW,
        )  # fmt: skip


def specialize(problem: Problem, config: Config) -> Specialization:
    """Raises ValueError for a convolution that it does not take (`refusal`)."""
    reason = refusal(problem)
    if reason is not None:
        raise ValueError(f"conv_rows does not take this convolution: {reason}")
    images, columns = line(problem, config.pixels)
    constants = {
        "BATCH": problem.batch,
        "OUT_HEIGHT": problem.out[0],
        "OUT_WIDTH": problem.out[1],
        **numbers(problem),
        "DILATION_W": problem.dilation[1],
        "POOL": problem.pool[0],
        "LINES": config.lines,
        "LINE_B": images,
        "LINE_W": columns,
        "BLOCK_N": config.block_n,
        "BLOCK_K": config.block_k,
    }
    boxes = {
        "x": pixels(problem, (images, 1, columns, config.block_k)),
        "w": filters(problem, (config.block_n, config.block_k)),
    }
    grid = (tiles(problem, config), 1, 1)
    return Specialization(
        conv_rows_kernel, pointers(problem), constants, grid, config.warps, config.stages, boxes=boxes
    )


def conv_rows(
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
    require_aligned("conv_rows", x, w)
    specialize(problem, config).launch(x=x, w=w, y=y, y2=y2, bias=bias, residual=residual)
