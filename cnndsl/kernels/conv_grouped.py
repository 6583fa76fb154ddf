"""K5: grouped convolutions (ResNeXt, ShuffleNet, AlexNet) as block-diagonal matrix products, and depthwise ones.

Small groups are bundled until a bundle fills a matrix instruction; its weights are padded with zeros outside of the
groups, so that `conv_gemm` computes it as it is. That costs arithmetic, of which these memory-bound layers have plenty.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import triton
import triton.language as tl

from cnndsl.kernels import conv_gemm as gemm
from cnndsl.kernels.precision import SIZES, Dtype
from cnndsl.kernels.specialization import Specialization, Work, ceil_div, power_of_two
from cnndsl.kernels.tails import tail
from cnndsl.kernels.targets import Target
from cnndsl.kernels.tiles import store_tile

BUNDLE = 32  # channels that a bundle has at least, if there are so many


def bundle_groups(groups: int, channels: int) -> int:
    """How many groups of so many channels make a bundle: a divisor of `groups`, with BUNDLE channels if it can."""
    divisors = [n for n in range(1, groups + 1) if groups % n == 0]
    return next((n for n in divisors if n * channels >= BUNDLE), groups)


def bundled_problem(problem: gemm.Problem, groups: int) -> gemm.Problem:
    """A convolution of `groups` (channels and filters counted over all of them) as one of bundles, for `conv_gemm`."""
    together = bundle_groups(groups, problem.channels // groups)
    bundles = groups // together
    return replace(problem, channels=problem.channels // bundles, filters=problem.filters // bundles, bundles=bundles)


@triton.jit
def depthwise_kernel(
    x, w, bias, residual, y,
    BATCH: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr, FILTERS: tl.constexpr, MULTIPLIER: tl.constexpr,
    OUT_HEIGHT: tl.constexpr, OUT_WIDTH: tl.constexpr,
    KERNEL_H: tl.constexpr, KERNEL_W: tl.constexpr, STRIDE_H: tl.constexpr, STRIDE_W: tl.constexpr,
    TOP: tl.constexpr, LEFT: tl.constexpr, DILATION_H: tl.constexpr, DILATION_W: tl.constexpr,
    X_LEADING: tl.constexpr, Y_LEADING: tl.constexpr, RESIDUAL_LEADING: tl.constexpr, TAIL: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
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


@dataclass(frozen=True)
class Config:
    """Pixels and filters of a depthwise tile."""

    block_m: int
    block_c: int
    warps: int = 4


CONFIGURATIONS = (Config(16, 64), Config(32, 32), Config(8, 128), Config(32, 64, 8))


def configurations(target: Target, dtype: Dtype) -> tuple[Config, ...]:
    """What ships for depthwise convolutions, the same tiles for every target: they are bound by memory."""
    return tuple(replace(config, warps=target.warps(config.warps)) for config in CONFIGURATIONS)


def suggest_depthwise(problem: gemm.Problem, target: Target) -> Config:
    """The tile that wastes the fewest channels."""
    return min(
        configurations(target, problem.dtype), key=lambda config: (-problem.filters % config.block_c, config.block_m)
    )


def depthwise_work(problem: gemm.Problem) -> Work:
    """Of a depthwise convolution, where a filter sees one channel."""
    taps = problem.kernel[0] * problem.kernel[1]
    read = problem.batch * problem.height * problem.width * problem.channels + taps * problem.filters
    outputs = problem.pixels * problem.filters * (1 if problem.residual_leading is None else 2)
    moved = (read + outputs) * SIZES[problem.dtype] + 4 * problem.filters * problem.bias
    return Work(moved, 2 * problem.pixels * problem.filters * taps)


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
