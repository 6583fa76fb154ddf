"""The template of layers that move values: see `cnndsl.kernels.families.move`."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from cnndsl.kernels.families.move import Config, Problem
from cnndsl.kernels.specialization import DTYPES, Specialization, leading
from cnndsl.kernels.templates.early import wait_for_tensors
from cnndsl.kernels.work import ceil_div, power_of_two
from cnndsl.ops.images import Pair


@triton.jit
def move_kernel(
    x, y,
    M: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr, CHANNELS: tl.constexpr,
    OUT_HEIGHT: tl.constexpr, OUT_WIDTH: tl.constexpr, OUT_CHANNELS: tl.constexpr,
    STRIDE_H: tl.constexpr, STRIDE_W: tl.constexpr, SCALE_H: tl.constexpr, SCALE_W: tl.constexpr,
    TOP: tl.constexpr, LEFT: tl.constexpr, GROUPS: tl.constexpr, X_LEADING: tl.constexpr, Y_LEADING: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_C: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    wait_for_tensors(EARLY)
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    c = tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C)
    image = m // (OUT_HEIGHT * OUT_WIDTH)
    row = m // OUT_WIDTH % OUT_HEIGHT * STRIDE_H // SCALE_H - TOP
    column = m % OUT_WIDTH * STRIDE_W // SCALE_W - LEFT
    source = c
    if GROUPS > 1:
        source = c % GROUPS * (CHANNELS // GROUPS) + c // GROUPS
    there = (row >= 0) & (row < HEIGHT) & (column >= 0) & (column < WIDTH) & (m < M)
    pixel = (image * HEIGHT + row) * WIDTH + column
    value = tl.load(
        x + (pixel * X_LEADING)[:, None] + source[None, :], mask=there[:, None] & (c < CHANNELS)[None, :], other=0.0
    )
    tl.store(y + m[:, None] * Y_LEADING + c[None, :], value, mask=(m < M)[:, None] & (c < OUT_CHANNELS)[None, :])


def specialize(problem: Problem, config: Config) -> Specialization:
    block_c = min(config.block_c, power_of_two(problem.out_channels))
    pixels = problem.batch * problem.out[0] * problem.out[1]
    constants = {
        "M": pixels,
        "HEIGHT": problem.height,
        "WIDTH": problem.width,
        "CHANNELS": problem.channels,
        "OUT_HEIGHT": problem.out[0],
        "OUT_WIDTH": problem.out[1],
        "OUT_CHANNELS": problem.out_channels,
        "STRIDE_H": problem.stride[0],
        "STRIDE_W": problem.stride[1],
        "SCALE_H": problem.scale[0],
        "SCALE_W": problem.scale[1],
        "TOP": problem.corner[0],
        "LEFT": problem.corner[1],
        "GROUPS": problem.groups,
        "X_LEADING": problem.x_leading,
        "Y_LEADING": problem.y_leading,
        "BLOCK_M": config.block_m,
        "BLOCK_C": block_c,
    }
    grid = (ceil_div(pixels, config.block_m), ceil_div(problem.out_channels, block_c), 1)
    return Specialization(move_kernel, {"x": problem.dtype, "y": problem.dtype}, constants, grid, config.warps, 1)


def move(problem: Problem, config: Config, x: torch.Tensor, y: torch.Tensor) -> None:
    """Launch it on N H W C views."""
    specialize(problem, config).launch(x=x, y=y)


def describe(
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    stride: Pair = (1, 1),
    scale: Pair = (1, 1),
    corner: Pair = (0, 0),
    groups: int = 1,
) -> Problem:
    """The problem that these tensors pose."""
    batch, height, width, channels = x.shape
    return Problem(
        DTYPES[x.dtype],
        batch,
        height,
        width,
        channels,
        (y.shape[1], y.shape[2]),
        y.shape[3],
        leading(x),
        leading(y),
        stride,
        scale,
        corner,
        groups,
    )
