"""The template of a change of layout and type: see `cnndsl.kernels.families.pack`."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from cnndsl.kernels.families.pack import Config, Problem
from cnndsl.kernels.specialization import DTYPES, Specialization
from cnndsl.kernels.templates.early import wait_for_tensors
from cnndsl.kernels.work import ceil_div, power_of_two


@triton.jit
def pack_kernel(
    x, y,
    PIXELS: tl.constexpr, CHANNELS: tl.constexpr, OUT_CHANNELS: tl.constexpr,
    X_BATCH: tl.constexpr, X_CHANNEL: tl.constexpr, X_PIXEL: tl.constexpr,
    Y_BATCH: tl.constexpr, Y_CHANNEL: tl.constexpr, Y_PIXEL: tl.constexpr,
    SIDE: tl.constexpr, WIDTH: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_C: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    wait_for_tensors(EARLY)
    pixel = (tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M))[:, None]
    c = (tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C))[None, :]
    image = tl.program_id(2)
    from_c, at = c, pixel
    if SIDE > 1:
        from_c = c // (SIDE * SIDE)
        row = pixel // WIDTH * SIDE + c // SIDE % SIDE
        at = row * (WIDTH * SIDE) + pixel % WIDTH * SIDE + c % SIDE
    from_x = x + image * X_BATCH + from_c * X_CHANNEL + at * X_PIXEL
    value = tl.load(from_x, mask=(pixel < PIXELS) & (from_c < CHANNELS), other=0.0)
    to_y = y + image * Y_BATCH + c * Y_CHANNEL + pixel * Y_PIXEL
    tl.store(to_y, value.to(y.dtype.element_ty), mask=(pixel < PIXELS) & (c < OUT_CHANNELS))


def specialize(problem: Problem, config: Config) -> Specialization:
    block_c = min(config.block_c, power_of_two(problem.out_channels))
    names = ("BATCH", "CHANNEL", "PIXEL")
    constants = {
        "PIXELS": problem.pixels,
        "CHANNELS": problem.channels,
        "OUT_CHANNELS": problem.out_channels,
        "SIDE": problem.side,
        "WIDTH": problem.width if problem.side > 1 else 1,
        "BLOCK_M": config.block_m,
        "BLOCK_C": block_c,
    }
    constants |= {f"X_{name}": step for name, step in zip(names, problem.x_steps, strict=True)}
    constants |= {f"Y_{name}": step for name, step in zip(names, problem.y_steps, strict=True)}
    grid = (ceil_div(problem.pixels, config.block_m), ceil_div(problem.out_channels, block_c), problem.batch)
    return Specialization(pack_kernel, {"x": problem.x_dtype, "y": problem.y_dtype}, constants, grid, config.warps, 1)


def pack(problem: Problem, config: Config, x: torch.Tensor, y: torch.Tensor) -> None:
    """Launch it; both tensors as they are, in the axes that `describe` took."""
    specialize(problem, config).launch(x=x, y=y)


def describe(x: torch.Tensor, y: torch.Tensor) -> Problem:
    """The problem of copying `x` to `y`, both N C H W in any order of memory, `y` with as many channels or more.

    If `y` has fewer pixels, each is a block of those of `x`.
    """
    batch, out_channels, rows, width = y.shape
    side, types = x.shape[2] // rows, (DTYPES[x.dtype], DTYPES[y.dtype])
    return Problem(*types, batch, rows * width, x.shape[1], out_channels, _steps(x), _steps(y), side, width)


def takes(x: torch.Tensor) -> bool:
    """Whether `x` can be read where it lies: its pixels are evenly spaced, and offsets fit 32 bits."""
    span = sum((size - 1) * step for size, step in zip(x.shape, x.stride(), strict=True))
    return _even(x) and span < 2**31


def _even(x: torch.Tensor) -> bool:
    return x.shape[2] == 1 or x.shape[3] == 1 or x.stride(2) == x.stride(3) * x.shape[3]


def _steps(x: torch.Tensor) -> tuple[int, int, int]:
    batch, channel, row, column = x.stride()
    if not _even(x):
        raise ValueError(f"pixels are not evenly spaced: shape {(*x.shape,)}, strides {(*x.stride(),)}")
    return batch, channel, column if x.shape[3] > 1 else row
