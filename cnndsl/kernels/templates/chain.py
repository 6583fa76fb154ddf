"""The template of a chain of convolutions: see `cnndsl.kernels.families.chain`."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from cnndsl.kernels.families.chain import Config, Problem, refusal
from cnndsl.kernels.families.conv_gemm import Second
from cnndsl.kernels.specialization import Specialization
from cnndsl.kernels.templates.early import wait_for_tensors
from cnndsl.kernels.templates.tails import tail
from cnndsl.kernels.work import ceil_div, power_of_two


@triton.jit
def conv_tile(
    x, w, top, left, corner, start,
    HEIGHT: tl.constexpr, WIDTH: tl.constexpr, CHANNELS: tl.constexpr, X_LEADING: tl.constexpr, MIDDLE: tl.constexpr,
    KERNEL_H: tl.constexpr, KERNEL_W: tl.constexpr, DILATION_H: tl.constexpr, DILATION_W: tl.constexpr,
    PADDED: tl.constexpr, CENTRED: tl.constexpr, PRECISION: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_MIDDLE: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """Filters of a convolution from `start` on, at the pixels whose windows begin at (top, left)."""
    BLOCKS: tl.constexpr = (CHANNELS + BLOCK_K - 1) // BLOCK_K
    TAPS: tl.constexpr = KERNEL_H * KERNEL_W
    n = start + tl.arange(0, BLOCK_MIDDLE)
    tile = tl.zeros((BLOCK_M, BLOCK_MIDDLE), tl.float32)
    first = 0
    end = TAPS * BLOCKS
    if CENTRED:  # 1x1 filters have zeros for all taps but the one at the centre
        alone = start + BLOCK_MIDDLE <= CENTRED
        first = tl.where(alone, TAPS // 2 * BLOCKS, first)
        end = tl.where(alone, (TAPS // 2 + 1) * BLOCKS, end)
    for step in range(first, end):
        tap = step // BLOCKS
        c = step % BLOCKS * BLOCK_K + tl.arange(0, BLOCK_K)
        down = tap // KERNEL_W * DILATION_H
        right = tap % KERNEL_W * DILATION_W
        present = c < CHANNELS
        inside = present[None, :]
        if PADDED:
            at_row = top + down
            at_column = left + right
            there = (at_row >= 0) & (at_row < HEIGHT) & (at_column >= 0) & (at_column < WIDTH)
            inside = inside & there[:, None]
        pixel = corner + down * WIDTH + right
        a = tl.load(x + (pixel * X_LEADING)[:, None] + c[None, :], mask=inside, other=0.0)
        k = tap * CHANNELS + c
        mask = present[:, None] & (n < MIDDLE)[None, :]
        b = tl.load(w + n[None, :] * (KERNEL_H * KERNEL_W * CHANNELS) + k[:, None], mask=mask, other=0.0)
        tile = tl.dot(a, b, tile, input_precision=PRECISION)
    return tile


@triton.jit
def chain_kernel(
    x, w1, bias1, w2, bias2, residual, x2, projection, y, w3, bias3, z,
    BATCH: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr, CHANNELS: tl.constexpr,
    OUT_HEIGHT: tl.constexpr, OUT_WIDTH: tl.constexpr, MIDDLE: tl.constexpr, CENTRED: tl.constexpr,
    FILTERS: tl.constexpr, LAST: tl.constexpr,
    HEIGHT2: tl.constexpr, WIDTH2: tl.constexpr, CHANNELS2: tl.constexpr, STRIDE2_H: tl.constexpr,
    STRIDE2_W: tl.constexpr, X2_LEADING: tl.constexpr,
    KERNEL_H: tl.constexpr, KERNEL_W: tl.constexpr, STRIDE_H: tl.constexpr, STRIDE_W: tl.constexpr,
    TOP: tl.constexpr, LEFT: tl.constexpr, DILATION_H: tl.constexpr, DILATION_W: tl.constexpr, PADDED: tl.constexpr,
    X_LEADING: tl.constexpr, RESIDUAL_LEADING: tl.constexpr, Y_LEADING: tl.constexpr, Z_LEADING: tl.constexpr,
    TAIL1: tl.constexpr, TAIL2: tl.constexpr, TAIL3: tl.constexpr, PRECISION: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_MIDDLE: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_LAST: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    wait_for_tensors(EARLY)
    M: tl.constexpr = BATCH * OUT_HEIGHT * OUT_WIDTH
    offsets_m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    m = tl.minimum(offsets_m, M - 1)
    image = m // (OUT_HEIGHT * OUT_WIDTH)
    out_row = m // OUT_WIDTH % OUT_HEIGHT
    out_column = m % OUT_WIDTH
    top = out_row * STRIDE_H - TOP
    left = out_column * STRIDE_W - LEFT
    n2 = tl.arange(0, BLOCK_N)

    tile2 = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    for start in range(0, MIDDLE, BLOCK_MIDDLE):
        n = start + tl.arange(0, BLOCK_MIDDLE)
        corner = (image * HEIGHT + top) * WIDTH + left
        tile = conv_tile(
            x, w1, top, left, corner, start, HEIGHT, WIDTH, CHANNELS, X_LEADING, MIDDLE,
            KERNEL_H, KERNEL_W, DILATION_H, DILATION_W, PADDED, CENTRED, PRECISION,
            BLOCK_M, BLOCK_MIDDLE, BLOCK_K,
        )  # fmt: skip
        if bias1 is not None:
            tile += tl.load(bias1 + n, mask=n < MIDDLE, other=0.0)[None, :]
        mask = (n < MIDDLE)[:, None] & (n2 < FILTERS)[None, :]
        b = tl.load(w2 + n2[None, :] * MIDDLE + n[:, None], mask=mask, other=0.0)
        tile2 = tl.dot(TAIL1(tile, tile).to(x.dtype.element_ty), b, tile2, input_precision=PRECISION)

    if CHANNELS2:  # a 1x1 convolution of another tensor, added: the projection shortcut
        pixel = (image * HEIGHT2 + out_row * STRIDE2_H) * WIDTH2 + out_column * STRIDE2_W
        for step in range((CHANNELS2 + BLOCK_K - 1) // BLOCK_K):
            c = step * BLOCK_K + tl.arange(0, BLOCK_K)
            a = tl.load(x2 + (pixel * X2_LEADING)[:, None] + c[None, :], mask=(c < CHANNELS2)[None, :], other=0.0)
            mask = (c < CHANNELS2)[:, None] & (n2 < FILTERS)[None, :]
            b = tl.load(projection + n2[None, :] * CHANNELS2 + c[:, None], mask=mask, other=0.0)
            tile2 = tl.dot(a, b, tile2, input_precision=PRECISION)

    if bias2 is not None:
        tile2 += tl.load(bias2 + n2, mask=n2 < FILTERS, other=0.0)[None, :]
    inside = (offsets_m < M)[:, None] & (n2 < FILTERS)[None, :]
    other = tile2
    if residual is not None:
        from_residual = residual + offsets_m[:, None] * RESIDUAL_LEADING + n2[None, :]
        other = tl.load(from_residual, mask=inside, other=0.0).to(tl.float32)
    result = TAIL2(tile2, other).to(x.dtype.element_ty)
    if y is not None:
        tl.store(y + offsets_m[:, None] * Y_LEADING + n2[None, :], result, mask=inside)
    if LAST:
        n3 = tl.arange(0, BLOCK_LAST)
        mask = (n2 < FILTERS)[:, None] & (n3 < LAST)[None, :]
        b = tl.load(w3 + n3[None, :] * FILTERS + n2[:, None], mask=mask, other=0.0)
        tile3 = tl.dot(result, b, input_precision=PRECISION)
        if bias3 is not None:
            tile3 += tl.load(bias3 + n3, mask=n3 < LAST, other=0.0)[None, :]
        to_z = z + offsets_m[:, None] * Z_LEADING + n3[None, :]
        tl.store(to_z, TAIL3(tile3, tile3).to(z.dtype.element_ty), mask=(offsets_m < M)[:, None] & (n3 < LAST)[None, :])


def specialize(problem: Problem, config: Config) -> Specialization:
    """Raises ValueError for a chain that is too wide (`refusal`)."""
    reason = refusal(problem)
    if reason is not None:
        raise ValueError(f"chain does not take this: {reason}")
    first, extra = problem.first, problem.second or Second(1, 1, 0, 0)
    constants = {
        "BATCH": first.batch,
        "HEIGHT": first.height,
        "WIDTH": first.width,
        "CHANNELS": first.channels,
        "OUT_HEIGHT": first.out[0],
        "OUT_WIDTH": first.out[1],
        "MIDDLE": first.filters,
        "CENTRED": first.centred,
        "FILTERS": problem.filters,
        "LAST": problem.last,
        **extra.constants,
        "KERNEL_H": first.kernel[0],
        "KERNEL_W": first.kernel[1],
        "STRIDE_H": first.stride[0],
        "STRIDE_W": first.stride[1],
        "TOP": first.sides[0],
        "LEFT": first.sides[2],
        "DILATION_H": first.dilation[0],
        "DILATION_W": first.dilation[1],
        "PADDED": any(first.sides),
        "X_LEADING": first.x_leading,
        "RESIDUAL_LEADING": problem.residual_leading or 0,
        "Y_LEADING": problem.y_leading,
        "Z_LEADING": problem.z_leading,
        "TAIL1": tail(first.tail),
        "TAIL2": tail(problem.tail),
        "TAIL3": tail(problem.last_tail),
        "PRECISION": first.precision,
        "BLOCK_M": config.block_m,
        "BLOCK_K": config.block_k,
        "BLOCK_MIDDLE": config.block_middle,
        "BLOCK_N": max(16, power_of_two(problem.filters)),
        "BLOCK_LAST": max(16, power_of_two(problem.last)),
    }
    half = first.dtype
    pointers = {
        "x": half,
        "w1": half,
        "bias1": "fp32" if first.bias else None,
        "w2": half,
        "bias2": "fp32" if problem.bias else None,
        "residual": None if problem.residual_leading is None else half,
        "x2": half if problem.second else None,
        "projection": half if problem.second else None,
        "y": half if problem.keep else None,
        "w3": half if problem.last else None,
        "bias3": "fp32" if problem.last and problem.last_bias else None,
        "z": half if problem.last else None,
    }
    grid = (ceil_div(problem.pixels, config.block_m), 1, 1)
    return Specialization(chain_kernel, pointers, constants, grid, config.warps, config.stages)


def chain(problem: Problem, config: Config, **tensors: torch.Tensor) -> None:
    """Launch it on N H W C views, by the kernel's names.

    `x`, `w1`, `bias1` are the first convolution's; `w2` (O x I), `bias2`, `residual`, `y` the second's, and `x2`,
    `projection` (O x I) what is added to it; `w3`, `bias3`, `z` the third's.
    """
    specialize(problem, config).launch(**tensors)
