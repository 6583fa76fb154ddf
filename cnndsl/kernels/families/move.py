"""Layers that only move values: nearest upsampling, zero padding, channel shuffle and the shortcut of empty channels.

Each is a rule for where an output value comes from; what comes from nowhere is zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cnndsl.kernels.family import Family, Shipped, by_type, tile_label
from cnndsl.kernels.precision import SIZES, Dtype
from cnndsl.kernels.targets import Target
from cnndsl.kernels.work import Work
from cnndsl.ops.images import Pair


@dataclass(frozen=True)
class Problem:
    """Output pixel (i, j) is input pixel (i * stride // scale - top, j * stride // scale - left), zero if outside.

    Output channel c is input channel c, or with `groups` the one that `channel_shuffle` puts there.
    """

    dtype: Dtype
    batch: int
    height: int
    width: int
    channels: int
    out: Pair
    out_channels: int
    x_leading: int
    y_leading: int
    stride: Pair = (1, 1)
    scale: Pair = (1, 1)
    corner: Pair = (0, 0)
    groups: int = 1

    def work(self) -> Work:
        read = self.height * self.width * self.channels // (self.stride[0] * self.stride[1])
        written = self.out[0] * self.out[1] * self.out_channels
        return Work(self.batch * (read + written) * SIZES[self.dtype], 0)


@dataclass(frozen=True)
class Config:
    """Pixels and channels of a tile."""

    block_m: int
    block_c: int
    warps: int = 4


CONFIGURATIONS = (Config(16, 128), Config(32, 64), Config(64, 32))


def configurations(target: Target, dtype: Dtype) -> tuple[Config, ...]:
    """What ships, the same tiles for every target: it is bound by memory."""
    return tuple(replace(config, warps=target.warps(config.warps)) for config in CONFIGURATIONS)


def suggest(problem: Problem, target: Target) -> Config:
    """The tile that wastes the fewest channels."""
    return min(
        configurations(target, problem.dtype),
        key=lambda config: (-problem.out_channels % config.block_c, config.block_m),
    )


def shipped(target: Target, dtype: Dtype) -> Iterator[Shipped]:
    upsample = Problem(dtype, 8, 28, 28, 256, (56, 56), 256, 256, 256, scale=(2, 2))
    for config in configurations(target, dtype):
        label = f"upsample 2, {tile_label(config, target)}"
        yield Shipped(label, upsample, config)


FAMILIES = (Family("move", "move.specialize", suggest, by_type(configurations), shipped, trial="move"),)
