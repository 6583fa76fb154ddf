"""The template of convolutions whose input comes in boxes: see `cnndsl.kernels.families.conv_tma`."""

from __future__ import annotations

from collections.abc import Callable

import torch
import triton
import triton.language as tl

from cnndsl.kernels.families.conv_gemm import Problem
from cnndsl.kernels.families.conv_tma import ALIGNED, Config, box, refusal
from cnndsl.kernels.specialization import Specialization
from cnndsl.kernels.templates.tails import tail
from cnndsl.kernels.work import ceil_div, power_of_two


@triton.jit
def conv_tma_kernel(
    x, w, bias, residual, y,
    BATCH: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr, CHANNELS: tl.constexpr,
    OUT_HEIGHT: tl.constexpr, OUT_WIDTH: tl.constexpr, FILTERS: tl.constexpr,
    KERNEL_H: tl.constexpr, KERNEL_W: tl.constexpr, TOP: tl.constexpr, LEFT: tl.constexpr,
    DILATION_H: tl.constexpr, DILATION_W: tl.constexpr,
    X_LEADING: tl.constexpr, Y_LEADING: tl.constexpr, RESIDUAL_LEADING: tl.constexpr,
    TAIL: tl.constexpr, PRECISION: tl.constexpr,
    BOX_B: tl.constexpr, BOX_H: tl.constexpr, BOX_W: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    TAPS: tl.constexpr = KERNEL_H * KERNEL_W
    BLOCKS: tl.constexpr = (CHANNELS + BLOCK_K - 1) // BLOCK_K
    BOXES_W: tl.constexpr = (OUT_WIDTH + BOX_W - 1) // BOX_W
    BOXES_H: tl.constexpr = (OUT_HEIGHT + BOX_H - 1) // BOX_H
    TILES_N: tl.constexpr = (FILTERS + BLOCK_N - 1) // BLOCK_N
    BLOCK_M: tl.constexpr = BOX_B * BOX_H * BOX_W

    from_x = tl.make_tensor_descriptor(
        x, [BATCH, HEIGHT, WIDTH, CHANNELS], [HEIGHT * WIDTH * X_LEADING, WIDTH * X_LEADING, X_LEADING, 1],
        [BOX_B, BOX_H, BOX_W, BLOCK_K],
    )  # fmt: skip
    from_w = tl.make_tensor_descriptor(
        w, [FILTERS, TAPS, CHANNELS], [TAPS * CHANNELS, CHANNELS, 1], [BLOCK_N, 1, BLOCK_K]
    )
    column = tl.program_id(0) % TILES_N * BLOCK_N
    box = tl.program_id(0) // TILES_N
    first_w = box % BOXES_W * BOX_W
    first_h = box // BOXES_W % BOXES_H * BOX_H
    first_b = box // (BOXES_W * BOXES_H) * BOX_B

    tile = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    for step in range(TAPS * BLOCKS):
        tap = step // BLOCKS
        c = step % BLOCKS * BLOCK_K
        down = first_h - TOP + tap // KERNEL_W * DILATION_H
        right = first_w - LEFT + tap % KERNEL_W * DILATION_W
        a = from_x.load([first_b, down, right, c]).reshape(BLOCK_M, BLOCK_K)
        b = from_w.load([column, tap, c]).reshape(BLOCK_N, BLOCK_K)
        tile = tl.dot(a, b.T, tile, input_precision=PRECISION)

    inner = tl.arange(0, BLOCK_M)
    image = first_b + inner // (BOX_H * BOX_W)
    row = first_h + inner // BOX_W % BOX_H
    at_column = first_w + inner % BOX_W
    n = column + tl.arange(0, BLOCK_N)
    m = (image * OUT_HEIGHT + row) * OUT_WIDTH + at_column
    inside = ((image < BATCH) & (row < OUT_HEIGHT) & (at_column < OUT_WIDTH))[:, None] & (n < FILTERS)[None, :]
    if bias is not None:
        tile += tl.load(bias + n, mask=n < FILTERS, other=0.0)[None, :]
    other = tile
    if residual is not None:
        other = tl.load(residual + m[:, None] * RESIDUAL_LEADING + n[None, :], mask=inside, other=0.0).to(tl.float32)
    result = TAIL(tile, other).to(y.dtype.element_ty)
    tl.store(y + m[:, None] * Y_LEADING + n[None, :], result, mask=inside)


def specialize(problem: Problem, config: Config) -> Specialization:
    """Raises ValueError for a convolution that it does not take (`refusal`)."""
    reason = refusal(problem)
    if reason is not None:
        raise ValueError(f"conv_tma does not take this convolution: {reason}")
    images, rows, columns = box(problem, config.block_m)
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
        "TOP": problem.sides[0],
        "LEFT": problem.sides[2],
        "DILATION_H": problem.dilation[0],
        "DILATION_W": problem.dilation[1],
        "X_LEADING": problem.x_leading,
        "Y_LEADING": problem.y_leading,
        "RESIDUAL_LEADING": problem.residual_leading or 0,
        "TAIL": tail(problem.tail),
        "PRECISION": problem.precision,
        "BOX_B": images,
        "BOX_H": rows,
        "BOX_W": columns,
        "BLOCK_N": config.block_n,
        "BLOCK_K": min(config.block_k, max(16, power_of_two(problem.channels))),
    }
    pointers = {
        "x": problem.dtype,
        "w": problem.dtype,
        "bias": "fp32" if problem.bias else None,
        "residual": None if problem.residual_leading is None else problem.dtype,
        "y": problem.dtype,
    }
    boxes = ceil_div(problem.batch, images) * ceil_div(problem.out[0], rows) * ceil_div(problem.out[1], columns)
    grid = (boxes * ceil_div(problem.filters, config.block_n), 1, 1)
    return Specialization(conv_tma_kernel, pointers, constants, grid, config.warps, config.stages)


def conv_tma(
    problem: Problem,
    config: Config,
    x: torch.Tensor,
    w: torch.Tensor,
    y: torch.Tensor,
    bias: torch.Tensor | None = None,
    residual: torch.Tensor | None = None,
) -> None:
    """Launch it on N H W C views, with weights O H W I. Descriptors are written to memory that is allocated here."""
    if x.data_ptr() % ALIGNED or w.data_ptr() % ALIGNED:
        raise ValueError(f"conv_tma needs tensors that start at a multiple of {ALIGNED} bytes")
    triton.set_allocator(scratch(x.device))
    specialize(problem, config).launch(x=x, w=w, y=y, bias=bias, residual=residual)


def scratch(device: torch.device) -> Callable[[int, int, int | None], torch.Tensor]:
    """Where Triton is to find memory for descriptors on a device."""
    return lambda size, alignment, stream: torch.empty(size, dtype=torch.int8, device=device)
