"""K4: a convolution and the 1x1 convolutions after it in one kernel, for the same pixels: the tensors between them
never exist.

3x3 then 1x1 with its residual or projection, then perhaps the next block's 1x1 (ResNet's first stage, where maps are
large and channels few); SqueezeNet's expand (1x1 beside 3x3) then squeeze. The middle is made 64 filters at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cnndsl.kernels.families.conv_gemm import Problem as First
from cnndsl.kernels.families.conv_gemm import Second
from cnndsl.kernels.family import Family, Shipped
from cnndsl.kernels.precision import SIZES, Dtype
from cnndsl.kernels.tails import RELU
from cnndsl.kernels.targets import Target
from cnndsl.kernels.tiling import Tiling
from cnndsl.kernels.work import Products, Work, ceil_div, power_of_two


@dataclass(frozen=True)
class Problem:
    """A convolution `first` (its `filters` are the middle, its `y_leading` means nothing) and what follows it.

    filters  of the 1x1 convolution of the middle; `tail` and residual are its
    second   another tensor whose 1x1 convolution is added to that: the projection of a residual block
    last     filters of a third, 1x1 (0: none)
    keep     whether the second's result is stored too, since others read it
    *bias    whether each has one; that of `first` says so itself
    """

    first: First
    filters: int
    y_leading: int
    tail: tuple[str, ...] = ()
    residual_leading: int | None = None
    last: int = 0
    last_tail: tuple[str, ...] = ()
    z_leading: int = 0
    keep: bool = True
    bias: bool = True
    last_bias: bool = True
    second: Second | None = None

    @property
    def pixels(self) -> int:
        return self.first.pixels

    @property
    def depth(self) -> int:
        """Length of the sums, one after the other."""
        return self.first.depth + self.first.filters + (self.second.channels if self.second else 0)

    @property
    def dtype(self) -> Dtype:
        return self.first.dtype

    @property
    def precision(self) -> Products:
        return self.first.precision

    def work(self) -> Work:
        first, extra = self.first, self.second
        weights = first.weights + first.filters * self.filters + self.filters * self.last
        weights += extra.channels * self.filters if extra else 0
        written = self.filters * (self.keep + (self.residual_leading is not None)) + self.last
        read = first.batch * first.height * first.width * first.channels
        read += first.batch * extra.height * extra.width * extra.channels if extra else 0
        return Work((read + weights + self.pixels * written) * SIZES[first.dtype], 2 * self.pixels * weights)


@dataclass(frozen=True)
class Config:
    """Pixels of a tile, channels of a step, filters of the middle at once."""

    block_m: int
    block_k: int
    block_middle: int
    warps: int
    stages: int


LARGEST = {"fp16": 256, "bf16": 256, "fp32": 128}  # filters that one tile holds in registers
NARROW = 64  # filters of which tiles are taller


def configurations(target: Target, dtype: Dtype) -> tuple[Config, ...]:
    """What ships for a target: more than 64 filters of the middle at once would spill."""
    size = SIZES[dtype]
    stages = 3 if target.shared > 128 * 1024 else 2
    block_k, middle = 64 // size, 128 // size
    return (
        Config(64, block_k, 32, 4, stages),
        Config(64, block_k, 32, 8, stages),
        Config(64, block_k, middle, 8, stages),
        Config(128, block_k, middle, 8, stages),
        Config(256, block_k, middle, 8, stages),
    )


def fitting(problem: Problem, target: Target) -> tuple[Config, ...]:
    """Those that ship whose registers hold the problem's tiles, cut to it."""
    few, least, usual, tall, tallest = configurations(target, problem.first.dtype)
    if problem.filters <= NARROW:
        found = [few, least, usual, tall, tallest]
    elif target.name == "sm_90":
        found = [least, usual, tall] if SIZES[problem.first.dtype] == 2 else [least, usual]
    else:
        found = [least] if problem.second and target.nvidia else [least, usual]
    return tuple(dict.fromkeys(fit(config, problem) for config in found))


def refusal(problem: Problem) -> str | None:
    """Why no tile holds this chain; None if one does."""
    if problem.first.scaled:
        return "it has values of 8 bits"
    largest = LARGEST[problem.first.dtype]
    if problem.filters > largest:
        return f"its {problem.filters} filters do not fit in a tile of {largest}"
    if problem.last > 128:
        return f"its last {problem.last} filters do not fit in a tile of 128"
    if problem.first.window > 1:
        return "its first result is pooled"
    if problem.first.second or problem.first.split_at or problem.first.bundles > 1:
        return "its first convolution has several sources, outputs or groups"
    return None


def tiling(problem: Problem, config: Config) -> Tiling:
    """The blocks of a launch: each reads its pixels anew for every part of the middle, and all weights."""
    first, rows, size = problem.first, config.block_m, SIZES[problem.first.dtype]
    columns, last = power_of_two(problem.filters), power_of_two(problem.last) if problem.last else 0
    parts = ceil_div(first.filters, config.block_middle)
    middle, deep = parts * config.block_middle, first.depth * first.computed(config.block_middle)
    beside = problem.second.channels if problem.second else 0
    weights = deep * middle + (middle + beside) * columns + columns * last
    step = (rows + config.block_middle) * config.block_k * config.stages
    return Tiling(
        ceil_div(problem.pixels, rows),
        2 * rows * weights,
        (rows * (parts * deep + beside) + weights) * size,
        rows * (problem.filters * problem.keep + problem.last) * size,
        (step + (rows + columns) * config.block_middle) * size,
        parts + (parts * deep + beside) / config.block_k / (config.stages - 1),
    )


def suggest(problem: Problem, target: Target) -> Config:
    """The fastest by the model."""
    return min(fitting(problem, target), key=lambda config: tiling(problem, config).seconds(target))


def fit(config: Config, problem: Problem) -> Config:
    """Without what a tile would compute beside the problem."""
    middle = max(16, min(config.block_middle, power_of_two(problem.first.filters)))
    return replace(
        config, block_middle=middle, block_k=max(16, min(config.block_k, power_of_two(problem.first.channels)))
    )


def shipped(target: Target, dtype: Dtype) -> Iterator[Shipped]:
    first = First(dtype, 8, 56, 56, 64, 64, 64, 64, (3, 3), sides=(1, 1, 1, 1), tail=(RELU,))
    wide = LARGEST[dtype]
    bottleneck = Problem(first, wide, wide, ("x + other", RELU), wide)
    fire = Problem(replace(first, channels=32, filters=256, centred=128), 48, 48, (RELU,))
    following = replace(bottleneck, last=64, last_tail=(RELU,), z_leading=64)
    projected = replace(following, tail=(RELU,), residual_leading=None, second=Second(56, 56, 64, 64))
    problems = {
        f"3x3, then 1x1 to {wide}": bottleneck,
        "and the next 1x1": following,
        "with a projection": projected,
        "expand, then squeeze": fire,
    }
    for name, problem in problems.items():
        for config in fitting(problem, target):
            tile = f"{config.block_m}x{config.block_middle}"
            label = f"{name}, {tile}, {config.warps * target.lanes} threads"
            yield Shipped(label, problem, config, config.block_m)


FAMILIES = (
    Family(
        "chain",
        "chain.specialize",
        suggest,
        fitting,
        shipped,
        refusal,
        tiling=tiling,
        trial="chain",
    ),
)
