"""Layers that treat every element alike, and merges of them: one pass that reads each input once and writes a slice.

A gate, a vector per channel (batch norm's scale and shift, PReLU's slopes) and a whole map differ only in their
steps: an axis along which an input does not vary has step 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import triton
import triton.language as tl

from cnndsl.kernels.precision import SIZES, Dtype
from cnndsl.kernels.specialization import DTYPES, Specialization, Work, ceil_div, leading, power_of_two
from cnndsl.kernels.tails import tail
from cnndsl.kernels.targets import Target

ARGUMENTS = ("x", "x1", "x2", "x3")


@triton.jit
def load_source(
    source, image, pixel, c, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, BATCH: tl.constexpr,
    BATCH_STEP: tl.constexpr, PIXEL_STEP: tl.constexpr, CHANNEL_STEP: tl.constexpr,
):  # fmt: skip
    """A tile of an input in float32, of size 1 along axes where it does not vary."""
    rows = (image < BATCH)[:, None]
    columns = (c < CHANNELS)[None, :]
    start = (image * BATCH_STEP + pixel * PIXEL_STEP)[:, None]
    if CHANNEL_STEP == 0:
        found = tl.load(source + start, mask=rows, other=0.0)
    elif BATCH_STEP == 0 and PIXEL_STEP == 0:
        found = tl.load(source + (c * CHANNEL_STEP)[None, :], mask=columns, other=0.0)
    else:
        found = tl.load(source + start + (c * CHANNEL_STEP)[None, :], mask=rows & columns, other=0.0)
    return found.to(tl.float32)


@triton.jit
def pointwise_kernel(
    x, x1, x2, x3, y,
    BATCH: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, Y_LEADING: tl.constexpr,
    X_BATCH: tl.constexpr, X_PIXEL: tl.constexpr, X_CHANNEL: tl.constexpr,
    X1_BATCH: tl.constexpr, X1_PIXEL: tl.constexpr, X1_CHANNEL: tl.constexpr,
    X2_BATCH: tl.constexpr, X2_PIXEL: tl.constexpr, X2_CHANNEL: tl.constexpr,
    X3_BATCH: tl.constexpr, X3_PIXEL: tl.constexpr, X3_CHANNEL: tl.constexpr,
    TAIL: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    c = tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C)
    image = m // PIXELS
    pixel = m % PIXELS
    value = load_source(x, image, pixel, c, PIXELS, CHANNELS, BATCH, X_BATCH, X_PIXEL, X_CHANNEL)
    value1 = value
    value2 = value
    value3 = value
    if x1 is not None:
        value1 = load_source(x1, image, pixel, c, PIXELS, CHANNELS, BATCH, X1_BATCH, X1_PIXEL, X1_CHANNEL)
    if x2 is not None:
        value2 = load_source(x2, image, pixel, c, PIXELS, CHANNELS, BATCH, X2_BATCH, X2_PIXEL, X2_CHANNEL)
    if x3 is not None:
        value3 = load_source(x3, image, pixel, c, PIXELS, CHANNELS, BATCH, X3_BATCH, X3_PIXEL, X3_CHANNEL)
    result = TAIL(value, value1, value2, value3).to(y.dtype.element_ty)
    result = tl.broadcast_to(result, (BLOCK_M, BLOCK_C))
    inside = (image < BATCH)[:, None] & (c < CHANNELS)[None, :]
    tl.store(y + m[:, None] * Y_LEADING + c[None, :], result, mask=inside)


@dataclass(frozen=True)
class Source:
    """An input: elements from one image, pixel and channel to the next, 0 where it is the same for all."""

    dtype: Dtype
    batch_step: int
    pixel_step: int
    channel_step: int


@dataclass(frozen=True)
class Problem:
    """`tail` is expressions in `x`, `x1`, `x2`, `x3`, the inputs, whose result is `x`; empty copies `x`.

    A merge of more inputs runs in several passes, each of which takes the last result as one of its inputs.
    """

    dtype: Dtype
    batch: int
    pixels: int
    channels: int
    y_leading: int
    sources: tuple[Source, ...]
    tail: tuple[str, ...] = ()

    def work(self) -> Work:
        total = 0
        for source in self.sources:
            images = self.batch if source.batch_step else 1
            pixels = self.pixels if source.pixel_step else 1
            channels = self.channels if source.channel_step else 1
            total += images * pixels * channels * SIZES[source.dtype]
        elements = self.batch * self.pixels * self.channels
        return Work(total + elements * SIZES[self.dtype], elements * len(self.tail))


@dataclass(frozen=True)
class Config:
    """Pixels and channels of a tile."""

    block_m: int
    block_c: int
    warps: int = 4


CONFIGURATIONS = (Config(16, 128), Config(32, 64), Config(64, 32), Config(4, 512))


def configurations(target: Target, dtype: Dtype) -> tuple[Config, ...]:
    """What ships, the same tiles for every target: it is bound by memory."""
    return tuple(replace(config, warps=target.warps(config.warps)) for config in CONFIGURATIONS)


def suggest(problem: Problem, target: Target) -> Config:
    """The tile that wastes the fewest channels."""
    return min(
        configurations(target, problem.dtype), key=lambda config: (-problem.channels % config.block_c, config.block_m)
    )


def specialize(problem: Problem, config: Config) -> Specialization:
    block_c = min(config.block_c, power_of_two(problem.channels))
    pixels = problem.batch * problem.pixels
    constants = {
        "BATCH": problem.batch,
        "PIXELS": problem.pixels,
        "CHANNELS": problem.channels,
        "Y_LEADING": problem.y_leading,
        "TAIL": tail(problem.tail, ARGUMENTS),
        "BLOCK_M": config.block_m,
        "BLOCK_C": block_c,
    }
    pointers: dict[str, str | None] = dict.fromkeys(ARGUMENTS)
    absent = Source(problem.dtype, 0, 0, 0)
    for index, name in enumerate(ARGUMENTS):
        source = problem.sources[index] if index < len(problem.sources) else absent
        pointers[name] = None if source is absent else source.dtype
        for axis, step in zip(
            ("BATCH", "PIXEL", "CHANNEL"), (source.batch_step, source.pixel_step, source.channel_step), strict=True
        ):
            constants[f"{name.upper()}_{axis}"] = step
    pointers["y"] = problem.dtype
    grid = (ceil_div(pixels, config.block_m), ceil_div(problem.channels, block_c), 1)
    return Specialization(pointwise_kernel, pointers, constants, grid, config.warps, 1)


def pointwise(problem: Problem, config: Config, y: torch.Tensor, *inputs: torch.Tensor) -> None:
    """Launch it on N H W C views, gates of size 1 along some axes among them."""
    specialize(problem, config).launch(y=y, **dict(zip(ARGUMENTS, inputs, strict=False)))


def describe(y: torch.Tensor, *inputs: torch.Tensor, tail: tuple[str, ...] = ()) -> Problem:
    """The problem that these tensors pose; an input has the shape of `y`, or 1 along an axis where it is the same."""
    batch, height, width, channels = y.shape
    sources = tuple(_source(x, y) for x in inputs)
    return Problem(DTYPES[y.dtype], batch, height * width, channels, leading(y), sources, tail)


def _source(x: torch.Tensor, y: torch.Tensor) -> Source:
    spread = x.shape[1:3] == y.shape[1:3] and x.shape[1] * x.shape[2] > 1
    if not spread and x.shape[1:3] != (1, 1):
        raise ValueError(f"an input of {(*x.shape,)} goes with an output of {(*y.shape,)} neither whole nor as a gate")
    return Source(
        DTYPES[x.dtype],
        x.stride(0) if x.shape[0] > 1 else 0,
        leading(x) if spread else 0,
        x.stride(3) if x.shape[3] > 1 else 0,
    )
