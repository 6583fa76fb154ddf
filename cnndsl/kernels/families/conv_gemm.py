"""K1: convolution as one matrix product (implicit GEMM) with its bias, activation and residual add in the same pass.

Rows are output pixels, columns filters, and the inner dimension runs over taps and channels (Chetlur et al. 2014,
section 3). Tensors are N H W C, weights O H W I; both may be slices of wider buffers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cnndsl.kernels.family import Family, Shipped, matrix_label
from cnndsl.kernels.precision import LARGEST, SIZES, Dtype
from cnndsl.kernels.tails import RELU
from cnndsl.kernels.targets import Target
from cnndsl.kernels.tiling import Tiling, product
from cnndsl.kernels.work import Products, Work, ceil_div, power_of_two
from cnndsl.ops.images import Pair, Sides, conv_extent


@dataclass(frozen=True)
class Second:
    """Another tensor whose 1x1 convolution is added, with weights of its own: the projection of a residual block."""

    height: int
    width: int
    channels: int
    leading: int
    stride: Pair = (1, 1)

    @property
    def constants(self) -> dict[str, int]:
        """What templates call its numbers."""
        return {
            "HEIGHT2": self.height,
            "WIDTH2": self.width,
            "CHANNELS2": self.channels,
            "STRIDE2_H": self.stride[0],
            "STRIDE2_W": self.stride[1],
            "X2_LEADING": self.leading,
        }


@dataclass(frozen=True)
class Problem:
    """One convolution. `*_leading` is the number of elements from one pixel to the next.

    tail      expressions applied to the sum in turn (`tails.steps`); `other` in them is the residual
    split_at  filters from here on go to a second output (0: there is none)
    bundles   convolutions side by side, each with its own `channels` and `filters` (see `conv_grouped`)
    centred   so many filters, the first ones, have weights at the centre of the kernel alone, and zeros elsewhere
    pool      rows and columns of windows beside each other of which only the maximum is stored, after the tail
    *_dtype   types of the results and the residual, where they are others than that of what is multiplied
    """

    dtype: Dtype
    batch: int
    height: int
    width: int
    channels: int
    filters: int
    x_leading: int
    y_leading: int
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    sides: Sides = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    bias: bool = True
    tail: tuple[str, ...] = ()
    residual_leading: int | None = None
    split_at: int = 0
    y2_leading: int = 0
    second: Second | None = None
    precision: Products = "tf32"
    bundles: int = 1
    centred: int = 0
    pool: Pair = (1, 1)
    y_dtype: Dtype | None = None
    y2_dtype: Dtype | None = None
    residual_dtype: Dtype | None = None

    def __post_init__(self) -> None:
        if self.bundles > 1 and self.scaled:
            raise ValueError("bundles know no values of 8 bits")
        if self.bundles > 1 and (self.split_at or self.second):
            raise ValueError("bundles have one source and one output")
        if self.window > 1 and (self.split_at or self.residual_leading is not None or self.window & (self.window - 1)):
            raise ValueError("windows are of a power of two of pixels, of one output and without a residual")

    def type_of(self, tensor: str) -> Dtype:
        """The type of a tensor of it by the kernel's name."""
        other = {"y": self.y_dtype, "y2": self.y2_dtype, "residual": self.residual_dtype}
        return other.get(tensor) or self.dtype

    @property
    def scaled(self) -> bool:
        """Whether something of it has 8 bits, and so a scale."""
        return any(dtype in LARGEST for dtype in (self.dtype, self.y_dtype, self.y2_dtype, self.residual_dtype))

    @property
    def out(self) -> Pair:
        return conv_extent("a kernel", (self.height, self.width), self.kernel, self.stride, self.sides, self.dilation)

    @property
    def window(self) -> int:
        """Pixels of a window of the pool."""
        return self.pool[0] * self.pool[1]

    @property
    def stored(self) -> Pair:
        """Rows and columns of the output."""
        return self.out[0] // self.pool[0], self.out[1] // self.pool[1]

    @property
    def pixels(self) -> int:
        """That are computed: rows of the product."""
        return self.batch * self.stored[0] * self.stored[1] * self.window

    @property
    def depth(self) -> int:
        """Length of the sums: taps times channels."""
        return self.kernel[0] * self.kernel[1] * self.channels

    @property
    def weights(self) -> int:
        """Those of a bundle that are no zeros by definition."""
        return self.depth * self.filters - (self.depth - self.channels) * self.centred

    def computed(self, block_n: int) -> float:
        """Share of the steps of all columns so wide that are not left out: a column of 1x1 filters has one tap's."""
        columns, light = ceil_div(self.filters, block_n), self.centred // block_n
        return (columns - light + light * self.channels / self.depth) / columns

    def work(self) -> Work:
        extra, stored = self.second, self.pixels // self.window
        weights = self.weights + (extra.channels * self.filters if extra else 0)
        read = self.batch * self.height * self.width * self.channels + weights
        read += self.batch * extra.height * extra.width * extra.channels if extra else 0
        first = self.split_at or self.filters
        moved = read * SIZES[self.dtype] + stored * first * SIZES[self.type_of("y")]
        moved += stored * (self.filters - first) * SIZES[self.type_of("y2")]
        moved += 0 if self.residual_leading is None else stored * self.filters * SIZES[self.type_of("residual")]
        moved += 4 * self.filters * (self.bias + ROWS * self.scaled)
        flops = 2 * self.pixels * weights * self.bundles
        return Work(moved * self.bundles, flops, flops if self.dtype in LARGEST else 0)


@dataclass(frozen=True)
class Config:
    """Tile sizes, threads and pipeline depth; `splits` parts of the sum are computed apart, and added by the last."""

    block_m: int
    block_n: int
    block_k: int
    warps: int
    stages: int
    splits: int = 1
    group: int = 8


# (block_m, block_n, block_k, warps); on Hopper a 128 x 128 tile needs 8 warps for its registers.
TILES = (
    (128, 128, 64, 8),
    (128, 64, 64, 4),
    (64, 128, 64, 4),
    (64, 64, 64, 4),
    (128, 32, 64, 4),
    (64, 32, 32, 4),
    (32, 64, 64, 4),
    (32, 32, 64, 4),
    (16, 64, 128, 4),
    (16, 32, 128, 4),
)
# Those that read a quarter less through the L2 cache: other GPUs and float32 lack the registers for them, 8 bits those
# for the first, and 128 x 256 spills where it adds a residual.
HOPPERS_TILES = ((256, 128, 64, 8), (64, 256, 64, 8), (256, 64, 64, 8))
DEEPEST = 4  # stages of the pipeline; more never paid for their shared memory
LARGE = 256 * 128  # tiles of so many sums have registers for one stage fewer
SPLITS = (1, 2, 3, 4, 6, 8, 12, 16)
FEWEST_STEPS = 2  # of a split sum, in each part
ROWS = 3  # of scales, by filter: what a sum, the residual and the result are multiplied by
LEAST_K = {1: 32, 2: 16, 4: 16}  # in a step, that matrix instructions take, by the bytes of a number


def configurations(target: Target, dtype: Dtype) -> tuple[Config, ...]:
    """What ships for a target: every tile, as many bytes along K in every type, as deep as its shared memory allows."""
    if not target.multiplies(dtype):
        return ()
    found, hoppers = [], {2: HOPPERS_TILES, 1: HOPPERS_TILES[1:]}.get(SIZES[dtype], ())
    for m, n, k, warps in TILES + (hoppers if target.name == "sm_90" else ()):
        k = 2 * k // SIZES[dtype]
        stages = min(DEEPEST - (m * n >= LARGE), target.shared // ((m + n) * k * SIZES[dtype]))
        found.append(Config(m, n, k, warps, stages if target.nvidia else 2))
    return tuple(found)


def suggest(problem: Problem, target: Target) -> Config:
    """A good configuration where nothing was measured: the fastest by the model."""
    return min(fitting(problem, target), key=lambda config: tiling(problem, config).seconds(target))


def tiling(problem: Problem, config: Config) -> Tiling:
    """The blocks of a launch."""
    depth = problem.depth + (problem.second.channels if problem.second else 0)
    depth_each, size = depth * problem.computed(config.block_n) / config.splits, SIZES[problem.dtype]
    return product(
        config.block_m,
        config.block_n,
        depth_each,
        blocks=tiles(problem, config) * config.splits * problem.bundles,
        size=size,
        shared=(config.block_m + config.block_n) * config.block_k * size * config.stages,
        waits=depth_each / config.block_k / max(1, config.stages - 1),
        parts=config.splits,
        stored=SIZES[problem.type_of("y")],
    )


def tiles(problem: Problem, config: Config) -> int:
    """Of one bundle."""
    return ceil_div(problem.pixels, config.block_m) * ceil_div(problem.filters, config.block_n)


def sums(problem: Problem, config: Config) -> tuple[int, int]:
    """Elements of all parts of split sums, and counters: as many as a launch has of the smallest tiles that ship."""
    if config.splits == 1:
        return 0, 0
    counters = max(ceil_div(problem.pixels, m) * ceil_div(problem.filters, n) for m, n, *_ in TILES)
    return config.splits * problem.pixels * problem.filters, max(counters, tiles(problem, config))


def fit(config: Config, problem: Problem) -> Config:
    """The configuration with no more of K in a step than there is, or half where that fits the channels better."""
    least = LEAST_K[SIZES[problem.dtype]]
    limit = problem.channels if problem.channels >= 32 else problem.depth
    block_k = max(least, min(config.block_k, power_of_two(limit)))
    halves = (block_k, block_k // 2) if block_k >= 4 * least and problem.channels > block_k else (block_k,)
    return replace(config, block_k=min(halves, key=lambda k: ceil_div(problem.channels, k) * k))


def fitting(problem: Problem, target: Target) -> tuple[Config, ...]:
    """Those that ship, cut to the problem, each with its sum whole and in parts."""
    cut = dict.fromkeys(fit(config, problem) for config in configurations(target, problem.dtype))
    return tuple(replace(config, splits=splits) for config in cut for splits in _splits(problem, config, target))


def _splits(problem: Problem, config: Config, target: Target) -> Iterator[int]:
    """Numbers of parts that leave each a few steps and fill the GPU at most twice."""
    yield 1
    if problem.second or problem.bundles > 1:
        return
    most = 2 * target.units // tiles(problem, config)
    steps = ceil_div(problem.depth, config.block_k)
    yield from (n for n in SPLITS[1:] if n <= most and steps >= n * FEWEST_STEPS)


def typical(dtype: Dtype) -> Problem:
    """A 3x3 of a residual block."""
    shape = (dtype, 8, 28, 28, 128, 256, 128, 512)
    return Problem(*shape, (3, 3), sides=(1, 1, 1, 1), tail=("x + other", RELU), residual_leading=256)


def shipped(target: Target, dtype: Dtype) -> Iterator[Shipped]:
    every = configurations(target, dtype)
    for config in every:
        yield Shipped(matrix_label(config), typical(dtype), config, config.block_m)
    if not every:
        return
    own = _of_eight_bits(dtype) if dtype in LARGEST else _of_wide_types(dtype)
    for name, problem in (own | _variants(dtype)).items():
        yield Shipped(name, problem, every[3], every[3].block_m)
    yield Shipped("split in 4", typical(dtype), replace(every[3], splits=4), every[3].block_m)
    if dtype in LARGEST:
        config = configurations(target, "fp16")[3]
        yield Shipped("from half precision", replace(typical("fp16"), y_dtype=dtype), config, config.block_m)
    else:
        bundles = Problem(dtype, 8, 28, 28, 32, 32, 256, 256, (3, 3), sides=(1, 1, 1, 1), tail=(RELU,), bundles=8)
        config = fit(every[5], bundles)
        yield Shipped("8 bundles of 32 channels", bundles, config, config.block_m)


def _variants(dtype: Dtype) -> dict[str, Problem]:
    shape = (dtype, 8, 28, 28, 128, 256, 128, 512)
    return {
        "96 channels": Problem(dtype, 8, 28, 28, 96, 96, 96, 96, (3, 3), sides=(1, 1, 1, 1)),
        "two outputs": Problem(*shape, tail=(RELU,), split_at=64, y2_leading=192),
        "two sources": Problem(*shape, tail=(RELU,), second=Second(56, 56, 256, 256, (2, 2))),
        "expansions": Problem(*shape, (3, 3), sides=(1, 1, 1, 1), tail=(RELU,), centred=128),
        "pooled 2x2": Problem(*shape, (3, 3), sides=(1, 1, 1, 1), tail=(RELU,), pool=(2, 2)),
    }


def _of_wide_types(dtype: Dtype) -> dict[str, Problem]:
    stem = Problem(dtype, 8, 224, 224, 8, 64, 8, 64, (7, 7), (2, 2), (3, 3, 3, 3), tail=(RELU,))
    return {"stem 7x7 of 8 channels": stem}


def _of_eight_bits(dtype: Dtype) -> dict[str, Problem]:
    return {"to half precision": replace(typical(dtype), y_dtype="fp16", residual_dtype="fp16")}


FAMILIES = (
    Family(
        "conv_gemm",
        "conv_gemm.specialize",
        suggest,
        fitting,
        shipped,
        tiling=tiling,
        sums=sums,
        trial="conv_gemm",
        most=7,
        copies=True,
        dtypes=("fp16", "bf16", "fp32", "int8", "fp8"),
    ),
)
