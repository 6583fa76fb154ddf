"""Convolutions in other forms: each computes a convolution, and is chosen where it may."""

from __future__ import annotations

import itertools

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from test_optimize import assert_same, scrambled  # noqa: E402
from test_optimize_frozen import X, compiled_programs, the_last_wins, without_cpp  # noqa: E402
from torch import nn  # noqa: E402

import cnndsl  # noqa: E402
from cnndsl.backends.torch import frozen  # noqa: E402
from cnndsl.backends.torch import winograd as model  # noqa: E402
from cnndsl.backends.torch.convolutions import Shapes, input_shapes, product, small_products, spelled  # noqa: E402
from cnndsl.backends.torch.programs import inductor_by_winograd  # noqa: E402
from cnndsl.backends.torch.winograd import largest_of_winograd, winograd, winograd_layers  # noqa: E402


@pytest.mark.parametrize("padding", ((0, 0), (1, 1), (2, 0)), ids=str)
@pytest.mark.parametrize(("height", "width"), [*itertools.product((3, 4, 7, 12), (5, 8)), (1, 1)])
def test_winograd_is_a_convolution(height: int, width: int, padding: tuple[int, int]) -> None:
    torch.manual_seed(height)
    x, weight = torch.randn(2, 3, height, width).double(), torch.randn(5, 3, 3, 3).double()
    if height + 2 * padding[0] < 3 or width + 2 * padding[1] < 3:
        return
    for bias in (None, torch.randn(5).double()):
        found = winograd(padding, x, weight, bias)
        torch.testing.assert_close(found, F.conv2d(x, weight, bias, padding=padding), rtol=1e-12, atol=1e-12)


def test_in_float32_it_loses_a_digit() -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(1, 256, 16, 16), torch.randn(64, 256, 3, 3)
    exact = F.conv2d(x.double(), weight.double(), padding=1)
    error = (winograd((1, 1), x, weight, None) - exact).abs().max() / exact.abs().max()
    assert error < 3e-5


def shapes_of(name: str, batch: int) -> Shapes:
    network = cnndsl.load(name)
    module = network.optimize()
    with torch.inference_mode():
        return input_shapes(module, lambda: module(torch.zeros(batch, *network.input_shape)))


def test_winograd_is_for_networks_of_large_3x3() -> None:
    shapes = shapes_of("vgg11", 1)
    layers = winograd_layers(shapes)
    assert layers
    for layer in layers:
        assert layer.kernel_size == (3, 3) and layer.stride == (1, 1) and layer.groups == 1
    few = list(layers)[:1]
    tiles = 36 * -(-shapes[few[0]][2] // 4) * -(-shapes[few[0]][3] // 4)
    assert largest_of_winograd(few, shapes) == 4 * tiles * max(few[0].in_channels, few[0].out_channels)
    assert winograd_layers(shapes_of("mobilenet_v2", 1)) == {}
    assert winograd_layers({}) == {}


LAYERS = {
    "small": (nn.Conv2d(8, 8, 1), True),
    "large": (nn.Conv2d(1024, 8192, 1), False),
    "strided": (nn.Conv2d(8, 8, 1, stride=2), False),
    "padded": (nn.Conv2d(8, 8, 1, padding=1), False),
    "grouped": (nn.Conv2d(8, 8, 1, groups=2), False),
    "3x3": (nn.Conv2d(8, 8, 3), False),
}


@pytest.mark.parametrize("name", LAYERS)
def test_small_products(name: str) -> None:
    layer, chosen = LAYERS[name]
    x = torch.randn(1, layer.in_channels, 4, 5)
    forms = small_products(input_shapes(layer, lambda: layer(x)))
    assert bool(forms) == chosen
    expected = layer(x)
    with spelled(forms):
        assert ("_conv_forward" in vars(layer)) == chosen
        torch.testing.assert_close(layer(x), expected)
    assert "_conv_forward" not in vars(layer)


def test_forms_and_hooks_are_gone_after_an_error() -> None:
    layer = nn.Conv2d(8, 8, 1)
    with pytest.raises(RuntimeError):
        input_shapes(layer, lambda: layer(torch.zeros(1, 3, 4, 4)))
    assert not layer._forward_pre_hooks
    with pytest.raises(ZeroDivisionError), spelled({layer: product}):
        raise ZeroDivisionError
    assert "_conv_forward" not in vars(layer)


BODIES = {
    "in a sum": "conv 1x1, 8 -> residual { conv 3x3, 8, bias=false }\n relu",
    "beside others": "concat { | conv 3x3, 8, pad=2 | conv 5x5, 8, pad=3 }\n conv 3x3, 8, /2 -> conv 3x3, 8, groups=2",
}


@without_cpp
@pytest.mark.slow
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_program_by_winograds_algorithm(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it can be, whether it pays or not, and with the weights of the moment."""
    monkeypatch.setattr(frozen, "COMPILERS", (inductor_by_winograd,))
    monkeypatch.setattr(frozen, "installed", list)
    the_last_wins(monkeypatch)
    monkeypatch.setattr(model, "LEAST_SAVED", -100.0)
    monkeypatch.setattr(model, "GAIN", 100.0)
    network = cnndsl.loads(f"network n {{ input 3 x 8 x 8\n {body} }}")
    plain, fast = scrambled(network.compile()), network.optimize(freeze=True)
    fast.load_state_dict(plain.state_dict())
    assert_same(fast, plain, X, 1e-5)
    assert len(compiled_programs(fast)) == 1
    scrambled(plain)
    fast.load_state_dict(plain.state_dict())
    assert_same(fast, plain, X, 1e-5)
