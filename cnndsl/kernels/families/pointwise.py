"""Layers that treat every element alike, and merges of them: one pass that reads each input once and writes a slice.

A gate, a vector per channel (batch norm's scale and shift, PReLU's slopes) and a whole map differ only in their
steps: an axis along which an input does not vary has step 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cnndsl.kernels.family import Family, Shipped, by_type, tile_label
from cnndsl.kernels.precision import SIZES, Dtype
from cnndsl.kernels.tails import RELU
from cnndsl.kernels.targets import Target
from cnndsl.kernels.work import Work

ARGUMENTS = ("x", "x1", "x2", "x3")


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


def shipped(target: Target, dtype: Dtype) -> Iterator[Shipped]:
    whole = Source(dtype, 784 * 256, 256, 1)
    gate, vector = Source(dtype, 256, 0, 1), Source("fp32", 0, 0, 1)
    problems = {
        "add, relu": Problem(dtype, 8, 784, 256, 512, (whole, whole), ("x + x1", RELU)),
        "gate": Problem(dtype, 8, 784, 256, 256, (whole, gate), ("x * x1",)),
        "affine, relu": Problem(dtype, 8, 784, 256, 256, (whole, vector, vector), ("x * x1 + x2", RELU)),
    }
    for name, problem in problems.items():
        for config in configurations(target, dtype):
            label = f"{name}, {tile_label(config, target)}"
            yield Shipped(label, problem, config)


FAMILIES = (Family("pointwise", "pointwise.specialize", suggest, by_type(configurations), shipped, trial="pointwise"),)
