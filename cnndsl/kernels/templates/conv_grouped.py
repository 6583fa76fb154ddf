"""The template of depthwise convolutions: see `cnndsl.kernels.families.conv_grouped`."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from cnndsl.kernels.families import conv_gemm as gemm
from cnndsl.kernels.families.conv_grouped import (
    Config,
)
from cnndsl.kernels.specialization import Specialization
from cnndsl.kernels.templates.early import wait_for_tensors
from cnndsl.kernels.templates.tails import tail
from cnndsl.kernels.templates.tiles import store_tile
from cnndsl.kernels.work import ceil_div, power_of_two


@triton.jit
def depthwise_kernel(
    x, w, bias, residual, y,
    BATCH: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr, FILTERS: tl.constexpr, MULTIPLIER: tl.constexpr,
    OUT_HEIGHT: tl.constexpr, OUT_WIDTH: tl.constexpr,
    KERNEL_H: tl.constexpr, KERNEL_W: tl.constexpr, STRIDE_H: tl.constexpr, STRIDE_W: tl.constexpr,
    TOP: tl.constexpr, LEFT: tl.constexpr, DILATION_H: tl.constexpr, DILATION_W: tl.constexpr,
    X_LEADING: tl.constexpr, Y_LEADING: tl.constexpr, RESIDUAL_LEADING: tl.constexpr, TAIL: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_C: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    wait_for_tensors(EARLY)
    M: tl.constexpr = BATCH * OUT_HEIGHT * OUT_WIDTH
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C)
    image = m // (OUT_HEIGHT * OUT_WIDTH)
    top = m // OUT_WIDTH % OUT_HEIGHT * STRIDE_H - TOP
    left = m % OUT_WIDTH * STRIDE_W - LEFT
    c = n // MULTIPLIER
    tile = tl.zeros((BLOCK_M, BLOCK_C), tl.float32)
    for tap in range(KERNEL_H * KERNEL_W):
        row = top + tap // KERNEL_W * DILATION_H
        column = left + tap % KERNEL_W * DILATION_W
        inside = (row >= 0) & (row < HEIGHT) & (column >= 0) & (column < WIDTH) & (m < M)
        pixel = (image * HEIGHT + row) * WIDTH + column
        mask = inside[:, None] & (n < FILTERS)[None, :]
        a = tl.load(x + (pixel * X_LEADING)[:, None] + c[None, :], mask=mask, other=0.0).to(tl.float32)
        b = tl.load(w + tap * FILTERS + n, mask=n < FILTERS, other=0.0).to(tl.float32)
        tile += a * b[None, :]
    store_tile(tile, m, n, bias, residual, y, None, M, FILTERS, Y_LEADING, 0, 0, RESIDUAL_LEADING, TAIL)


def specialize_depthwise(problem: gemm.Problem, config: Config) -> Specialization:
    """The kernel of a convolution with as many groups as channels; filters are a multiple of them."""
    block_c = min(config.block_c, power_of_two(problem.filters))
    constants = {
        "BATCH": problem.batch,
        "HEIGHT": problem.height,
        "WIDTH": problem.width,
        "FILTERS": problem.filters,
        "MULTIPLIER": problem.filters // problem.channels,
        "OUT_HEIGHT": problem.out[0],
        "OUT_WIDTH": problem.out[1],
        "KERNEL_H": problem.kernel[0],
        "KERNEL_W": problem.kernel[1],
        "STRIDE_H": problem.stride[0],
        "STRIDE_W": problem.stride[1],
        "TOP": problem.sides[0],
        "LEFT": problem.sides[2],
        "DILATION_H": problem.dilation[0],
        "DILATION_W": problem.dilation[1],
        "X_LEADING": problem.x_leading,
        "Y_LEADING": problem.y_leading,
        "RESIDUAL_LEADING": problem.residual_leading or 0,
        "TAIL": tail(problem.tail),
        "BLOCK_M": config.block_m,
        "BLOCK_C": block_c,
    }
    pointers = {
        "x": problem.dtype,
        "w": problem.dtype,
        "bias": "fp32" if problem.bias else None,
        "residual": None if problem.residual_leading is None else problem.dtype,
        "y": problem.dtype,
    }
    grid = (ceil_div(problem.pixels, config.block_m), ceil_div(problem.filters, block_c), 1)
    return Specialization(depthwise_kernel, pointers, constants, grid, config.warps, 2)


def depthwise(
    problem: gemm.Problem,
    config: Config,
    x: torch.Tensor,
    w: torch.Tensor,
    y: torch.Tensor,
    bias: torch.Tensor | None = None,
    residual: torch.Tensor | None = None,
) -> None:
    """Launch it on N H W C views, with weights H W O."""
    specialize_depthwise(problem, config).launch(x=x, w=w, y=y, bias=bias, residual=residual)
