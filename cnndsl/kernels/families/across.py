"""Layers that look across the channels of each pixel: softmax, and local response normalisation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cnndsl.kernels.family import Family, Shipped, by_type
from cnndsl.kernels.precision import SIZES, Dtype
from cnndsl.kernels.targets import Target
from cnndsl.kernels.work import Work
from cnndsl.ops.activation import Softmax
from cnndsl.ops.normalization import Lrn


@dataclass(frozen=True)
class Problem:
    """A layer of this kind on images of so many channels."""

    dtype: Dtype
    pixels: int
    channels: int
    x_leading: int
    y_leading: int
    op: Softmax | Lrn

    def work(self) -> Work:
        elements = self.pixels * self.channels
        each = 2 * self.op.size + 4 if isinstance(self.op, Lrn) else 4
        return Work(2 * elements * SIZES[self.dtype], elements * each)


@dataclass(frozen=True)
class Config:
    """Elements of a tile; softmax takes all channels of a pixel at once."""

    elements: int
    warps: int = 4


CONFIGURATIONS = (Config(2048), Config(4096, 8))


def configurations(target: Target, dtype: Dtype) -> tuple[Config, ...]:
    """What ships, the same tiles for every target: it is bound by memory."""
    return tuple(replace(config, warps=target.warps(config.warps)) for config in CONFIGURATIONS)


def suggest(problem: Problem, target: Target) -> Config:
    return configurations(target, problem.dtype)[problem.channels > 2048]


def shipped(target: Target, dtype: Dtype) -> Iterator[Shipped]:
    for op in (Softmax(), Lrn(5)):
        problem = Problem(dtype, 8 * 784, 256, 256, 256, op)
        for config in configurations(target, dtype):
            label = f"{op}, {config.elements} elements, {config.warps * target.lanes} threads"
            yield Shipped(label, problem, config)


FAMILIES = (Family("across", "across.specialize", suggest, by_type(configurations), shipped, trial="across"),)
