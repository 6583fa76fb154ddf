"""The template of local response normalisation: see `cnndsl.kernels.families.lrn`.

A thread has eight neighbouring channels, a whole vector, and reads the vectors beside it, so that sums over neighbours
are made in registers.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from cnndsl.kernels.families import pool
from cnndsl.kernels.families.lrn import Problem
from cnndsl.kernels.specialization import DTYPES, Specialization, leading
from cnndsl.kernels.templates.early import wait_for_tensors
from cnndsl.kernels.templates.tiles import larger
from cnndsl.kernels.work import ceil_div, power_of_two
from cnndsl.ops.images import Pair, Sides
from cnndsl.ops.normalization import Lrn

OCTET = 8  # channels of a thread


@triton.jit
def octet(x):
    """The eight parts of the last axis, each a tensor."""
    M: tl.constexpr = x.shape[0]
    G: tl.constexpr = x.shape[1]
    even, odd = tl.split(tl.reshape(x, (M, G, 4, 2)))
    even, even2 = tl.split(tl.reshape(even, (M, G, 2, 2)))
    odd, odd2 = tl.split(tl.reshape(odd, (M, G, 2, 2)))
    x0, x4 = tl.split(even)
    x1, x5 = tl.split(odd)
    x2, x6 = tl.split(even2)
    x3, x7 = tl.split(odd2)
    return (x0, x1, x2, x3, x4, x5, x6, x7)


@triton.jit
def joined(x0, x1, x2, x3, x4, x5, x6, x7):
    """What `octet` takes apart."""
    M: tl.constexpr = x0.shape[0]
    G: tl.constexpr = x0.shape[1]
    even = tl.join(tl.join(x0, x4), tl.join(x2, x6))
    odd = tl.join(tl.join(x1, x5), tl.join(x3, x7))
    return tl.reshape(tl.join(even, odd), (M, G, 8))


@triton.jit
def summed(values, FIRST: tl.constexpr, SIZE: tl.constexpr):
    """Of so many neighbours."""
    result = values[FIRST]
    for beside in tl.static_range(1, SIZE):
        result += values[FIRST + beside]
    return result


@triton.jit
def damping(x, BETA: tl.constexpr):
    """x ** -BETA; of 0.75, which all networks have, without a logarithm, which is 20 instructions."""
    if BETA == 0.75:
        root = tl.rsqrt(x)
        return root * tl.sqrt(root)
    return tl.exp2(-BETA * tl.log2(x))


@triton.jit
def largest(
    x, c, image, top, left, inside,
    HEIGHT: tl.constexpr, WIDTH: tl.constexpr, CHANNELS: tl.constexpr, KERNEL_H: tl.constexpr, KERNEL_W: tl.constexpr,
    X_LEADING: tl.constexpr,
):  # fmt: skip
    """The maximum of each window at channels `c`, and 0 where there are none."""
    inside = inside & (c >= 0) & (c < CHANNELS)
    value = tl.full(inside.shape, float("-inf"), tl.float32)
    for tap in range(KERNEL_H * KERNEL_W):  # a pixel that counts twice does not change a maximum
        row = tl.minimum(tl.maximum(top + tap // KERNEL_W, 0), HEIGHT - 1)
        column = tl.minimum(tl.maximum(left + tap % KERNEL_W, 0), WIDTH - 1)
        pixel = (image * HEIGHT + row) * WIDTH + column
        found = tl.load(x + (pixel * X_LEADING + c), mask=inside, other=0.0).to(tl.float32)
        value = larger(value, found)
    return value


@triton.jit
def normalised(
    x, c, image, top, left, inside,
    HEIGHT: tl.constexpr, WIDTH: tl.constexpr, CHANNELS: tl.constexpr, KERNEL_H: tl.constexpr, KERNEL_W: tl.constexpr,
    X_LEADING: tl.constexpr, SIZE: tl.constexpr, ALPHA: tl.constexpr, BETA: tl.constexpr, OFFSET: tl.constexpr,
):  # fmt: skip
    """The maxima of windows, divided by what their neighbours across channels make."""
    SIDE: tl.constexpr = (SIZE // 2 + 7) // 8  # octets that a sum may reach into
    value = largest(x, c, image, top, left, inside, HEIGHT, WIDTH, CHANNELS, KERNEL_H, KERNEL_W, X_LEADING)
    squares = octet(value * value)
    for beside in tl.static_range(1, SIDE + 1):
        below = largest(
            x, c - 8 * beside, image, top, left, inside, HEIGHT, WIDTH, CHANNELS, KERNEL_H, KERNEL_W, X_LEADING
        )  # fmt: skip
        above = largest(
            x, c + 8 * beside, image, top, left, inside, HEIGHT, WIDTH, CHANNELS, KERNEL_H, KERNEL_W, X_LEADING
        )  # fmt: skip
        squares = octet(below * below) + squares + octet(above * above)
    FIRST: tl.constexpr = 8 * SIDE - SIZE // 2
    sums = joined(
        summed(squares, FIRST, SIZE), summed(squares, FIRST + 1, SIZE),
        summed(squares, FIRST + 2, SIZE), summed(squares, FIRST + 3, SIZE),
        summed(squares, FIRST + 4, SIZE), summed(squares, FIRST + 5, SIZE),
        summed(squares, FIRST + 6, SIZE), summed(squares, FIRST + 7, SIZE),
    )  # fmt: skip
    return value * damping(OFFSET + ALPHA * sums, BETA)


@triton.jit
def lrn_kernel(
    x, y,
    M: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr, CHANNELS: tl.constexpr,
    OUT_HEIGHT: tl.constexpr, OUT_WIDTH: tl.constexpr, KERNEL_H: tl.constexpr, KERNEL_W: tl.constexpr,
    STRIDE_H: tl.constexpr, STRIDE_W: tl.constexpr, TOP: tl.constexpr, LEFT: tl.constexpr,
    X_LEADING: tl.constexpr, Y_LEADING: tl.constexpr,
    SIZE: tl.constexpr, ALPHA: tl.constexpr, BETA: tl.constexpr, OFFSET: tl.constexpr, FIRST: tl.constexpr,
    BLOCK_M: tl.constexpr, OCTETS: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    wait_for_tensors(EARLY)
    m = (tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M))[:, None, None]
    c = (tl.program_id(1) * OCTETS + tl.arange(0, OCTETS))[None, :, None] * 8 + tl.arange(0, 8)[None, None, :]
    image = m // (OUT_HEIGHT * OUT_WIDTH)
    top = m // OUT_WIDTH % OUT_HEIGHT * STRIDE_H - TOP
    left = m % OUT_WIDTH * STRIDE_W - LEFT
    if FIRST:  # each pixel of a window by itself, then their maximum
        result = tl.full((BLOCK_M, OCTETS, 8), float("-inf"), tl.float32)
        for tap in range(KERNEL_H * KERNEL_W):
            found = normalised(
                x, c, image, top + tap // KERNEL_W, left + tap % KERNEL_W, m < M,
                HEIGHT, WIDTH, CHANNELS, 1, 1, X_LEADING, SIZE, ALPHA, BETA, OFFSET,
            )  # fmt: skip
            result = larger(result, found)
    else:
        result = normalised(
            x, c, image, top, left, m < M,
            HEIGHT, WIDTH, CHANNELS, KERNEL_H, KERNEL_W, X_LEADING, SIZE, ALPHA, BETA, OFFSET,
        )  # fmt: skip
    tl.store(y + m * Y_LEADING + c, result.to(y.dtype.element_ty), mask=(m < M) & (c < CHANNELS))


def specialize(problem: Problem, config: pool.Config) -> Specialization:
    window, op = problem.window, problem.op
    octets = max(1, min(config.block_c, power_of_two(window.channels)) // OCTET)
    constants = {
        "M": problem.pixels,
        "HEIGHT": window.height,
        "WIDTH": window.width,
        "CHANNELS": window.channels,
        "OUT_HEIGHT": window.out[0],
        "OUT_WIDTH": window.out[1],
        "KERNEL_H": window.kernel[0],
        "KERNEL_W": window.kernel[1],
        "STRIDE_H": window.stride[0],
        "STRIDE_W": window.stride[1],
        "TOP": window.sides[0],
        "LEFT": window.sides[2],
        "X_LEADING": window.x_leading,
        "Y_LEADING": window.y_leading,
        "SIZE": op.size,
        "ALPHA": op.alpha / op.size if op.average else op.alpha,
        "BETA": op.beta,
        "OFFSET": op.k,
        "FIRST": problem.first,
        "BLOCK_M": config.block_m,
        "OCTETS": octets,
    }
    grid = (ceil_div(problem.pixels, config.block_m), ceil_div(window.channels, OCTET * octets), 1)
    return Specialization(lrn_kernel, {"x": problem.dtype, "y": problem.dtype}, constants, grid, config.warps, 2)


def lrn(problem: Problem, config: pool.Config, x: torch.Tensor, y: torch.Tensor) -> None:
    """Launch it on N H W C views, which may not overlap."""
    specialize(problem, config).launch(x=x, y=y)


def describe(
    op: Lrn,
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    kernel: Pair = (1, 1),
    stride: Pair = (1, 1),
    sides: Sides = (0, 0, 0, 0),
) -> Problem:
    """The problem that these tensors pose."""
    batch, height, width, channels = x.shape
    out, steps = (y.shape[1], y.shape[2]), (leading(x), leading(y))
    window = pool.Problem(DTYPES[x.dtype], batch, height, width, channels, out, *steps, True, kernel, stride, sides)
    return Problem(window, op)
