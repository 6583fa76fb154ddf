"""K7: a classifier of few images: the mean over the map of what batch norm and activation make of it, then the linear
layer, in one kernel.

Each block takes some channels to some classes and pools those channels itself, and the last one of a class adds up.
With many images the maps would be read too often for that; with few it saves one launch or two of short work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cnndsl.kernels.family import Family, Shipped, by_type
from cnndsl.kernels.precision import SIZES, Dtype
from cnndsl.kernels.tails import RELU
from cnndsl.kernels.targets import Target
from cnndsl.kernels.tiling import PART, Tiling
from cnndsl.kernels.work import Work, ceil_div

PIXELS = 64  # that a block reads at once
PLAIN = 12  # times as long as by matrix instructions take products without


@dataclass(frozen=True)
class Problem:
    """y = tail(W mean(prologue(scale x + shift)) + bias), where scale and shift may be missing."""

    dtype: Dtype
    batch: int
    pixels: int
    channels: int
    filters: int
    x_leading: int
    y_leading: int
    affine: bool = False
    prologue: tuple[str, ...] = ()
    bias: bool = True
    tail: tuple[str, ...] = ()

    @property
    def depth(self) -> int:
        """Length of the sums, one after the other."""
        return self.channels + self.pixels

    def work(self) -> Work:
        size, images = SIZES[self.dtype], self.batch
        moved = images * (self.pixels * self.channels + self.filters) + self.channels * self.filters
        vectors = 4 * (2 * self.channels * self.affine + self.filters * self.bias)
        return Work(moved * size + vectors, images * self.channels * (self.pixels + 2 * self.filters))


@dataclass(frozen=True)
class Config:
    """Filters and channels of a block."""

    block_n: int
    block_k: int
    warps: int = 4


CONFIGURATIONS = (Config(64, 128), Config(32, 128), Config(32, 64))


def configurations(target: Target, dtype: Dtype) -> tuple[Config, ...]:
    """What ships, the same for every target."""
    return tuple(replace(config, warps=target.warps(config.warps)) for config in CONFIGURATIONS)


def parts(problem: Problem, config: Config) -> int:
    """Of the sum over channels."""
    return ceil_div(problem.channels, config.block_k)


def sums(problem: Problem, config: Config) -> tuple[int, int]:
    """Elements of all parts of the sums, and blocks' counters."""
    return parts(problem, config) * problem.batch * problem.filters, ceil_div(problem.filters, config.block_n)


def tiling(problem: Problem, config: Config) -> Tiling:
    """The blocks of a launch: they read one image after the other."""
    size, (rows, columns) = SIZES[problem.dtype], (config.block_n, config.block_k)
    maps = problem.batch * problem.pixels * columns
    waits = 3 + problem.batch * ceil_div(problem.pixels, PIXELS)
    return Tiling(
        parts(problem, config) * ceil_div(problem.filters, rows),
        PLAIN * (2 * problem.batch * rows * columns + maps),
        (maps + rows * columns) * size,
        problem.batch * rows * size / parts(problem, config),
        2 * rows * columns * size,
        waits,
        2 * PART * problem.batch * rows,
    )


def suggest(problem: Problem, target: Target) -> Config:
    """The fastest by the model."""
    every = configurations(target, problem.dtype)
    return min(every, key=lambda config: tiling(problem, config).seconds(target))


def shipped(target: Target, dtype: Dtype) -> Iterator[Shipped]:
    plain = Problem(dtype, 1, 49, 2048, 1000, 2048, 1000)
    for config in configurations(target, dtype):
        label = f"{config.block_n} filters, {config.block_k} channels, {config.warps * target.lanes} threads"
        yield Shipped(label, plain, config)
    normed = replace(plain, affine=True, prologue=(RELU,))
    yield Shipped("batch norm and relu before it", normed, configurations(target, dtype)[0])


FAMILIES = (
    Family(
        "head", "head.specialize", suggest, by_type(configurations), shipped, tiling=tiling, sums=sums, trial="head"
    ),
)
