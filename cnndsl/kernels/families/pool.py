"""Pools: the maximum or mean of each window or of the whole map, for every pool of the language in one pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cnndsl.kernels.family import Family, Shipped, by_type, tile_label
from cnndsl.kernels.precision import LARGEST, SIZES, Dtype
from cnndsl.kernels.targets import Target
from cnndsl.kernels.work import Work
from cnndsl.ops.images import Pair, Sides


@dataclass(frozen=True)
class Problem:
    """One pool. With `adaptive` the windows follow from the sizes, and kernel, stride and sides mean nothing.

    `sides` is the padding that counts: what a ceil-rounded window covers beyond it is not there at all. `y_dtype` is
    the type of the result, if it is another; where one of both has 8 bits, results are multiplied by a scale.
    """

    dtype: Dtype
    batch: int
    height: int
    width: int
    channels: int
    out: Pair
    x_leading: int
    y_leading: int
    maximum: bool
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    sides: Sides = (0, 0, 0, 0)
    adaptive: bool = False
    count_padding: bool = True
    tail: tuple[str, ...] = ()
    y_dtype: Dtype | None = None

    def __post_init__(self) -> None:
        if self.scaled and self.tail:
            raise ValueError("a pool of values of 8 bits has no tail")

    @property
    def scaled(self) -> bool:
        return self.dtype in LARGEST or self.y_dtype in LARGEST

    @property
    def everywhere(self) -> bool:
        """A global pool."""
        return self.adaptive and self.out == (1, 1)

    @property
    def depth(self) -> int:
        """The longest sum that a window of this map can be."""
        return self.height * self.width

    def work(self) -> Work:
        read, written = self.height * self.width, self.out[0] * self.out[1]
        taps = read if self.everywhere else written * self.reach[0] * self.reach[1]
        images = self.batch * self.channels
        moved = read * SIZES[self.dtype] + written * SIZES[self.y_dtype or self.dtype]
        return Work(images * moved, images * taps)

    @property
    def reach(self) -> Pair:
        """Rows and columns of the largest window."""
        if not self.adaptive:
            return self.kernel
        rows, columns = (_widest(n, parts) for n, parts in zip((self.height, self.width), self.out, strict=True))
        return rows, columns


def _widest(n: int, parts: int) -> int:
    return max(-(-(i + 1) * n // parts) - i * n // parts for i in range(parts))


@dataclass(frozen=True)
class Config:
    """Pixels and channels of a tile."""

    block_m: int
    block_c: int
    warps: int = 4


DTYPES: tuple[Dtype, ...] = ("fp16", "bf16", "fp32", "int8", "fp8")
CONFIGURATIONS = (Config(8, 128), Config(16, 64), Config(32, 32), Config(64, 64, 8))


def configurations(target: Target, dtype: Dtype) -> tuple[Config, ...]:
    """What ships, the same tiles for every target that knows the type, with whole vectors for each thread."""
    if not target.multiplies(dtype):
        return ()
    wider = 2 if SIZES[dtype] == 1 else 1
    return tuple(
        replace(config, block_c=wider * config.block_c, warps=target.warps(config.warps)) for config in CONFIGURATIONS
    )


def suggest(problem: Problem, target: Target) -> Config:
    """The tile that wastes the fewest channels."""
    return min(
        configurations(target, problem.dtype), key=lambda config: (-problem.channels % config.block_c, config.block_m)
    )


def shipped(target: Target, dtype: Dtype) -> Iterator[Shipped]:
    shape = (dtype, 8, 56, 56, 256)
    problems = {
        "max 3x3": Problem(*shape, (28, 28), 256, 256, True, (3, 3), (2, 2), (1, 1, 1, 1)),
        "mean 3x3": Problem(*shape, (56, 56), 256, 256, False, (3, 3), (1, 1), (1, 1, 1, 1), count_padding=False),
        "global mean": Problem(*shape, (1, 1), 256, 256, False, adaptive=True),
        "adaptive mean": Problem(*shape, (6, 6), 256, 256, False, adaptive=True),
    }
    for name, problem in problems.items():
        for config in configurations(target, dtype):
            label = f"{name}, {tile_label(config, target)}"
            yield Shipped(label, problem, config)


FAMILIES = (Family("pool", "pool.specialize", suggest, by_type(configurations), shipped, trial="pool", dtypes=DTYPES),)
