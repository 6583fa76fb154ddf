"""K4: a convolution and the 1x1 convolutions after it in one kernel, for the same pixels: the tensors between them
never exist.

3x3 then 1x1 with its residual, then perhaps the next block's 1x1 (ResNet's first stage, where maps are large and
channels few); SqueezeNet's expand (1x1 beside 3x3) then squeeze. The middle is made 64 filters at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cnndsl.kernels.families.conv_gemm import Problem as First
from cnndsl.kernels.family import Family, Shipped
from cnndsl.kernels.precision import SIZES, Dtype
from cnndsl.kernels.tails import RELU
from cnndsl.kernels.targets import Target
from cnndsl.kernels.work import Products, Work, power_of_two


@dataclass(frozen=True)
class Problem:
    """A convolution `first` (its `filters` are the middle, its `y_leading` means nothing) and what follows it.

    filters  of the 1x1 convolution of the middle; `tail` and residual are its
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

    @property
    def pixels(self) -> int:
        return self.first.pixels

    @property
    def depth(self) -> int:
        """Length of the sums, one after the other."""
        return self.first.depth + self.first.filters

    @property
    def precision(self) -> Products:
        return self.first.precision

    def work(self) -> Work:
        first = self.first
        weights = first.weights + first.filters * self.filters + self.filters * self.last
        written = self.filters * (self.keep + (self.residual_leading is not None)) + self.last
        read = first.batch * first.height * first.width * first.channels
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


def configurations(target: Target, dtype: Dtype) -> tuple[Config, ...]:
    """What ships for a target: more than 64 filters of the middle at once would spill."""
    size = SIZES[dtype]
    stages = 3 if target.shared > 128 * 1024 else 2
    block_k = 64 // size
    return (
        Config(64, block_k, 64, 8, stages),
        Config(64, block_k, 32, 8, stages),
        Config(128, block_k, 32, 8, stages),
        Config(64, block_k, 32, 4, stages),
    )


def refusal(problem: Problem) -> str | None:
    """Why no tile holds this chain; None if one does."""
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


def suggest(problem: Problem, target: Target) -> Config:
    """Few threads for few filters, and half the pixels where the tile is wide."""
    wide = problem.filters > 128
    return fit(configurations(target, problem.first.dtype)[0 if wide else 3], problem)


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
    problems = {
        f"3x3, then 1x1 to {wide}": bottleneck,
        "and the next 1x1": replace(bottleneck, last=64, last_tail=(RELU,), z_leading=64),
        "expand, then squeeze": fire,
        "expand, then squeeze, fewer threads": fire,
    }
    for (name, problem), config in zip(problems.items(), configurations(target, dtype), strict=True):
        yield Shipped(name, problem, config, config.block_m)


FAMILIES = (
    Family(
        "chain",
        "chain.specialize",
        suggest,
        lambda problem, target: (suggest(problem, target),),
        shipped,
        refusal,
        trial="chain",
    ),
)
