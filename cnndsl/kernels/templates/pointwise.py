"""The template of pointwise layers: see `cnndsl.kernels.families.pointwise`."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from cnndsl.kernels.families.pointwise import (
    ARGUMENTS,
    Config,
    Problem,
    Source,
)
from cnndsl.kernels.specialization import DTYPES, Specialization, leading
from cnndsl.kernels.templates.early import wait_for_tensors
from cnndsl.kernels.templates.tails import tail
from cnndsl.kernels.work import ceil_div, power_of_two


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
    TAIL: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_C: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    wait_for_tensors(EARLY)
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
