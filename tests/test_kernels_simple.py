"""Pools, pointwise layers, merges, moves, packing, softmax, lrn and linear in Triton's interpreter against PyTorch."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

import torch.nn.functional as F  # noqa: E402
from kernel_tensors import Guarded, pixels, planes, poisoned, random  # noqa: E402

from cnndsl.kernels.families import conv_gemm, lrn, move, pack, pointwise, pool, softmax  # noqa: E402
from cnndsl.kernels.tails import steps  # noqa: E402
from cnndsl.kernels.targets import TARGETS  # noqa: E402
from cnndsl.kernels.templates import conv_gemm as conv_gemm_template  # noqa: E402
from cnndsl.kernels.templates import lrn as lrn_template  # noqa: E402
from cnndsl.kernels.templates import move as move_template  # noqa: E402
from cnndsl.kernels.templates import pack as pack_template  # noqa: E402
from cnndsl.kernels.templates import pointwise as pointwise_template  # noqa: E402
from cnndsl.kernels.templates import pool as pool_template  # noqa: E402
from cnndsl.kernels.templates import softmax as softmax_template  # noqa: E402
from cnndsl.ops import all_layers  # noqa: E402
from cnndsl.ops.merge import Add  # noqa: E402
from cnndsl.ops.normalization import Lrn  # noqa: E402
from cnndsl.ops.pooling import Avgpool, Maxpool  # noqa: E402

HALF, SINGLE = torch.float16, torch.float32
TARGET = TARGETS["sm_90"]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def like(expected: Any, dtype: Any = HALF) -> Guarded:
    """A poisoned output, a slice of a wider buffer, for N H W C `expected`."""
    return poisoned(*expected.shape, dtype=dtype, before=16, after=8)


ONE = (1, 1, 1, 1)
POOLS = (
    ("max 2x2", (2, 8, 7, 16), Maxpool((2, 2), stride=(2, 2))),
    ("max 3x3 / 2 padded", (1, 15, 13, 24), Maxpool((3, 3), stride=(2, 2), pad=ONE)),
    ("max ceil", (3, 14, 12, 13), Maxpool((3, 3), stride=(2, 2), round="ceil")),
    ("max larger than the map", (1, 2, 2, 8), Maxpool((3, 3), stride=(2, 2), round="ceil")),
    ("max 3x2, stride 3 x 1", (1, 11, 9, 8), Maxpool((3, 2), stride=(3, 1), pad=ONE)),
    ("mean 2x2", (2, 8, 7, 16), Avgpool((2, 2), stride=(2, 2))),
    ("mean padded", (1, 15, 13, 24), Avgpool((3, 3), stride=(2, 2), pad=ONE)),
    ("mean of real pixels", (1, 14, 12, 20), Avgpool((3, 3), stride=(1, 1), pad=ONE, count_include_pad=False)),
    ("mean ceil", (1, 14, 12, 8), Avgpool((5, 3), stride=(3, 3), pad=(2, 2, 1, 1), round="ceil")),
    (
        "mean ceil of real pixels",
        (1, 14, 12, 8),
        Avgpool((3, 3), stride=(2, 2), pad=ONE, round="ceil", count_include_pad=False),
    ),
)


@pytest.mark.parametrize("dtype", (HALF, SINGLE), ids=str)
@pytest.mark.parametrize(("image", "op"), [case[1:] for case in POOLS], ids=[case[0] for case in POOLS])
def test_pools_are_pytorchs(image: tuple[int, ...], op: Any, dtype: Any) -> None:
    x = random(*image, dtype=dtype, before=8)
    maximum, pad = isinstance(op, Maxpool), (op.pad[0], op.pad[2])
    more = {} if maximum else {"count_include_pad": op.counts_padding}
    function = F.max_pool2d if maximum else F.avg_pool2d
    expected = pixels(function(planes(x), op.kernel, op.stride, pad, ceil_mode=op.ceil, **more))
    y = like(expected, dtype)
    counted = True if maximum else op.counts_padding
    problem = pool_template.describe(
        x, y.view, maximum=maximum, kernel=op.kernel, stride=op.stride, sides=op.pad, count_padding=counted
    )
    pool_template.pool(problem, pool.suggest(problem, TARGET), x, y.view)
    y.check(expected)


@pytest.mark.parametrize("maximum", (False, True), ids=("mean", "max"))
@pytest.mark.parametrize("size", ((1, 1), (3, 2), (6, 6), (9, 1)), ids=str)
def test_adaptive_and_global_pools_are_pytorchs(size: tuple[int, int], maximum: bool) -> None:
    x = random(3, 9, 7, 20, dtype=HALF, after=4)
    expected = pixels((F.adaptive_max_pool2d if maximum else F.adaptive_avg_pool2d)(planes(x), size))
    y = like(expected)
    problem = pool_template.describe(x, y.view, maximum=maximum)
    pool_template.pool(problem, pool.suggest(problem, TARGET), x, y.view)
    y.check(expected)


@pytest.mark.parametrize("kernel", ((2, 2), None), ids=("window", "global"))
def test_a_maximum_lets_nan_through(kernel: tuple[int, int] | None) -> None:
    x = torch.zeros(1, 2, 2, 8, dtype=HALF)
    x[0, 1, 0, 3] = float("nan")
    y = torch.zeros(1, 1, 1, 8, dtype=HALF)
    problem = pool_template.describe(x, y, maximum=True, kernel=kernel)
    pool_template.pool(problem, pool.suggest(problem, TARGET), x, y)
    assert y.isnan().flatten().tolist() == [False] * 3 + [True] + [False] * 4


def run_pointwise(expected: Any, *inputs: Any, tail: tuple[str, ...], dtype: Any = HALF) -> None:
    y = like(expected, dtype)
    problem = pointwise_template.describe(y.view, *inputs, tail=tail)
    pointwise_template.pointwise(problem, pointwise.suggest(problem, TARGET), y.view, *inputs)
    y.check(expected)


POINTWISE = [cls for cls in all_layers().values() if cls.pointwise is True]


@pytest.mark.parametrize("cls", POINTWISE, ids=lambda cls: cls.word)
def test_every_pointwise_layer_has_a_kernel(cls: Any) -> None:
    op = cls()
    x = random(2, 5, 3, 20, dtype=SINGLE, before=4, scale=3.0)
    spelling = op.torch((20, 5, 3))
    if hasattr(spelling, "template"):
        expected = eval(spelling.text("x"), {"x": x.double(), "torch": torch, "F": F})
    else:
        expected = eval(spelling.constructor(), {"nn": torch.nn})(x.double())
    y = like(expected, SINGLE)
    problem = pointwise_template.describe(y.view, x, tail=steps([op]))
    pointwise_template.pointwise(problem, pointwise.suggest(problem, TARGET), y.view, x)
    y.check(expected, depth=64**2)  # what exp in float32 can do


def test_merges() -> None:
    a, b, c, d = (random(2, 5, 3, 20, dtype=HALF, before=8) for _ in range(4))
    wide = [each.double() for each in (a, b, c, d)]
    run_pointwise(wide[0], a, tail=())
    run_pointwise(wide[0] + wide[1], a, b, tail=("x + x1",))
    run_pointwise(sum(wide) / 4, a, b, c, d, tail=("(x + x1 + x2 + x3) / 4.0",))
    run_pointwise(F.relu(wide[0] * wide[1] * wide[2]), a, b, c, tail=("x * x1 * x2", "tl.where(x < 0.0, 0.0, x)"))


GATES = {"channels": (2, 1, 1, 20), "pixels": (2, 5, 3, 1), "one for all images": (1, 1, 1, 20), "one": (1, 1, 1, 1)}


@pytest.mark.parametrize("shape", GATES.values(), ids=GATES)
def test_gates_spread_over_the_map(shape: tuple[int, ...]) -> None:
    x, gate = random(2, 5, 3, 20, dtype=HALF), random(*shape, dtype=SINGLE)
    run_pointwise(x.double() * gate.double(), x, gate, tail=("x * x1",))


def test_a_batch_norm_and_prelu_are_pointwise_with_vectors() -> None:
    x = random(3, 4, 5, 12, dtype=HALF)
    scale, shift, slope = (random(1, 1, 1, 12, dtype=SINGLE) for _ in range(3))
    value = x.double() * scale.double() + shift.double()
    expected = torch.where(value > 0, value, value * slope.double())
    run_pointwise(expected, x, scale, shift, slope, tail=("x * x1 + x2", "tl.where(x > 0.0, x, x * x3)"))


def test_an_add_in_a_tail_is_the_residual() -> None:
    assert steps([Add(), all_layers()["relu"]()]) == ("x + other", "tl.where(x < 0.0, 0.0, x)")


MOVES = {
    "upsample": (lambda x: F.interpolate(x, scale_factor=(2, 3)), {"scale": (2, 3)}),
    "pad": (lambda x: F.pad(x, (2, 0, 1, 3)), {"corner": (1, 2)}),
    "shuffle": (lambda x: torch.nn.ChannelShuffle(3)(x), {"groups": 3}),
    "shortcut": (lambda x: F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, 5)), {"stride": (2, 2)}),
}


@pytest.mark.parametrize(("function", "arguments"), MOVES.values(), ids=MOVES)
def test_moves(function: Any, arguments: dict[str, Any]) -> None:
    x = random(2, 5, 7, 12, dtype=HALF, before=4)
    expected = pixels(function(planes(x)))
    y = like(expected)
    problem = move_template.describe(x, y.view, **arguments)
    move_template.move(problem, move.suggest(problem, TARGET), x, y.view)
    y.check(expected)


@pytest.mark.parametrize("channels", (4, 8))
def test_pack_pads_channels_with_zeros(channels: int) -> None:
    x = torch.randn(2, 3, 7, 5)
    y = poisoned(2, 7, 5, channels, dtype=HALF)
    problem = pack_template.describe(x, y.view.permute(0, 3, 1, 2))
    pack_template.pack(problem, pack.suggest(problem, TARGET), x, y.view)
    y.check(F.pad(pixels(x).double(), (0, channels - 3)))


def test_pack_turns_pixels_back_into_planes() -> None:
    x, y = random(2, 7, 5, 70, dtype=HALF, before=8), torch.full((2, 70, 7, 5), float("nan"))
    problem = pack_template.describe(x.permute(0, 3, 1, 2), y)
    pack_template.pack(problem, pack.suggest(problem, TARGET), x, y)
    assert torch.equal(y, x.permute(0, 3, 1, 2).float())


@pytest.mark.parametrize("image", ((3, 1, 1, 10), (1, 5, 3, 7), (2, 1, 1, 1000)), ids=str)
def test_softmax(image: tuple[int, ...]) -> None:
    x = random(*image, dtype=SINGLE, scale=20.0)
    y = like(x, SINGLE)
    problem = softmax_template.describe(x, y.view)
    softmax_template.softmax(problem, softmax.suggest(problem, TARGET), x, y.view)
    y.check(x.double().softmax(-1))


LRNS = (Lrn(5), Lrn(5, alpha=0.1, beta=0.5, k=2.0, average=False), Lrn(4, alpha=1.0), Lrn(1, alpha=1.0))


@pytest.mark.parametrize("op", LRNS, ids=str)
@pytest.mark.parametrize("channels", (7, 130))
def test_lrn(op: Lrn, channels: int) -> None:
    x = random(2, 3, 5, channels, dtype=SINGLE, after=8)
    module = eval(op.torch((channels, 3, 5)).constructor(), {"nn": torch.nn})
    y = like(x, SINGLE)
    problem = lrn_template.describe(op, x, y.view)
    lrn_template.lrn(problem, lrn.suggest(problem, TARGET), x, y.view)
    y.check(pixels(module(planes(x))), depth=32**2)


@pytest.mark.parametrize("batch", (1, 3))
@pytest.mark.parametrize("image", ((1, 1, 200), (3, 2, 24)), ids=str)
def test_linear_reads_a_map_where_it_lies(image: tuple[int, int, int], batch: int) -> None:
    x = random(batch, *image, dtype=HALF)
    w = (torch.randn(30, *image) / 10).to(HALF)
    bias = torch.randn(30)
    y = poisoned(batch, 1, 1, 30, dtype=HALF, after=2)
    problem = conv_gemm_template.describe(x, w, y.view, bias, tail=("tl.where(x < 0.0, 0.0, x)",))
    conv_gemm_template.conv_gemm(problem, conv_gemm.suggest(problem, TARGET), x, w, y.view, bias)
    expected = F.relu(F.linear(x.double().flatten(1), w.double().flatten(1), bias.double()))
    y.check(expected[:, None, None], problem.depth)
