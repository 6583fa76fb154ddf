"""Softmax across the channels of each pixel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cnndsl.kernels.family import Family, Shipped, by_type
from cnndsl.kernels.precision import SIZES, Dtype
from cnndsl.kernels.targets import Target
from cnndsl.kernels.work import Work


@dataclass(frozen=True)
class Problem:
    """On so many pixels of so many channels."""

    dtype: Dtype
    pixels: int
    channels: int
    x_leading: int
    y_leading: int

    def work(self) -> Work:
        elements = self.pixels * self.channels
        return Work(2 * elements * SIZES[self.dtype], 4 * elements)


@dataclass(frozen=True)
class Config:
    """Elements of a tile, which has all channels of a pixel."""

    elements: int
    warps: int = 4


CONFIGURATIONS = (Config(2048), Config(4096, 8))


def configurations(target: Target, dtype: Dtype) -> tuple[Config, ...]:
    """What ships, the same tiles for every target: it is bound by memory."""
    return tuple(replace(config, warps=target.warps(config.warps)) for config in CONFIGURATIONS)


def suggest(problem: Problem, target: Target) -> Config:
    return configurations(target, problem.dtype)[problem.channels > 2048]


def shipped(target: Target, dtype: Dtype) -> Iterator[Shipped]:
    problem = Problem(dtype, 8 * 784, 256, 256, 256)
    for config in configurations(target, dtype):
        label = f"{config.elements} elements, {config.warps * target.lanes} threads"
        yield Shipped(label, problem, config)


FAMILIES = (Family("softmax", "softmax.specialize", suggest, by_type(configurations), shipped, trial="softmax"),)
