"""Local response normalisation across the channels of each pixel, and a max-pool before or after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cnndsl.kernels.families import pool
from cnndsl.kernels.family import Family, Shipped, by_type, tile_label
from cnndsl.kernels.precision import Dtype
from cnndsl.kernels.targets import Target
from cnndsl.kernels.work import Work
from cnndsl.ops.normalization import Lrn


@dataclass(frozen=True)
class Problem:
    """`window` is the max-pool, with windows of one pixel where there is none.

    first  whether pixels are normalised before their maxima are taken, each as often as there are windows with it
    """

    window: pool.Problem
    op: Lrn
    first: bool = False

    def __post_init__(self) -> None:
        if not self.window.maximum or self.window.adaptive or self.window.tail:
            raise ValueError("what is normalised is a map, or the maxima of windows")

    @property
    def dtype(self) -> Dtype:
        return self.window.dtype

    @property
    def pixels(self) -> int:
        """That come out."""
        return self.window.batch * self.window.out[0] * self.window.out[1]

    def work(self) -> Work:
        pooled, (rows, columns) = self.window.work(), self.window.kernel
        normalised = self.pixels * (rows * columns if self.first else 1)
        return Work(pooled.bytes, pooled.flops + normalised * self.window.channels * (2 * self.op.size + 4))


def suggest(problem: Problem, target: Target) -> pool.Config:
    return pool.suggest(problem.window, target)


def shipped(target: Target, dtype: Dtype) -> Iterator[Shipped]:
    shape = (dtype, 8, 56, 56, 192)
    maxima = pool.Problem(*shape, (28, 28), 192, 192, True, (3, 3), (2, 2), (0, 1, 0, 1))
    problems = {
        "lrn 5": Problem(pool.Problem(*shape, (56, 56), 192, 192, True), Lrn(5)),
        "max 3x3, lrn 5": Problem(maxima, Lrn(5)),
        "lrn 5, max 3x3": Problem(maxima, Lrn(5), first=True),
    }
    for name, problem in problems.items():
        for config in pool.configurations(target, dtype):
            yield Shipped(f"{name}, {tile_label(config, target)}", problem, config)


FAMILIES = (Family("lrn", "lrn.specialize", suggest, by_type(pool.configurations), shipped, trial="lrn"),)
