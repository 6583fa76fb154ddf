"""The template of softmax: see `cnndsl.kernels.families.softmax`."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from cnndsl.kernels.families.softmax import Config, Problem
from cnndsl.kernels.specialization import DTYPES, Specialization, leading
from cnndsl.kernels.templates.early import wait_for_tensors
from cnndsl.kernels.work import ceil_div, power_of_two


@triton.jit
def softmax_kernel(
    x, y, M: tl.constexpr, CHANNELS: tl.constexpr, X_LEADING: tl.constexpr, Y_LEADING: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_C: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    wait_for_tensors(EARLY)
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    c = tl.arange(0, BLOCK_C)
    inside = (m < M)[:, None] & (c < CHANNELS)[None, :]
    value = tl.load(x + m[:, None] * X_LEADING + c[None, :], mask=inside, other=float("-inf")).to(tl.float32)
    value = tl.where((m < M)[:, None], value, 0.0)
    power = tl.exp(value - tl.max(value, axis=1)[:, None])
    result = power / tl.sum(power, axis=1)[:, None]
    tl.store(y + m[:, None] * Y_LEADING + c[None, :], result.to(y.dtype.element_ty), mask=inside)


def specialize(problem: Problem, config: Config) -> Specialization:
    block_c = power_of_two(problem.channels)
    block_m = min(max(1, config.elements // block_c), power_of_two(problem.pixels))
    constants = {
        "M": problem.pixels,
        "CHANNELS": problem.channels,
        "X_LEADING": problem.x_leading,
        "Y_LEADING": problem.y_leading,
        "BLOCK_M": block_m,
        "BLOCK_C": block_c,
    }
    pointers = {"x": problem.dtype, "y": problem.dtype}
    return Specialization(
        softmax_kernel, pointers, constants, (ceil_div(problem.pixels, block_m), 1, 1), config.warps, 1
    )


def softmax(problem: Problem, config: Config, x: torch.Tensor, y: torch.Tensor) -> None:
    """Launch it on N H W C views."""
    specialize(problem, config).launch(x=x, y=y)


def describe(x: torch.Tensor, y: torch.Tensor) -> Problem:
    """The problem that these tensors pose."""
    batch, height, width, channels = x.shape
    return Problem(DTYPES[x.dtype], batch * height * width, channels, leading(x), leading(y))
