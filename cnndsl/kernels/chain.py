"""K4: a convolution and the 1x1 convolutions after it in one kernel, for the same pixels: the tensors between them
never exist.

3x3 then 1x1 with its residual, then perhaps the next block's 1x1 (ResNet's first stage, where maps are large and
channels few); SqueezeNet's expand (1x1 beside 3x3) then squeeze. The middle is made 64 filters at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import triton
import triton.language as tl

from cnndsl.kernels.conv_gemm import Problem as First
from cnndsl.kernels.precision import SIZES, Dtype
from cnndsl.kernels.specialization import Specialization, Work, ceil_div, power_of_two
from cnndsl.kernels.tails import tail
from cnndsl.kernels.targets import Target


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
    x, w1, bias1, w2, bias2, residual, y, w3, bias3, z,
    BATCH: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr, CHANNELS: tl.constexpr,
    OUT_HEIGHT: tl.constexpr, OUT_WIDTH: tl.constexpr, MIDDLE: tl.constexpr, CENTRED: tl.constexpr,
    FILTERS: tl.constexpr, LAST: tl.constexpr,
    KERNEL_H: tl.constexpr, KERNEL_W: tl.constexpr, STRIDE_H: tl.constexpr, STRIDE_W: tl.constexpr,
    TOP: tl.constexpr, LEFT: tl.constexpr, DILATION_H: tl.constexpr, DILATION_W: tl.constexpr, PADDED: tl.constexpr,
    X_LEADING: tl.constexpr, RESIDUAL_LEADING: tl.constexpr, Y_LEADING: tl.constexpr, Z_LEADING: tl.constexpr,
    TAIL1: tl.constexpr, TAIL2: tl.constexpr, TAIL3: tl.constexpr, PRECISION: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_MIDDLE: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_LAST: tl.constexpr,
):  # fmt: skip
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


@dataclass(frozen=True)
class Problem:
    """A convolution `first` (its `filters` are the middle, its `y_leading` means nothing) and what follows it.

    filters  of the 1x1 convolution of the middle; `tail` and residual are its
    last     filters of a third, 1x1 (0: none)
    keep     whether the second's result is stored too, since others read it
    *bias    whether each has one; that of `first` says so itself
    """

    first: First
    filters: int
    y_leading: int
    tail: tuple[str, ...] = ()
    residual_leading: int | None = None
    last: int = 0
    last_tail: tuple[str, ...] = ()
    z_leading: int = 0
    keep: bool = True
    bias: bool = True
    last_bias: bool = True

    @property
    def pixels(self) -> int:
        return self.first.pixels

    def work(self) -> Work:
        first = self.first
        weights = first.weights + first.filters * self.filters + self.filters * self.last
        written = self.filters * (self.keep + (self.residual_leading is not None)) + self.last
        read = first.batch * first.height * first.width * first.channels
        return Work((read + weights + self.pixels * written) * SIZES[first.dtype], 2 * self.pixels * weights)


@dataclass(frozen=True)
class Config:
    """Pixels of a tile, channels of a step, filters of the middle at once."""

    block_m: int
    block_k: int
    block_middle: int
    warps: int
    stages: int


LARGEST = {"fp16": 256, "bf16": 256, "fp32": 128}  # filters that one tile holds in registers


def configurations(target: Target, dtype: Dtype) -> tuple[Config, ...]:
    """What ships for a target: more than 64 filters of the middle at once would spill."""
    size = SIZES[dtype]
    stages = 3 if target.shared > 128 * 1024 else 2
    block_k = 64 // size
    return (
        Config(64, block_k, 64, 8, stages),
        Config(64, block_k, 32, 8, stages),
        Config(128, block_k, 32, 8, stages),
        Config(64, block_k, 32, 4, stages),
    )


def refusal(problem: Problem) -> str | None:
    """Why no tile holds this chain; None if one does."""
    largest = LARGEST[problem.first.dtype]
    if problem.filters > largest:
        return f"its {problem.filters} filters do not fit in a tile of {largest}"
    if problem.last > 128:
        return f"its last {problem.last} filters do not fit in a tile of 128"
    if problem.first.second or problem.first.split_at or problem.first.bundles > 1:
        return "its first convolution has several sources, outputs or groups"
    return None


def suggest(problem: Problem, target: Target) -> Config:
    """Few threads for few filters, and half the pixels where the tile is wide."""
    wide = problem.filters > 128
    return fit(configurations(target, problem.first.dtype)[0 if wide else 3], problem)


def fit(config: Config, problem: Problem) -> Config:
    """Without what a tile would compute beside the problem."""
    middle = max(16, min(config.block_middle, power_of_two(problem.first.filters)))
    return replace(
        config, block_middle=middle, block_k=max(16, min(config.block_k, power_of_two(problem.first.channels)))
    )


def specialize(problem: Problem, config: Config) -> Specialization:
    """Raises ValueError for a chain that is too wide (`refusal`)."""
    reason = refusal(problem)
    if reason is not None:
        raise ValueError(f"chain does not take this: {reason}")
    first = problem.first
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
        "y": half if problem.keep else None,
        "w3": half if problem.last else None,
        "bias3": "fp32" if problem.last and problem.last_bias else None,
        "z": half if problem.last else None,
    }
    grid = (ceil_div(problem.pixels, config.block_m), 1, 1)
    return Specialization(chain_kernel, pointers, constants, grid, config.warps, config.stages)


def chain(problem: Problem, config: Config, **tensors: torch.Tensor) -> None:
    """Launch it on N H W C views, by the kernel's names.

    `x`, `w1`, `bias1` are the first convolution's; `w2` (O x I), `bias2`, `residual`, `y` the second's; `w3`, `bias3`,
    `z` the third's.
    """
    specialize(problem, config).launch(**tensors)
