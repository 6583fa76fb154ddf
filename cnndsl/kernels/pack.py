"""K6: between PyTorch's planes (N C H W, float32) and the kernels' pixels (N H W C, half, channels padded with zeros).

Three channels become 4 or 8, so that the first convolution can read whole vectors of 8 or 16 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import triton
import triton.language as tl

from cnndsl.kernels.precision import SIZES, Dtype
from cnndsl.kernels.specialization import DTYPES, Specialization, Work, ceil_div, power_of_two
from cnndsl.kernels.targets import Target


@triton.jit
def pack_kernel(
    x, y,
    PIXELS: tl.constexpr, CHANNELS: tl.constexpr, OUT_CHANNELS: tl.constexpr,
    X_BATCH: tl.constexpr, X_CHANNEL: tl.constexpr, X_PIXEL: tl.constexpr,
    Y_BATCH: tl.constexpr, Y_CHANNEL: tl.constexpr, Y_PIXEL: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    pixel = (tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M))[:, None]
    c = (tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C))[None, :]
    image = tl.program_id(2)
    from_x = x + image * X_BATCH + c * X_CHANNEL + pixel * X_PIXEL
    value = tl.load(from_x, mask=(pixel < PIXELS) & (c < CHANNELS), other=0.0)
    to_y = y + image * Y_BATCH + c * Y_CHANNEL + pixel * Y_PIXEL
    tl.store(to_y, value.to(y.dtype.element_ty), mask=(pixel < PIXELS) & (c < OUT_CHANNELS))


@dataclass(frozen=True)
class Problem:
    """A change of layout and type; steps are elements from one image, channel and pixel to the next."""

    x_dtype: Dtype
    y_dtype: Dtype
    batch: int
    pixels: int
    channels: int
    out_channels: int
    x_steps: tuple[int, int, int]
    y_steps: tuple[int, int, int]

    def work(self) -> Work:
        read, written = self.channels * SIZES[self.x_dtype], self.out_channels * SIZES[self.y_dtype]
        return Work(self.batch * self.pixels * (read + written), 0)


@dataclass(frozen=True)
class Config:
    """Pixels and channels of a tile."""

    block_m: int
    block_c: int
    warps: int = 4


CONFIGURATIONS = (Config(512, 8), Config(64, 64))


def configurations(target: Target, dtype: Dtype) -> tuple[Config, ...]:
    """What ships, the same tiles for every target: it is bound by memory."""
    return tuple(replace(config, warps=target.warps(config.warps)) for config in CONFIGURATIONS)


def suggest(problem: Problem, target: Target) -> Config:
    return configurations(target, problem.y_dtype)[problem.out_channels > 8]


def specialize(problem: Problem, config: Config) -> Specialization:
    block_c = min(config.block_c, power_of_two(problem.out_channels))
    names = ("BATCH", "CHANNEL", "PIXEL")
    constants = {
        "PIXELS": problem.pixels,
        "CHANNELS": problem.channels,
        "OUT_CHANNELS": problem.out_channels,
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
    """The problem of copying `x` to `y`, both N C H W in any order of memory, `y` with as many channels or more."""
    batch, channels, height, width = x.shape
    return Problem(DTYPES[x.dtype], DTYPES[y.dtype], batch, height * width, channels, y.shape[1], _steps(x), _steps(y))


def _steps(x: torch.Tensor) -> tuple[int, int, int]:
    batch, channel, row, column = x.stride()
    if x.shape[2] > 1 and x.shape[3] > 1 and row != column * x.shape[3]:
        raise ValueError(f"pixels are not evenly spaced: shape {(*x.shape,)}, strides {(*x.stride(),)}")
    return batch, channel, column if x.shape[3] > 1 else row
