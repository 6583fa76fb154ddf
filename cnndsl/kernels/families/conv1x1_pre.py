"""K3: 1x1 convolution of what batch norm, activation and a pool make of its input, without that ever being written.

DenseNet's layers and transitions, pre-activation networks (He et al. 2016, Identity mappings) and Inception's pool
branches: the prologue happens in registers, on the way from the input to the matrix product.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cnndsl.kernels.families.conv_gemm import Config
from cnndsl.kernels.family import Family, Shipped, by_type, matrix_label
from cnndsl.kernels.precision import SIZES, Dtype
from cnndsl.kernels.tails import RELU
from cnndsl.kernels.targets import Target
from cnndsl.kernels.tiling import Tiling, product
from cnndsl.kernels.work import Products, Work, ceil_div, power_of_two
from cnndsl.ops.images import Pair, Sides


@dataclass(frozen=True)
class Problem:
    """y = tail(W pool(prologue(scale x + shift)) + bias), where each part but W may be missing.

    prologue  expressions in `x`, as in a tail
    kernel    the pool's window; 1x1 is none. With ceil rounding `out` says how many windows there are
    kept_leading  of another output, what W reads, for others that read it too; None: it is not stored
    """

    dtype: Dtype
    batch: int
    height: int
    width: int
    channels: int
    filters: int
    out: Pair
    x_leading: int
    y_leading: int
    affine: bool = True
    prologue: tuple[str, ...] = ()
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    sides: Sides = (0, 0, 0, 0)
    maximum: bool = False
    count_padding: bool = True
    bias: bool = True
    tail: tuple[str, ...] = ()
    residual_leading: int | None = None
    split_at: int = 0
    y2_leading: int = 0
    precision: Products = "tf32"
    kept_leading: int | None = None

    @property
    def pixels(self) -> int:
        return self.batch * self.out[0] * self.out[1]

    @property
    def depth(self) -> int:
        """Length of the sums."""
        return self.channels

    @property
    def overhangs(self) -> bool:
        """Whether a window reaches beyond the map."""
        last = [(n - 1) * step + k for n, step, k in zip(self.out, self.stride, self.kernel, strict=True)]
        return any(self.sides) or last[0] > self.height or last[1] > self.width

    def work(self) -> Work:
        read = self.batch * self.height * self.width * self.channels + self.channels * self.filters
        outputs = self.pixels * self.filters * (1 if self.residual_leading is None else 2)
        outputs += 0 if self.kept_leading is None else self.pixels * self.channels
        vectors = 4 * (2 * self.channels * self.affine + self.filters * self.bias)
        flops = self.pixels * self.channels * (2 * self.filters + 2 * self.kernel[0] * self.kernel[1])
        return Work((read + outputs) * SIZES[self.dtype] + vectors, flops)


# (block_m, block_n, block_k, warps)
TILES = ((128, 128, 32, 8), (128, 64, 32, 8), (64, 64, 32, 4), (64, 32, 64, 4), (32, 64, 64, 4))
DEEPEST = 3
POOLED_K = 32  # channels of a step with a window; of more, sums over the window and pipelined loads spill


def configurations(target: Target, dtype: Dtype) -> tuple[Config, ...]:
    """What ships for a target; tiles are narrower along K than `conv_gemm`'s, since they pass through registers."""
    found = []
    for m, n, k, warps in TILES:
        stages = min(DEEPEST, target.shared // (2 * (m + n) * k * SIZES[dtype]))
        found.append(Config(m, n, k, warps, max(2, stages) if target.nvidia else 2))
    return tuple(found)


def tiling(problem: Problem, config: Config) -> Tiling:
    """The blocks of a launch; of windows that overlap the L1 cache gives a pixel again."""
    blocks = ceil_div(problem.pixels, config.block_m) * ceil_div(problem.filters, config.block_n)
    size, window = SIZES[problem.dtype], problem.kernel[0] * problem.kernel[1]
    rows = config.block_m * min(window, problem.stride[0] * problem.stride[1])
    shared = (config.block_m + config.block_n) * config.block_k * size * config.stages
    waits = problem.channels * window / config.block_k / (config.stages - 1)
    columns, depth = config.block_n, problem.channels
    return product(rows, columns, depth, blocks=blocks, size=size, shared=shared, waits=waits)


def suggest(problem: Problem, target: Target) -> Config:
    """The fastest by the model, which knows that each column of tiles reads and computes the prologue again."""
    best = min(configurations(target, problem.dtype), key=lambda config: tiling(problem, config).seconds(target))
    most = POOLED_K if problem.kernel != (1, 1) else best.block_k
    block_k = max(16, min(best.block_k, most, power_of_two(problem.channels)))
    return Config(best.block_m, best.block_n, block_k, best.warps, best.stages)


def shipped(target: Target, dtype: Dtype) -> Iterator[Shipped]:
    shape = (dtype, 8, 28, 28, 256, 128)
    dense = Problem(*shape, (28, 28), 512, 128, prologue=(RELU,), tail=(RELU,))
    for config in configurations(target, dtype):
        yield Shipped(matrix_label(config), dense, config, config.block_m)
    config = configurations(target, dtype)[2]
    variants = {
        "mean 2x2": Problem(*shape, (14, 14), 512, 128, True, (RELU,), (2, 2), (2, 2)),
        "max 3x3": Problem(*shape, (28, 28), 256, 512, False, (), (3, 3), (1, 1), (1, 1, 1, 1), True),
        "max 3x3 that is kept": Problem(
            *shape, (14, 14), 256, 128, False, (), (3, 3), (2, 2), (1, 1, 1, 1), True, kept_leading=256
        ),
    }
    for name, problem in variants.items():
        yield Shipped(name, problem, config, config.block_m)


FAMILIES = (
    Family(
        "conv1x1_pre",
        "conv1x1_pre.specialize",
        suggest,
        by_type(configurations),
        shipped,
        tiling=tiling,
        trial="conv1x1_pre",
    ),
)
