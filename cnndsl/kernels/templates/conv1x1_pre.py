"""The template of 1x1 convolutions after a prologue: see `cnndsl.kernels.families.conv1x1_pre`."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from cnndsl.kernels.families.conv1x1_pre import Problem
from cnndsl.kernels.families.conv_gemm import Config
from cnndsl.kernels.specialization import DTYPES, Specialization, leading
from cnndsl.kernels.templates.early import lines, wait_with_weights
from cnndsl.kernels.templates.tails import tail
from cnndsl.kernels.templates.tiles import store_tile, tile_position
from cnndsl.kernels.work import Products, ceil_div
from cnndsl.ops.images import Pair, Sides


@triton.jit
def take_tap(
    pooled, tap, x, scale, shift, image, top, left, c,
    HEIGHT: tl.constexpr, WIDTH: tl.constexpr, CHANNELS: tl.constexpr, KERNEL_W: tl.constexpr, PADDED: tl.constexpr,
    MAXIMUM: tl.constexpr, X_LEADING: tl.constexpr, PROLOGUE: tl.constexpr,
):  # fmt: skip
    """`pooled` with one more pixel of each window, after the prologue."""
    present = c < CHANNELS
    at_row = top + tap // KERNEL_W
    at_column = left + tap % KERNEL_W
    inside = (at_row >= 0) & (at_row < HEIGHT) & (at_column >= 0) & (at_column < WIDTH)
    if PADDED:  # read the nearest pixel: for a maximum it counts twice, for a mean it is masked below
        at_row = tl.minimum(tl.maximum(at_row, 0), HEIGHT - 1)
        at_column = tl.minimum(tl.maximum(at_column, 0), WIDTH - 1)
    pixel = (image * HEIGHT + at_row) * WIDTH + at_column
    a = tl.load(x + (pixel * X_LEADING)[:, None] + c[None, :], mask=present[None, :], other=0.0).to(tl.float32)
    if scale is not None:
        a = a * tl.load(scale + c, mask=present, other=0.0)[None, :]
        a += tl.load(shift + c, mask=present, other=0.0)[None, :]
    a = PROLOGUE(a, a)
    if MAXIMUM:
        return tl.maximum(pooled, a, propagate_nan=tl.PropagateNan.ALL)
    if PADDED:
        a = tl.where(inside[:, None], a, 0.0)
    return pooled + a


@triton.jit
def conv1x1_pre_kernel(
    x, w, scale, shift, bias, residual, y, y2, kept,
    BATCH: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr, CHANNELS: tl.constexpr,
    OUT_HEIGHT: tl.constexpr, OUT_WIDTH: tl.constexpr, FILTERS: tl.constexpr,
    KERNEL_H: tl.constexpr, KERNEL_W: tl.constexpr, STRIDE_H: tl.constexpr, STRIDE_W: tl.constexpr,
    TOP: tl.constexpr, BOTTOM: tl.constexpr, LEFT: tl.constexpr, RIGHT: tl.constexpr,
    PADDED: tl.constexpr, MAXIMUM: tl.constexpr, COUNT_PADDING: tl.constexpr,
    X_LEADING: tl.constexpr, Y_LEADING: tl.constexpr, Y2_LEADING: tl.constexpr, SPLIT_AT: tl.constexpr,
    RESIDUAL_LEADING: tl.constexpr, KEPT_LEADING: tl.constexpr,
    PROLOGUE: tl.constexpr, TAIL: tl.constexpr, PRECISION: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GROUP: tl.constexpr,
    LINES: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    wait_with_weights(w, FILTERS * CHANNELS, LINES, EARLY)
    M: tl.constexpr = BATCH * OUT_HEIGHT * OUT_WIDTH
    TAPS: tl.constexpr = KERNEL_H * KERNEL_W
    row, column = tile_position((M + BLOCK_M - 1) // BLOCK_M, (FILTERS + BLOCK_N - 1) // BLOCK_N, GROUP)
    offsets_m = row * BLOCK_M + tl.arange(0, BLOCK_M)
    offsets_n = column * BLOCK_N + tl.arange(0, BLOCK_N)
    m = tl.minimum(offsets_m, M - 1)
    n = tl.minimum(offsets_n, FILTERS - 1)
    image = m // (OUT_HEIGHT * OUT_WIDTH)
    top = m // OUT_WIDTH % OUT_HEIGHT * STRIDE_H - TOP
    left = m % OUT_WIDTH * STRIDE_W - LEFT
    counted = tl.full((BLOCK_M,), TAPS, tl.int32)
    if PADDED:  # what a ceil-rounded window covers beyond the padding does not count
        if COUNT_PADDING:
            rows = tl.minimum(top + KERNEL_H, HEIGHT + BOTTOM) - top
            columns = tl.minimum(left + KERNEL_W, WIDTH + RIGHT) - left
        else:
            rows = tl.minimum(top + KERNEL_H, HEIGHT) - tl.maximum(top, 0)
            columns = tl.minimum(left + KERNEL_W, WIDTH) - tl.maximum(left, 0)
        counted = rows * columns

    tile = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    for step in range((CHANNELS + BLOCK_K - 1) // BLOCK_K):
        c = step * BLOCK_K + tl.arange(0, BLOCK_K)
        present = c < CHANNELS
        b = tl.load(w + n[None, :] * CHANNELS + c[:, None], mask=present[:, None], other=0.0)
        pooled = tl.full((BLOCK_M, BLOCK_K), float("-inf") if MAXIMUM else 0.0, tl.float32)
        if TAPS <= 4:
            for tap in tl.static_range(TAPS):
                pooled = take_tap(
                    pooled, tap, x, scale, shift, image, top, left, c, HEIGHT, WIDTH, CHANNELS, KERNEL_W, PADDED,
                    MAXIMUM, X_LEADING, PROLOGUE,
                )  # fmt: skip
        else:  # a loop at run time: the addresses of so many taps would not fit in registers
            for tap in range(TAPS):
                pooled = take_tap(
                    pooled, tap, x, scale, shift, image, top, left, c, HEIGHT, WIDTH, CHANNELS, KERNEL_W, PADDED,
                    MAXIMUM, X_LEADING, PROLOGUE,
                )  # fmt: skip
        if TAPS > 1 and not MAXIMUM:
            pooled = pooled / counted.to(tl.float32)[:, None]
        a = pooled.to(x.dtype.element_ty)
        if kept is not None:  # noqa: SIM102  (known when it is compiled)
            if column == 0:  # the other columns make the same
                inside = (offsets_m < M)[:, None] & present[None, :]
                tl.store(kept + offsets_m[:, None] * KEPT_LEADING + c[None, :], a, mask=inside)
        tile = tl.dot(a, b, tile, input_precision=PRECISION)
    store_tile(
        tile, offsets_m, offsets_n, bias, residual, y, y2,
        M, FILTERS, Y_LEADING, Y2_LEADING, SPLIT_AT, RESIDUAL_LEADING, TAIL,
    )  # fmt: skip


# Taps of a window up to which each has shared memory of its own; those of larger ones come from the L1 cache.
LARGEST_BUFFERED = 4
REGISTERS = 255  # of a thread that stores what it pools: else the assembler spills some of them for occupancy


def specialize(problem: Problem, config: Config) -> Specialization:
    grid = (ceil_div(problem.pixels, config.block_m) * ceil_div(problem.filters, config.block_n), 1, 1)
    constants = {
        "BATCH": problem.batch,
        "HEIGHT": problem.height,
        "WIDTH": problem.width,
        "CHANNELS": problem.channels,
        "OUT_HEIGHT": problem.out[0],
        "OUT_WIDTH": problem.out[1],
        "FILTERS": problem.filters,
        "KERNEL_H": problem.kernel[0],
        "KERNEL_W": problem.kernel[1],
        "STRIDE_H": problem.stride[0],
        "STRIDE_W": problem.stride[1],
        "TOP": problem.sides[0],
        "BOTTOM": problem.sides[1],
        "LEFT": problem.sides[2],
        "RIGHT": problem.sides[3],
        "PADDED": problem.overhangs,
        "MAXIMUM": problem.maximum,
        "COUNT_PADDING": problem.count_padding,
        "X_LEADING": problem.x_leading,
        "Y_LEADING": problem.y_leading,
        "Y2_LEADING": problem.y2_leading,
        "SPLIT_AT": problem.split_at,
        "RESIDUAL_LEADING": problem.residual_leading or 0,
        "KEPT_LEADING": problem.kept_leading or 0,
        "PROLOGUE": tail(problem.prologue),
        "TAIL": tail(problem.tail),
        "PRECISION": problem.precision,
        "BLOCK_M": config.block_m,
        "BLOCK_N": config.block_n,
        "BLOCK_K": config.block_k,
        "GROUP": config.group,
        "LINES": lines(problem.filters * problem.channels, problem.dtype, grid),
    }
    pointers = {
        "x": problem.dtype,
        "w": problem.dtype,
        "scale": "fp32" if problem.affine else None,
        "shift": "fp32" if problem.affine else None,
        "bias": "fp32" if problem.bias else None,
        "residual": None if problem.residual_leading is None else problem.dtype,
        "y": problem.dtype,
        "y2": problem.dtype if problem.split_at else None,
        "kept": None if problem.kept_leading is None else problem.dtype,
    }
    stages = config.stages if problem.kernel[0] * problem.kernel[1] <= LARGEST_BUFFERED else 1
    registers = None if problem.kept_leading is None else REGISTERS
    return Specialization(conv1x1_pre_kernel, pointers, constants, grid, config.warps, stages, registers=registers)


def conv1x1_pre(
    problem: Problem,
    config: Config,
    x: torch.Tensor,
    w: torch.Tensor,
    y: torch.Tensor,
    bias: torch.Tensor | None = None,
    residual: torch.Tensor | None = None,
    *,
    affine: tuple[torch.Tensor, torch.Tensor] | None = None,
    y2: torch.Tensor | None = None,
) -> None:
    """Launch it on N H W C views; `affine` is the scale and shift of a batch norm in float32."""
    scale, shift = affine or (None, None)
    specialize(problem, config).launch(x=x, w=w, scale=scale, shift=shift, bias=bias, residual=residual, y=y, y2=y2)


def describe(
    x: torch.Tensor,
    w: torch.Tensor,
    y: torch.Tensor,
    bias: torch.Tensor | None = None,
    residual: torch.Tensor | None = None,
    *,
    affine: bool = False,
    prologue: tuple[str, ...] = (),
    kernel: Pair = (1, 1),
    stride: Pair = (1, 1),
    sides: Sides = (0, 0, 0, 0),
    maximum: bool = False,
    count_padding: bool = True,
    y2: torch.Tensor | None = None,
    tail: tuple[str, ...] = (),
    precision: Products = "tf32",
) -> Problem:
    """The problem that these tensors pose."""
    batch, height, width, channels = x.shape
    return Problem(
        DTYPES[x.dtype],
        batch,
        height,
        width,
        channels,
        w.shape[0],
        (y.shape[1], y.shape[2]),
        leading(x),
        leading(y),
        affine,
        prologue,
        kernel,
        stride,
        sides,
        maximum,
        count_padding,
        bias is not None,
        tail,
        None if residual is None else leading(residual),
        y.shape[3] if y2 is not None else 0,
        0 if y2 is None else leading(y2),
        precision,
    )
