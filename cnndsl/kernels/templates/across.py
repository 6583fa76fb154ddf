"""The template of softmax and local response normalisation: see `cnndsl.kernels.families.across`."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

from cnndsl.kernels.families.across import Config, Problem
from cnndsl.kernels.specialization import DTYPES, Specialization, leading
from cnndsl.kernels.work import ceil_div, power_of_two
from cnndsl.ops.activation import Softmax
from cnndsl.ops.normalization import Lrn


@triton.jit
def softmax_kernel(
    x, y, M: tl.constexpr, CHANNELS: tl.constexpr, X_LEADING: tl.constexpr, Y_LEADING: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    c = tl.arange(0, BLOCK_C)
    inside = (m < M)[:, None] & (c < CHANNELS)[None, :]
    value = tl.load(x + m[:, None] * X_LEADING + c[None, :], mask=inside, other=float("-inf")).to(tl.float32)
    value = tl.where((m < M)[:, None], value, 0.0)
    power = tl.exp(value - tl.max(value, axis=1)[:, None])
    result = power / tl.sum(power, axis=1)[:, None]
    tl.store(y + m[:, None] * Y_LEADING + c[None, :], result.to(y.dtype.element_ty), mask=inside)


@triton.jit
def lrn_kernel(
    x, y, M: tl.constexpr, CHANNELS: tl.constexpr, X_LEADING: tl.constexpr, Y_LEADING: tl.constexpr,
    SIZE: tl.constexpr, ALPHA: tl.constexpr, BETA: tl.constexpr, OFFSET: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    m = (tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M))[:, None]
    c = (tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C))[None, :]
    from_x = x + m * X_LEADING
    squares = tl.zeros((BLOCK_M, BLOCK_C), tl.float32)
    for shift in range(SIZE):  # neighbours come again from the L1 cache
        near = c + shift - SIZE // 2
        found = tl.load(from_x + near, mask=(m < M) & (near >= 0) & (near < CHANNELS), other=0.0).to(tl.float32)
        squares += found * found
    inside = (m < M) & (c < CHANNELS)
    value = tl.load(from_x + c, mask=inside, other=0.0).to(tl.float32)
    result = value * tl.exp2(-BETA * tl.log2(OFFSET + ALPHA * squares))
    tl.store(y + m * Y_LEADING + c, result.to(y.dtype.element_ty), mask=inside)


def specialize(problem: Problem, config: Config) -> Specialization:
    op, all_channels = problem.op, power_of_two(problem.channels)
    block_c = min(all_channels, 128) if isinstance(op, Lrn) else all_channels
    block_m = min(max(1, config.elements // block_c), power_of_two(problem.pixels))
    constants: dict[str, Any] = {
        "M": problem.pixels,
        "CHANNELS": problem.channels,
        "X_LEADING": problem.x_leading,
        "Y_LEADING": problem.y_leading,
        "BLOCK_M": block_m,
        "BLOCK_C": block_c,
    }
    if isinstance(op, Lrn):
        alpha = op.alpha / op.size if op.average else op.alpha
        constants |= {"SIZE": op.size, "ALPHA": alpha, "BETA": op.beta, "OFFSET": op.k}
    grid = (ceil_div(problem.pixels, block_m), ceil_div(problem.channels, block_c), 1)
    kernel = lrn_kernel if isinstance(op, Lrn) else softmax_kernel
    return Specialization(kernel, {"x": problem.dtype, "y": problem.dtype}, constants, grid, config.warps, 1)


def across(problem: Problem, config: Config, x: torch.Tensor, y: torch.Tensor) -> None:
    """Launch it on N H W C views; `x` and `y` may not overlap for `lrn`."""
    specialize(problem, config).launch(x=x, y=y)


def describe(op: Softmax | Lrn, x: torch.Tensor, y: torch.Tensor) -> Problem:
    """The problem that these tensors pose."""
    batch, height, width, channels = x.shape
    return Problem(DTYPES[x.dtype], batch * height * width, channels, leading(x), leading(y), op)
