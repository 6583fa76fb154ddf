"""K5: grouped convolutions (ResNeXt, ShuffleNet, AlexNet) as block-diagonal matrix products, and depthwise ones.

Small groups are bundled until a bundle fills a matrix instruction; its weights are padded with zeros outside of the
groups, so that `conv_gemm` computes it as it is. That costs arithmetic, of which these memory-bound layers have plenty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cnndsl.kernels.families import conv_gemm as gemm
from cnndsl.kernels.family import Family, Shipped, by_type, tile_label
from cnndsl.kernels.precision import SIZES, Dtype
from cnndsl.kernels.tails import RELU
from cnndsl.kernels.targets import Target
from cnndsl.kernels.work import Work

BUNDLE = 32  # channels that a bundle has at least, if there are so many


def bundle_groups(groups: int, channels: int) -> int:
    """How many groups of so many channels make a bundle: a divisor of `groups`, with BUNDLE channels if it can."""
    divisors = [n for n in range(1, groups + 1) if groups % n == 0]
    return next((n for n in divisors if n * channels >= BUNDLE), groups)


def bundled_problem(problem: gemm.Problem, groups: int) -> gemm.Problem:
    """A convolution of `groups` (channels and filters counted over all of them) as one of bundles, for `conv_gemm`."""
    together = bundle_groups(groups, problem.channels // groups)
    bundles = groups // together
    return replace(problem, channels=problem.channels // bundles, filters=problem.filters // bundles, bundles=bundles)


@dataclass(frozen=True)
class Config:
    """Pixels and filters of a depthwise tile."""

    block_m: int
    block_c: int
    warps: int = 4


CONFIGURATIONS = (Config(16, 64), Config(32, 32), Config(8, 128), Config(32, 64, 8))


def configurations(target: Target, dtype: Dtype) -> tuple[Config, ...]:
    """What ships for depthwise convolutions, the same tiles for every target: they are bound by memory."""
    return tuple(replace(config, warps=target.warps(config.warps)) for config in CONFIGURATIONS)


def suggest_depthwise(problem: gemm.Problem, target: Target) -> Config:
    """The tile that wastes the fewest channels."""
    return min(
        configurations(target, problem.dtype), key=lambda config: (-problem.filters % config.block_c, config.block_m)
    )


def depthwise_work(problem: gemm.Problem) -> Work:
    """Of a depthwise convolution, where a filter sees one channel."""
    taps = problem.kernel[0] * problem.kernel[1]
    read = problem.batch * problem.height * problem.width * problem.channels + taps * problem.filters
    outputs = problem.pixels * problem.filters * (1 if problem.residual_leading is None else 2)
    moved = (read + outputs) * SIZES[problem.dtype] + 4 * problem.filters * problem.bias
    return Work(moved, 2 * problem.pixels * problem.filters * taps)


def shipped(target: Target, dtype: Dtype) -> Iterator[Shipped]:
    problem = gemm.Problem(dtype, 8, 28, 28, 256, 256, 256, 256, (3, 3), sides=(1, 1, 1, 1), tail=(RELU,))
    for tile in configurations(target, dtype):
        yield Shipped(tile_label(tile, target), problem, tile)


FAMILIES = (
    Family(
        "depthwise",
        "conv_grouped.specialize_depthwise",
        suggest_depthwise,
        by_type(configurations),
        shipped,
        work=depthwise_work,
        trial="depthwise",
        copies=True,
    ),
)
