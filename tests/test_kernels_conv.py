"""Convolution kernels in Triton's interpreter against float64, over odd sizes, strides, slices and tails."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

import torch.nn.functional as F  # noqa: E402
from kernel_tensors import pixels, planes, poisoned, random  # noqa: E402

from cnndsl.kernels.families import chain as chained  # noqa: E402
from cnndsl.kernels.families import conv1x1_pre as pre  # noqa: E402
from cnndsl.kernels.families import conv_gemm as gemm  # noqa: E402
from cnndsl.kernels.families import conv_grouped as grouped  # noqa: E402
from cnndsl.kernels.families import conv_rows as rows  # noqa: E402
from cnndsl.kernels.families import conv_tma as tma  # noqa: E402
from cnndsl.kernels.targets import TARGETS  # noqa: E402
from cnndsl.kernels.templates import chain, conv1x1_pre, conv_gemm, conv_grouped, conv_rows, conv_tma  # noqa: E402
from cnndsl.states import packing  # noqa: E402

RELU = "tl.where(x < 0.0, 0.0, x)"
HALF, SINGLE = torch.float16, torch.float32


@dataclass(frozen=True)
class Case:
    """A convolution of N H W C by R x S filters."""

    name: str
    image: tuple[int, int, int, int]
    filters: int
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    sides: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    dtype: Any = HALF
    bias: bool = True
    tail: tuple[str, ...] = ()
    residual: bool = False
    config: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


ONE = (1, 1, 1, 1)
CASES = (
    Case("1x1", (2, 7, 9, 32), 48, (1, 1)),
    Case("1x1 stride 2", (1, 9, 11, 16), 24, (1, 1), (2, 2)),
    Case("3x3 odd size", (3, 13, 11, 16), 24, sides=ONE, tail=(RELU,)),
    Case("3x3 stride 2", (1, 15, 14, 32), 16, stride=(2, 2), sides=ONE),
    Case("3x3 stride 3", (1, 15, 14, 32), 16, stride=(3, 3), sides=ONE),
    Case("3x3 stride 2 x 1", (1, 9, 14, 32), 16, stride=(2, 1), sides=ONE),
    Case("3x3 dilated", (2, 12, 10, 64), 8, sides=(2, 2, 2, 2), dilation=(2, 2)),
    Case("3x3 dilated 3 x 1", (1, 12, 10, 16), 8, sides=(3, 3, 1, 1), dilation=(3, 1)),
    Case("1x7", (2, 9, 9, 24), 16, (1, 7), sides=(0, 0, 3, 3)),
    Case("7x1", (1, 9, 9, 24), 16, (7, 1), sides=(3, 3, 0, 0)),
    Case("2x2 padded below and right", (1, 9, 7, 8), 12, (2, 2), (2, 2), (0, 1, 0, 1)),
    Case("5x5 unpadded", (1, 9, 8, 8), 12, (5, 5)),
    Case("stem 7x7 of 3 channels", (1, 17, 19, 3), 16, (7, 7), (2, 2), (3, 3, 3, 3)),
    Case("stem 11x11 stride 4", (1, 35, 35, 4), 16, (11, 11), (4, 4), (2, 2, 2, 2)),
    Case("channels not a multiple of 8", (1, 7, 7, 13), 21, sides=ONE),
    Case("more channels than a block", (1, 5, 5, 70), 20, sides=ONE, config={"block_k": 32}),
    Case("one filter", (2, 5, 5, 16), 1, (1, 1)),
    Case("one pixel", (1, 1, 1, 130), 17, (1, 1), tail=(RELU,), config={"block_m": 16}),
    Case("kernel larger than the map", (1, 2, 3, 8), 8, (5, 5), sides=(2, 2, 2, 2)),
    Case("float32", (2, 7, 9, 20), 24, sides=ONE, dtype=SINGLE, tail=(RELU,)),
    Case("float32 1x1 stride 3", (1, 10, 9, 33), 24, (1, 1), (3, 3), dtype=SINGLE),
    Case("no bias", (1, 7, 7, 16), 16, bias=False),
    Case("residual, then relu", (2, 7, 7, 16), 24, sides=ONE, tail=("x + other", RELU), residual=True),
    Case("relu, then residual", (1, 7, 7, 16), 24, sides=ONE, tail=(RELU, "x + other"), residual=True),
    Case("scaled residual", (1, 7, 7, 16), 24, (1, 1), tail=("x * 0.17", "x + other", RELU), residual=True),
    Case("silu", (1, 7, 7, 16), 24, (1, 1), tail=("x / (1.0 + tl.exp(-x))",)),
    Case("split in 3", (1, 5, 5, 64), 24, sides=ONE, tail=(RELU,), config={"splits": 3}),
    Case("split in more than there is", (1, 4, 4, 64), 24, (1, 1), config={"splits": 4, "block_k": 32}),
    Case("split with residual", (2, 5, 5, 24), 70, sides=ONE, tail=("x + other",), residual=True, config={"splits": 2}),
    Case("many small tiles", (2, 9, 9, 16), 70, (1, 1), config={"block_m": 32, "block_n": 16, "group": 3}),
)

PLAIN = {"block_m": 64, "block_n": 32, "block_k": 64, "warps": 4, "stages": 2}


def weights(case: Case, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    depth = case.image[3] * case.kernel[0] * case.kernel[1]
    return (torch.randn(case.filters, *case.kernel, case.image[3]) / depth**0.5).to(case.dtype)


def convolved(case: Case, x: Any, w: Any, bias: Any, groups: int = 1) -> Any:
    """The convolution in float64, N H W C."""
    top, bottom, left, right = case.sides
    padded = F.pad(planes(x), (left, right, top, bottom))
    bias = None if bias is None else bias.double()
    return pixels(F.conv2d(padded, planes(w), bias, case.stride, 0, case.dilation, groups))


def tailed(expressions: tuple[str, ...], value: Any, other: Any) -> Any:
    """A tail in float64, by PyTorch's functions of the same names."""
    names = {"tl": torch, "other": None if other is None else other.double()}
    for expression in expressions:
        value = eval(expression, names | {"x": value})
    return value


@pytest.mark.parametrize("case", CASES, ids=str)
def test_conv_gemm_is_a_convolution(case: Case) -> None:
    w = weights(case)
    x = random(*case.image, dtype=case.dtype, before=8, after=16)
    bias = torch.randn(case.filters) if case.bias else None
    expected = convolved(case, x, w, bias)
    y = poisoned(*expected.shape, dtype=case.dtype, before=24, after=8)
    residual = random(*expected.shape, dtype=case.dtype, after=8) if case.residual else None
    problem = conv_gemm.describe(
        x, w, y.view, bias, residual,
        stride=case.stride, sides=case.sides, dilation=case.dilation, tail=case.tail, precision="ieee",
    )  # fmt: skip
    config = gemm.fit(gemm.Config(**PLAIN | case.config), problem)
    conv_gemm.conv_gemm(problem, config, x, w, y.view, bias, residual)
    y.check(tailed(case.tail, expected, residual), problem.depth)


@pytest.mark.parametrize("splits", (1, 2))
def test_conv_gemm_gives_merged_siblings_their_own_outputs(splits: int) -> None:
    case = Case("siblings", (2, 5, 5, 16), 40, (1, 1))
    w, x, bias = weights(case), random(*case.image, dtype=HALF), torch.randn(40)
    y, y2 = poisoned(2, 5, 5, 24, dtype=HALF, after=8), poisoned(2, 5, 5, 16, dtype=HALF, before=16)
    problem = conv_gemm.describe(x, w, y.view, bias, y2=y2.view)
    conv_gemm.conv_gemm(problem, gemm.Config(64, 32, 16, 4, 2, splits), x, w, y.view, bias, y2=y2.view)
    expected = convolved(case, x, w, bias)
    y.check(expected[..., :24])
    y2.check(expected[..., 24:])


def test_conv_gemm_adds_the_projection_of_a_second_source() -> None:
    case = Case("main", (2, 5, 4, 16), 24, (1, 1))
    other = Case("shortcut", (2, 9, 8, 40), 24, (1, 1), (2, 2))
    w, x, bias = weights(case), random(*case.image, dtype=HALF), torch.randn(24)
    w2, x2 = weights(other, 1), random(*other.image, dtype=HALF, before=8)
    y = poisoned(2, 5, 4, 24, dtype=HALF)
    second = gemm.Second(9, 8, 40, 48, (2, 2))
    problem = conv_gemm.describe(x, w, y.view, bias, second=second, tail=(RELU,))
    conv_gemm.conv_gemm(problem, gemm.Config(64, 32, 16, 4, 2), x, w, y.view, bias, x2=x2, w2=w2)
    y.check(F.relu(convolved(case, x, w, bias) + convolved(other, x2, w2, None)))


@pytest.mark.parametrize("splits", (1, 3))
@pytest.mark.parametrize("block_n", (16, 64))
def test_conv_gemm_leaves_the_zeros_of_1x1_filters_out(block_n: int, splits: int) -> None:
    """Columns of nothing else do: there NaN in place of their zeros is not seen."""
    case = Case("3x3", (2, 7, 6, 64), 80, sides=ONE, tail=(RELU,))
    w, x, bias = weights(case), random(*case.image, dtype=HALF), torch.randn(80)
    around = ([0, 0, 0, 1, 1, 2, 2, 2], [0, 1, 2, 0, 2, 0, 1, 2])
    w[:40, *around] = 0.0
    expected = F.relu(convolved(case, x, w, bias))
    w[: 40 // block_n * block_n, *around] = float("nan")
    y = poisoned(*expected.shape, dtype=HALF, after=8)
    problem = replace(conv_gemm.describe(x, w, y.view, bias, sides=ONE, tail=(RELU,)), centred=40)
    conv_gemm.conv_gemm(problem, gemm.Config(32, block_n, 32, 4, 2, splits), x, w, y.view, bias)
    y.check(expected, 9 * 64)


def test_a_split_sum_is_the_same_each_time() -> None:
    case = Case("split", (1, 5, 5, 64), 24, sides=ONE)
    w, x, found = weights(case), random(*case.image, dtype=HALF), []
    for _ in range(2):
        y = poisoned(1, 5, 5, 24, dtype=HALF).view
        problem = conv_gemm.describe(x, w, y, sides=ONE)
        conv_gemm.conv_gemm(problem, gemm.Config(**PLAIN, splits=4), x, w, y)
        found.append(y)
    assert torch.equal(*found)


BOXED = (
    Case("3x3 odd size", (3, 13, 11, 16), 24, sides=ONE, tail=(RELU,)),
    Case("1x1", (2, 7, 9, 72), 40, (1, 1)),
    Case("1x7", (1, 9, 9, 24), 16, (1, 7), sides=(0, 0, 3, 3)),
    Case("dilated", (2, 12, 10, 64), 8, sides=(2, 2, 2, 2), dilation=(2, 2)),
    Case("2x2 padded below and right", (1, 9, 7, 8), 12, (2, 2), sides=(0, 1, 0, 1)),
    Case("float32 with residual", (2, 7, 7, 16), 24, (3, 3), dtype=SINGLE, tail=("x + other",), residual=True),
)


@pytest.mark.parametrize("case", BOXED, ids=str)
def test_conv_tma_is_a_convolution(case: Case) -> None:
    w, x, bias = weights(case), random(*case.image, dtype=case.dtype, before=8), torch.randn(case.filters)
    expected = convolved(case, x, w, bias)
    y = poisoned(*expected.shape, dtype=case.dtype, before=16, after=8)
    residual = random(*expected.shape, dtype=case.dtype, after=8) if case.residual else None
    problem = conv_gemm.describe(
        x, w, y.view, bias, residual, sides=case.sides, dilation=case.dilation, tail=case.tail, precision="ieee"
    )
    conv_tma.conv_tma(problem, tma.Config(64, 32, 32, 4, 2), x, w, y.view, bias, residual)
    y.check(tailed(case.tail, expected, residual), problem.depth)


def test_conv_tma_says_what_it_does_not_take() -> None:
    stride = gemm.Problem("fp16", 1, 8, 8, 16, 16, 16, 16, stride=(2, 2))
    narrow = gemm.Problem("fp16", 1, 8, 8, 4, 16, 4, 16)
    with pytest.raises(ValueError, match="its stride is 2x2"):
        conv_tma.specialize(stride, tma.CONFIGURATIONS[0])
    with pytest.raises(ValueError, match="not a multiple of 8"):
        conv_tma.specialize(narrow, tma.CONFIGURATIONS[0])


NOT_IN_ROWS: dict[str, dict[str, Any]] = {
    "has one row": {"kernel": (1, 3)},
    "dilated by 2 rows": {"dilation": (2, 1)},
    "its stride is 2x2": {"stride": (2, 2)},
}


@pytest.mark.parametrize("reason", NOT_IN_ROWS)
def test_conv_rows_says_what_it_does_not_take(reason: str) -> None:
    problem = replace(gemm.Problem("fp16", 1, 8, 8, 16, 16, 16, 16, (3, 3)), **NOT_IN_ROWS[reason])
    with pytest.raises(ValueError, match=reason):
        conv_rows.specialize(problem, rows.CONFIGURATIONS[0])


@pytest.mark.parametrize(
    ("launch", "config"), ((conv_tma.conv_tma, tma.CONFIGURATIONS[0]), (conv_rows.conv_rows, rows.CONFIGURATIONS[0]))
)
def test_boxes_start_at_multiples_of_16_bytes(launch: Any, config: Any) -> None:
    problem = gemm.Problem("fp16", 1, 4, 4, 8, 8, 16, 8, (3, 3), sides=ONE)
    x, w, y = torch.zeros(1, 4, 4, 16).half()[..., 4:12], torch.zeros(8, 3, 3, 8).half(), torch.zeros(1, 4, 4, 8).half()
    with pytest.raises(ValueError, match=f"{launch.__name__} needs tensors that start at a multiple of 16 bytes"):
        launch(problem, config, x, w, y)


PROLOGUES: dict[str, dict[str, Any]] = {
    "batch norm and relu": {"affine": True, "prologue": (RELU,)},
    "batch norm, relu, mean 2x2": {"affine": True, "prologue": (RELU,), "kernel": (2, 2), "stride": (2, 2)},
    "max 3x3": {"kernel": (3, 3), "sides": ONE, "maximum": True},
    "max 3x3 / 2 ceil": {"kernel": (3, 3), "stride": (2, 2), "maximum": True, "ceil": True},
    "mean 3x3 padded": {"kernel": (3, 3), "sides": ONE, "affine": True},
    "mean 3x3 / 2 padded, ceil": {"kernel": (3, 3), "stride": (2, 2), "sides": ONE, "ceil": True},
    "mean 2x2 / 2 ceil": {"kernel": (2, 2), "stride": (2, 2), "ceil": True},
    "mean 3x3 of real pixels": {"kernel": (3, 3), "sides": ONE, "count_padding": False},
    "stride alone": {"affine": True, "prologue": (RELU,), "stride": (3, 2)},
    "sigmoid": {"prologue": ("1.0 / (1.0 + tl.exp(-x))",)},
}


def prepared(x: Any, affine: Any, options: dict[str, Any]) -> Any:
    """The prologue in float64, N C H W."""
    value = planes(x)
    if options.get("affine"):
        value = value * affine[0].double()[:, None, None] + affine[1].double()[:, None, None]
    value = tailed(options.get("prologue", ()), value, None)
    kernel, stride = options.get("kernel", (1, 1)), options.get("stride", (1, 1))
    pad, ceil = options.get("sides", (0, 0, 0, 0))[1:3], options.get("ceil", False)
    if options.get("maximum"):
        return F.max_pool2d(value, kernel, stride, pad, ceil_mode=ceil)
    return F.avg_pool2d(value, kernel, stride, pad, ceil, count_include_pad=options.get("count_padding", True))


@pytest.mark.parametrize("options", PROLOGUES.values(), ids=PROLOGUES)
@pytest.mark.parametrize(("channels", "dtype"), ((40, HALF), (21, SINGLE)), ids=str)
def test_conv1x1_pre_has_a_prologue(options: dict[str, Any], channels: int, dtype: Any) -> None:
    case = Case("pre", (2, 8, 9, channels), 24, (1, 1), dtype=dtype)
    w, x, bias = weights(case), random(*case.image, dtype=dtype, before=8), torch.randn(24)
    affine = (torch.randn(channels), torch.randn(channels))
    rounded = prepared(x, affine, options).to(dtype)  # as the kernel does before it multiplies
    expected = F.relu(convolved(case, pixels(rounded), w, bias))
    y = poisoned(*expected.shape, dtype=dtype, after=8)
    arguments = {name: value for name, value in options.items() if name != "ceil"}
    problem = conv1x1_pre.describe(x, w, y.view, bias, tail=(RELU,), precision="ieee", **arguments)
    config = gemm.Config(64, 32, 16, 4, 2)
    conv1x1_pre.conv1x1_pre(problem, config, x, w, y.view, bias, affine=affine if problem.affine else None)
    y.check(expected, 64**2)


def group_weights(case: Case, groups: int) -> Any:
    torch.manual_seed(0)
    channels = case.image[3] // groups
    scale = (channels * case.kernel[0] * case.kernel[1]) ** -0.5
    return (torch.randn(case.filters, *case.kernel, channels) * scale).to(case.dtype)


GROUPED = (
    (Case("ResNeXt, 4 channels each", (2, 7, 5, 64), 64, sides=ONE, tail=(RELU,)), 16),
    (Case("one bundle", (1, 7, 5, 16), 16, stride=(2, 2), sides=ONE), 4),
    (Case("2 groups of 48", (1, 6, 6, 96), 40, (5, 5), sides=(2, 2, 2, 2)), 2),
    (Case("3 groups of 10", (1, 5, 5, 30), 60, (1, 1)), 3),
    (Case("12 groups of 10", (1, 5, 5, 120), 60, (1, 1), dtype=SINGLE), 12),
    (Case("with residual", (1, 5, 5, 64), 64, sides=ONE, tail=("x + other",), residual=True), 2),
)


@pytest.mark.parametrize(("case", "groups"), GROUPED, ids=str)
def test_conv_grouped_bundles_groups(case: Case, groups: int) -> None:
    w, x, bias = group_weights(case, groups), random(*case.image, dtype=case.dtype, before=8), torch.randn(case.filters)
    expected = convolved(case, x, w, bias, groups)
    y = poisoned(*expected.shape, dtype=case.dtype, after=8)
    residual = random(*expected.shape, dtype=case.dtype, after=8) if case.residual else None
    problem = conv_gemm.describe(
        x, w, y.view, bias, residual, stride=case.stride, sides=case.sides, tail=case.tail, precision="ieee"
    )
    problem = grouped.bundled_problem(problem, groups)
    assert problem.channels * problem.bundles == case.image[3]
    together = grouped.bundle_groups(groups, w.shape[3])
    wide = packing.bundle(w.permute(0, 3, 1, 2), groups, together)
    conv_gemm.conv_gemm(problem, gemm.Config(64, 32, 32, 4, 2), x, wide, y.view, bias, residual)
    y.check(tailed(case.tail, expected, residual), problem.depth)


DEPTHWISE = (
    Case("3x3", (2, 7, 5, 40), 40, sides=ONE, tail=("tl.where(x < 0.0, 0.0, tl.where(x > 6.0, 6.0, x))",)),
    Case("5x5 stride 2", (1, 9, 8, 21), 21, (5, 5), (2, 2), (2, 2, 2, 2)),
    Case("7x7 in float32", (1, 9, 8, 16), 16, (7, 7), sides=(3, 3, 3, 3), dtype=SINGLE),
    Case("3x1, twice as many filters, dilated", (1, 9, 8, 12), 24, (3, 1), sides=(2, 2, 0, 0), dilation=(2, 2)),
    Case("stride 3, residual", (3, 9, 8, 24), 24, stride=(3, 3), sides=ONE, tail=("x + other",), residual=True),
    Case("2x2 unpadded", (1, 4, 4, 8), 8, (2, 2), bias=False),
)


@pytest.mark.parametrize("case", DEPTHWISE, ids=str)
def test_depthwise_sees_one_channel(case: Case) -> None:
    channels = case.image[3]
    w, x = group_weights(case, channels), random(*case.image, dtype=case.dtype, before=8)
    bias = torch.randn(case.filters) if case.bias else None
    expected = convolved(case, x, w, bias, channels)
    y = poisoned(*expected.shape, dtype=case.dtype, before=8, after=8)
    residual = random(*expected.shape, dtype=case.dtype) if case.residual else None
    problem = conv_gemm.describe(
        x, w, y.view, bias, residual, stride=case.stride, sides=case.sides, dilation=case.dilation, tail=case.tail
    )
    packed = packing.taps_first(w.permute(0, 3, 1, 2))
    conv_grouped.depthwise(
        problem, grouped.suggest_depthwise(problem, TARGETS["sm_90"]), x, packed, y.view, bias, residual
    )
    y.check(tailed(case.tail, expected, residual))


def one(filters: int, channels: int, seed: int, dtype: Any) -> tuple[Any, Any, Case]:
    case = Case("1x1", (1, 1, 1, channels), filters, (1, 1), dtype=dtype)
    return weights(case, seed), torch.randn(filters), case


@pytest.mark.parametrize("dtype", (HALF, SINGLE), ids=str)
@pytest.mark.parametrize("last", (0, 20))
@pytest.mark.parametrize("stride", (1, 2))
def test_chain_is_a_bottleneck_and_the_start_of_the_next(stride: int, last: int, dtype: Any) -> None:
    case = Case("3x3", (2, 7, 6, 40), 40, stride=(stride, stride), sides=ONE, dtype=dtype)
    w1, x, bias1 = weights(case), random(*case.image, dtype=dtype, before=8), torch.randn(40)
    w2, bias2, second = one(72, 40, 1, dtype)
    w3, bias3, third = one(20, 72, 2, dtype)
    middle = F.relu(convolved(case, x, w1, bias1)).to(dtype)
    residual = random(*middle.shape[:3], 72, dtype=dtype)
    expected = F.relu(convolved(second, middle, w2, bias2) + residual.double())
    y, z = poisoned(*expected.shape, dtype=dtype, after=8), poisoned(*middle.shape[:3], 20, dtype=dtype, before=8)
    first = conv_gemm.describe(x, w1, middle, bias1, stride=case.stride, sides=ONE, tail=(RELU,), precision="ieee")
    problem = chained.Problem(first, 72, 80, ("x + other", RELU), 72, last=last, last_tail=(RELU,), z_leading=28)
    config = chained.Config(64, 32, 32, 4, 2)
    more = {"w3": w3, "bias3": bias3, "z": z.view} if last else {}
    chain.chain(problem, config, x=x, w1=w1, bias1=bias1, w2=w2, bias2=bias2, residual=residual, y=y.view, **more)
    loose = 64**2  # the middle is rounded from float32 here, from float64 above
    y.check(expected, loose)
    if last:
        z.check(F.relu(convolved(third, expected.to(dtype), w3, bias3)), loose)


def test_chain_is_fires_expand_then_squeeze() -> None:
    case = Case("3x3", (2, 7, 6, 16), 48, sides=ONE)
    w1, x, bias1 = weights(case), random(*case.image, dtype=HALF), torch.randn(48)
    w1[:40, [0, 0, 0, 1, 1, 2, 2, 2], [0, 1, 2, 0, 2, 0, 1, 2]] = 0.0
    w2, bias2, squeeze = one(24, 48, 2, HALF)
    expected = F.relu(convolved(squeeze, F.relu(convolved(case, x, w1, bias1)).to(HALF), w2, bias2))
    y = poisoned(*expected.shape, dtype=HALF, after=8)
    first = replace(conv_gemm.describe(x, w1, y.view, bias1, sides=ONE, tail=(RELU,)), centred=40)
    problem = chained.Problem(first, 24, 32, (RELU,))
    chain.chain(problem, chained.Config(64, 16, 32, 4, 2), x=x, w1=w1, bias1=bias1, w2=w2, bias2=bias2, y=y.view)
    y.check(expected, 64**2)


def test_chain_says_what_is_too_wide() -> None:
    first = gemm.Problem("fp16", 1, 8, 8, 128, 128, 128, 128)
    with pytest.raises(ValueError, match="512 filters do not fit"):
        chain.specialize(chained.Problem(first, 512, 512), chained.Config(64, 32, 64, 8, 2))


SHIPPED = [
    *((conv_gemm.conv_gemm, config) for config in gemm.configurations(TARGETS["sm_90"], "fp16")),
    *((conv_tma.conv_tma, config) for config in tma.configurations(TARGETS["sm_90"], "fp16")),
    *((conv_rows.conv_rows, config) for config in rows.configurations(TARGETS["sm_90"], "fp16")),
    *((conv1x1_pre.conv1x1_pre, config) for config in pre.configurations(TARGETS["sm_90"], "fp16")),
]


@pytest.mark.slow
@pytest.mark.parametrize(("launch", "config"), SHIPPED, ids=lambda each: getattr(each, "__name__", str(each)))
def test_shipped_tiles_compute_a_layer_of_usual_size(launch: Any, config: Any) -> None:
    kernel, sides = ((1, 1), (0, 0, 0, 0)) if launch is conv1x1_pre.conv1x1_pre else ((3, 3), ONE)
    case = Case("layer", (2, 14, 15, 136), 152, kernel, sides=sides)
    w, x, bias = weights(case), random(*case.image, dtype=HALF, before=8), torch.randn(152)
    y = poisoned(2, 14, 15, 152, dtype=HALF, before=8)
    if launch is conv1x1_pre.conv1x1_pre:
        problem: Any = conv1x1_pre.describe(x, w, y.view, bias)
    else:
        problem = conv_gemm.describe(x, w, y.view, bias, sides=sides)
    launch(problem, config, x, w, y.view, bias)
    y.check(convolved(case, x, w, bias), 9 * 136)
