"""What a law over all layers cannot say: mistakes, pools at their edges, and what drop-path does in training."""

from __future__ import annotations

import itertools
import math

import pytest
from examples import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as some

import cnndsl
from cnndsl.analysis.receptive import receptive_fields
from cnndsl.diagnostics import Report
from cnndsl.elaborate import Loader, elaborate_network
from cnndsl.ops import LayerError
from cnndsl.ops.base import literal
from cnndsl.ops.convolution import Conv, ConvTranspose
from cnndsl.ops.fractal import DropPathDraw, FractalJoin
from cnndsl.ops.inputs import Input
from cnndsl.ops.merge import Add, Concat, Mul
from cnndsl.ops.normalization import Lrn
from cnndsl.ops.pooling import Avgpool, Maxpool
from cnndsl.ops.reshape import ZeroPadShortcut
from cnndsl.passes.pipeline import run
from cnndsl.passes.separate_padding import separate_padding
from cnndsl.passes.settle_sizes import settle_sizes
from cnndsl.source import Source

torch = pytest.importorskip("torch")
from interpreter import interpret  # noqa: E402
from oracles import torchvision_models  # noqa: E402
from test_ops import Case, alone, case  # noqa: E402  it needs torch

# --- mistakes

MISTAKES = {
    "8 x 9 x 9 -> conv 4x4, 8": "E314",
    "8 x 9 x 9 -> conv 3x3, 8, groups=3": "E204",
    "9 x 9 x 9 -> conv 3x3, 8, groups=3": "E204",
    "8 x 2 x 2 -> conv 3x3, 8, pad=0": "E202",
    "8 x 9 x 9 -> conv 3x3, 8, dilation=5, pad=0": "E202",
    "8 -> conv 3x3, 8": "E201",
    "8 x 9 x 9 -> depthwise 2x2": "E314",
    "8 -> depthwise 3x3": "E201",
    "8 x 1 x 1 -> conv_transpose 2x2, 4, pad=1": "E202",
    "8 x 9 x 9 -> conv_transpose 2x2, 4, /2, output_pad=2": "E308",
    "8 x 9 x 9 -> conv_transpose 2x2, 4, /2, pad=[0, 1, 0, 1]": "E308",
    "8 x 9 x 9 -> conv_transpose 2x2, 4, /2, groups=3": "E204",
    "8 x 2 x 1 -> linear 4": "E201",
    "8 x 9 x 9 -> bn eps=0": "E308",
    "8 x 9 x 9 -> group_norm 3": "E206",
    "8 -> lrn 5": "E201",
    "8 x 9 x 9 -> maxpool 3x3": "E315",
    "8 x 9 x 9 -> avgpool 3x3": "E315",
    "8 x 9 x 9 -> maxpool 3x3, /2, pad=3": "E308",
    "8 x 9 x 9 -> avgpool 3x3, /2, pad=[0, 1, 0, 1], round=ceil": "E308",
    "8 x 9 x 9 -> avgpool 3x3, /2, pad=2, count_include_pad=false": "E308",
    "8 x 1 x 1 -> maxpool 2x2, /2": "E202",
    "8 -> global_avgpool": "E201",
    "8 -> dropout 1": "E308",
    "8 -> dropout mode=channel": "E201",
    "8 x 2 x 2 -> pad 2, mode=reflect": "E202",
    "8 x 9 x 9 -> pad 2, mode=reflect, value=1": "E308",
    "8 x 9 x 9 -> upsample 2, align_corners=true": "E308",
    "8 x 9 x 9 -> channel_shuffle 3": "E206",
    "8 x 9 x 9 -> channel_slice 2, 2": "E308",
    "8 x 9 x 9 -> channel_slice 0, 9": "E206",
    "8 x 9 x 9 -> scale": "E305",
    "8 x 9 x 9 -> scale 2, learned=true": "E308",
    "8 x 9 x 9 -> scale 2, per=tensor": "E308",
    "8 x 9 x 9 -> conv 3x3, 8, pad=same, pad_mode=reflect": "E308",
    "8 x 9 x 2 -> conv 5x5, 8, pad_mode=reflect": "E202",
    "8 x 9 x 2 -> conv 5x5, 8, pad=3, pad_mode=circular": "E202",
    "8 x 9 x 9 -> conv 3x3, 8, pad=sane": "E307",
    "8 x 9 x 9 -> maxpool 3x3, /2, pad=same, round=ceil": "E308",
    "8 x 9 x 9 -> channel_conv 4": "E314",
    "8 -> channel_conv 3": "E201",
    "8 x 9 x 9 -> ws_conv 2x2, 8": "E314",
    "8 x 9 x 9 -> blur_pool 3": "E315",
    "8 x 2 x 9 -> blur_pool 5, /2": "E202",
    "8 x 9 x 9 -> pixel_shuffle 3": "E206",
    "8 x 9 x 8 -> pixel_unshuffle 2": "E202",
    "8 x 1 x 1 -> instance_norm": "E202",
    "8 -> grn": "E201",
    "8 -> flatten order=hwc": "E201",
    "8 x 9 x 9 -> flatten order=cch": "E308",
    "8 x 9 x 9 -> resize": "E305",
    "8 x 9 x 9 as x -> resize 3x3, like=x": "E308",
    "8 x 9 x 9 as x -> resize like=y": "E303",
    "8 x 9 x 9 -> resize like=3": "E307",
    "8 x 9 x 9 -> group { | identity | tanh } as two\n from two[0] -> resize like=two": "E209",
    "8 x 9 x 9 -> group { | identity | tanh } as two\n from two[0] -> resize like=two[2]": "E313",
    "8 x 9 x 9 -> resize 3x3, align_corners=true": "E308",
    "8 x 9 x 9 -> max { | conv 1x1, 4 | identity }": "E203",
    "8 x 9 x 9 -> sub { | conv 1x1, 4 | identity }": "E203",
    "8 x 9 x 9 -> weighted_add { | conv 1x1, 4 | identity }": "E203",
    "8 x 9 x 9 -> add { | conv 1x1, 4 | identity }": "E203",
    "8 x 9 x 9 -> mean { | conv 1x1, 4 | identity }": "E203",
    "8 x 9 x 9 -> concat { | maxpool 2x2, /2 | identity }": "E203",
    "8 x 9 x 9 -> mul { | conv 1x1, 4 | identity }": "E203",
    "8 x 9 x 9 -> mul { | flatten | identity }": "E203",
}


@pytest.mark.parametrize(("line", "code"), MISTAKES.items(), ids=MISTAKES)
def test_a_mistake_has_its_code(line: str, code: str) -> None:
    shape, _, layers = line.partition(" -> ")
    report = Report()
    module = Loader(report).load(Source("mistake", f"network t {{\n input {shape}\n {layers}\n}}"))
    elaborate_network(module, "t", report)
    assert [diagnostic.code for diagnostic in report.errors] == [code]


@pytest.mark.parametrize(("shape", "code"), [((), "E201"), ((3, 4), "E201"), ((1, 2, 3, 4), "E201"), ((0,), "E308")])
def test_an_input_is_an_image_or_a_vector(shape: tuple[int, ...], code: str) -> None:
    with pytest.raises(LayerError) as caught:
        Input(shape)
    assert caught.value.code == code


def test_a_shortcut_cannot_take_channels_away() -> None:
    with pytest.raises(LayerError, match="8 channels"):
        ZeroPadShortcut(4, (1, 1)).output((8, 5, 5))


A, B, SMALL = (8, 9, 9), (4, 9, 9), (8, 3, 3)


@pytest.mark.parametrize(
    ("merge", "shapes", "odd"),
    [
        (Add(), (A, B), 1),
        (Add(), (A, A, B), 2),
        (Add(), (B, A, A), 0),
        (Concat(), (A, SMALL), 1),
        (Concat(), (SMALL, A, B), 0),
        (Concat(), (A, (8,)), 1),
        (Mul(), (A, (4, 1, 1)), 1),
        (Mul(), ((4, 1, 1), A), 0),
        (Mul(), (A, (8, 1, 1), SMALL), 2),
    ],
)
def test_a_merge_blames_the_input_that_is_unlike_the_others(merge, shapes, odd) -> None:
    with pytest.raises(LayerError) as caught:
        merge.output(*shapes)
    assert (caught.value.code, caught.value.input) == ("E203", odd)


def test_gates_of_two_axes_make_a_whole() -> None:
    assert Mul().output((8, 1, 1), (1, 9, 7)) == (8, 9, 7)


# --- pools by their definition


def windows(size: int, kernel: int, stride: int, ends: tuple[int, int], ceil: bool) -> list[tuple[int, int]]:
    """The (start, stop) of every window along an axis, in pixels of the unpadded map."""
    first, last = -ends[0], size + ends[1]
    starts = itertools.takewhile(lambda start: start < size, itertools.count(first, stride))
    return [(s, s + kernel) for s in starts if s + kernel <= last or (ceil and s - stride + kernel < last)]


def pooled(op: Maxpool | Avgpool, image: torch.Tensor) -> torch.Tensor:
    (height, width), (top, bottom, left, right) = image.shape, op.pad
    rows = windows(height, op.kernel[0], op.stride[0], (top, bottom), op.round == "ceil")
    columns = windows(width, op.kernel[1], op.stride[1], (left, right), op.round == "ceil")
    made = torch.zeros(len(rows), len(columns), dtype=image.dtype)
    for (i, (r, s)), (j, (c, d)) in itertools.product(enumerate(rows), enumerate(columns)):
        pixels = image[max(r, 0) : s, max(c, 0) : d]
        if isinstance(op, Maxpool):
            made[i, j] = pixels.max()
        else:
            whole = (min(s, height + bottom) - r) * (min(d, width + right) - c)
            made[i, j] = pixels.sum() / (whole if op.counts_padding else pixels.numel())
    return made


small = some.integers(1, 4)
pairs = some.tuples(small, small)
pads = some.one_of(
    some.tuples(some.integers(0, 2), some.integers(0, 2)).map(lambda p: (p[0], p[0], p[1], p[1])),
    some.tuples(*[some.integers(0, 3)] * 4),
)


@settings(deadline=None, max_examples=examples(400))  # the first call of a kind sets torch up
@given(
    layer=some.sampled_from([Maxpool, Avgpool]),
    size=some.tuples(some.integers(1, 8), some.integers(1, 8)),
    kernel=pairs,
    stride=pairs,
    pad=pads,
    round=some.sampled_from(["floor", "ceil"]),
    include=some.booleans(),
)
def test_pools_are_what_their_definition_says(layer, size, kernel, stride, pad, round, include) -> None:
    options = {"count_include_pad": include} if layer is Avgpool else {}
    pad = tuple(side % k for side, k in zip(pad, (kernel[0], kernel[0], kernel[1], kernel[1]), strict=True))
    try:
        op = layer(kernel, stride=stride, pad=pad, round=round, **options)
    except LayerError:
        assume(False)
    torch.manual_seed(0)
    image = torch.randn(size).double()
    expected = pooled(op, image)
    try:
        shape = op.output((1, *size))
    except LayerError as error:
        assert error.code == "E202" and expected.numel() == 0
        return
    assert shape == (1, *expected.shape)
    torch.testing.assert_close(alone(Case(op, ((1, *size),)))(image[None, None])[0, 0], expected)


@pytest.mark.parametrize("average", [True, False])
def test_lrn_is_its_formula(average: bool) -> None:
    op = Lrn(5, alpha=0.3, beta=0.6, k=2.0, average=average)
    x = torch.randn(1, 9, 3, 2).double()
    squares = torch.stack([x[:, max(0, c - 2) : c + 3].square().sum(dim=1) for c in range(9)], dim=1)
    expected = x / (2 + 0.3 * squares / (5 if average else 1)) ** 0.6
    torch.testing.assert_close(alone(Case(op, ((9, 3, 2),)))(x), expected)


# --- sizes that follow the picture

SIZES = [(8, 8), (9, 12), (7, 5), (13, 6), (16, 11)]


@pytest.mark.parametrize("kernel", [(1, 1), (2, 2), (3, 3), (4, 5), (1, 3)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (3, 2)])
def test_same_is_tensorflows_at_every_size(kernel, stride) -> None:
    """By timm's port of it; one module for all sizes."""
    torchvision_models()  # which timm imports
    from timm.layers import conv2d_same
    from timm.layers.pool2d_same import avg_pool2d_same, max_pool2d_same

    conv, maxpool = Conv(kernel, 3, stride=stride, pad="same"), Maxpool(kernel, stride=stride, pad="same")
    made = {op: alone(Case(op, ((2, 8, 8),))) for op in (conv, maxpool)}
    pools = [Avgpool(kernel, stride=stride, pad="same", count_include_pad=counted) for counted in (True, None)]
    layer = made[conv].layer
    for size in SIZES:
        x = torch.randn(1, 2, *size)
        expected = conv2d_same(x, layer.weight, layer.bias, stride)
        torch.testing.assert_close(made[conv](x), expected)
        assert (
            conv.output((2, *size))[1:]
            == expected.shape[2:]
            == tuple(-(-n // s) for n, s in zip(size, stride, strict=True))
        )
        torch.testing.assert_close(made[maxpool](x), max_pool2d_same(x, kernel, stride))
        counted, real = (alone(Case(op, ((2, 8, 8),)))(x) for op in pools)
        torch.testing.assert_close(counted, avg_pool2d_same(x, kernel, stride))
        share = avg_pool2d_same(torch.ones_like(x), kernel, stride)
        torch.testing.assert_close(real, counted / share)


FOLLOWING = """
network n {
    input 3 x 32 x 24 as image
    conv 3x3, 4, /2, pad=same -> mish -> depthwise 3x3, /2, pad=same -> bn -> relu as deep
    maxpool 3x3, /2, pad=same -> conv 1x1, 4, /2, pad=same -> conv 3x3, 4, pad_mode=reflect
    resize like=deep, mode=bilinear
    add { | identity | from deep }
    resize like=image, mode=bicubic, align_corners=true
}
"""


@pytest.mark.parametrize("size", [(32, 24), (50, 33), (17, 64)])
def test_a_network_is_right_at_every_size(size: tuple[int, int]) -> None:
    """Made for one size, it computes at another what it would compute if it were made for that, optimised too."""
    made, wanted = (cnndsl.loads(FOLLOWING, input=(3, *each)) for each in ((32, 24), size))
    x = torch.randn(2, 3, *size)
    module, fast, other = made.compile().eval(), made.optimize(), wanted.compile().eval()
    fast.load_state_dict(module.state_dict())
    with torch.inference_mode():
        assert module(x).shape[1:] == wanted.output_shape == (4, *size)
        torch.testing.assert_close(module(x), other(x))
        torch.testing.assert_close(fast(x), module(x))
    settled = interpret(run(wanted.graph, [settle_sizes, separate_padding]), module.state_dict(), x)
    torch.testing.assert_close(settled["output"], module(x))


def test_a_tensor_that_gives_its_size_takes_no_part() -> None:
    network = "network n { input 3 x 32 x 32\n repeat 3 { conv 3x3, 3 } as a\n input 3 x 9 x 9\n resize like=a }"
    facts = cnndsl.loads(network).facts
    assert [field for field in facts.graph.nodes[-1].sources] == ["input2"] and facts.depth == 3
    assert list(receptive_fields(facts.graph)["resize"].views) == ["input2"]


# --- convolutions of every size


@pytest.mark.parametrize("dilation", [(1, 1), (2, 1), (3, 4)], ids=str)
@pytest.mark.parametrize("kernel", [(1, 1), (3, 5), (7, 1)], ids=str)
def test_half_padding_keeps_the_size(kernel: tuple[int, int], dilation: tuple[int, int]) -> None:
    assert Conv(kernel, 2, dilation=dilation).output((3, 11, 6)) == (2, 11, 6)


@settings(deadline=None)
@given(size=pairs, kernel=pairs, stride=pairs, pad=pads, dilation=pairs, added=some.tuples(*[some.integers(0, 3)] * 2))
def test_convolutions_fit_where_torchs_do(size, kernel, stride, pad, dilation, added) -> None:
    even = (pad[0], pad[0], pad[2], pad[2])
    added = tuple(min(n, max(s, d) - 1) for n, s, d in zip(added, stride, dilation, strict=True))
    options = {"stride": stride, "dilation": dilation}
    for op in (
        Conv(kernel, 2, pad=pad, **options),
        ConvTranspose(kernel, 2, pad=even, output_pad=added, **options),
    ):
        one = Case(op, ((3, *size),))
        try:
            shape = op.output(*one.inputs)
        except LayerError as error:
            assert error.code == "E202"
            shape = None
        try:
            made = alone(one)(*one.tensors())
        except RuntimeError:
            assert shape is None
        else:
            assert made.shape[1:] == shape if shape else made.numel() == 0


# --- what happens in training

P = 0.3


def test_drop_path_drops_rows_or_the_batch() -> None:
    torch.manual_seed(0)
    x = 1 + torch.rand(4000, 2, 1, 1)
    rows = alone(case(f"2 x 1 x 1 -> drop_path {P}"))
    kept = rows(x)[:, 0, 0, 0] != 0
    torch.testing.assert_close(rows.eval()(x), x)
    torch.testing.assert_close(rows.train()(x).unique().max() * (1 - P), x.max())
    assert abs(kept.float().mean() - (1 - P)) < 0.03
    batch = alone(case(f"2 x 1 x 1 -> drop_path {P}, mode=batch"))
    fates = [batch(x[:3]).ne(0).float().mean().item() for _ in range(1000)]
    assert set(fates) == {0.0, 1.0}
    assert abs(sum(fates) / 1000 - (1 - P)) < 0.06


COLUMNS, TOTAL = (2, 3, 4), 4


def weights(draw: tuple[float, float], *, training: bool = True) -> torch.Tensor:
    """What a join multiplies its inputs by: the join of unit vectors."""
    n = len(COLUMNS)
    join = alone(Case(FractalJoin(COLUMNS, TOTAL, P), ((n,),) * n + ((2,),))).train(training)
    return join(*torch.eye(n)[:, None], torch.tensor(draw))[0]


def test_a_global_drop_path_keeps_one_column_of_the_network() -> None:
    for column in range(1, TOTAL + 1):
        chosen = weights((0.7, (column - 0.5) / TOTAL))
        expected = [float(column == mine) for mine in COLUMNS] if column in COLUMNS else [1 / 3] * 3
        torch.testing.assert_close(chosen, torch.tensor(expected))
    assert weights((0.5, math.nextafter(1, 0) - 2**-24))[-1] == 1, "the last column, not one beyond"


def test_a_local_drop_path_is_the_mean_of_survivors() -> None:
    torch.manual_seed(0)
    drawn = torch.stack([weights((0.2, 0.9)) for _ in range(2000)])
    alive = drawn > 0
    torch.testing.assert_close(drawn, alive / alive.sum(dim=1, keepdim=True))
    survival = 1 - P + P**3 / 3  # one of three is spared when all would go
    assert (alive.float().mean(dim=0) - survival).abs().max() < 0.04
    assert set(alive.sum(dim=1).tolist()) == {1, 2, 3}


def test_a_join_in_inference_is_the_mean_whatever_the_draw() -> None:
    torch.testing.assert_close(weights((math.nan, math.nan), training=False), torch.full((3,), 1 / 3))


def test_the_draw_is_uniform_in_training_and_draws_nothing_in_inference() -> None:
    draw = alone(Case(DropPathDraw(), ((3, 2, 2),)))
    torch.manual_seed(0)
    numbers = torch.stack([draw(torch.zeros(1, 3, 2, 2)) for _ in range(1000)])
    assert numbers.shape[1:] == DropPathDraw().output((3, 2, 2))
    assert numbers.min() >= 0 and numbers.max() < 1 and (numbers.mean(dim=0) - 0.5).abs().max() < 0.04
    state = torch.get_rng_state()
    draw.eval()(torch.zeros(1, 3, 2, 2))
    assert torch.equal(state, torch.get_rng_state())


# --- text


atoms = some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text()


@given(some.recursive(atoms, lambda inner: some.lists(inner, max_size=3).map(tuple)))
def test_a_literal_is_read_as_what_it_was(value: object) -> None:
    assert eval(literal(value), {"math": math}) == value
