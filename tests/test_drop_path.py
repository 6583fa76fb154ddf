"""Stochastic depth and drop-path in whole networks: what is drawn in training, and what is left in inference."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import cnndsl

FRACTAL = """
network two_fractals(only = 0) {
    input 4 x 4 x 4
    fractal 3, drop_path=0.15, only=only { conv 1x1, 4, bias=false }
    fractal 3, drop_path=0.15, only=only { conv 1x1, 4, bias=false }
}
"""
RESIDUALS = """
network residuals(mode = "batch") {
    input 2 x 4 x 4
    residual { conv 1x1, 2, bias=false -> drop_path 0.25, mode=mode }
}
"""


def constant(module: nn.Module, value: float = 1.0) -> nn.Module:
    """Every 1x1 convolution becomes `value` times the identity, so that an output tells which paths it came by."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.dirac_(layer.weight)
            layer.weight.data *= value
    return module


def depths(module: nn.Module, draws: int) -> torch.Tensor:
    """log2 of the output's scale in `draws` training passes, where each convolution on the way doubles."""
    x = torch.ones(1, 4, 4, 4)
    with torch.no_grad():
        return torch.stack([module(x).mean() for _ in range(draws)]).log2()


def test_global_drop_path_keeps_one_column_of_the_whole_network() -> None:
    """In half of the passes the network is one column: 1, 2 or 4 convolutions in each of the two blocks."""
    torch.manual_seed(0)
    found = depths(constant(cnndsl.loads(FRACTAL).compile(), 2.0).train(), 3000)
    plain = [(found - 2 * length).abs() < 1e-5 for length in (1, 2, 4)]
    # A local pass can look like a column too: by dropping all inputs of all joins but those of one column.
    rates = [hits.double().mean().item() for hits in plain]
    for rate in rates:
        assert rate == pytest.approx(1 / 6, abs=0.03)
    assert 0.45 < 1 - sum(rates) < 0.52


def test_local_drop_path_drops_each_input_with_its_probability() -> None:
    """The first join of FRACTAL has two inputs: both are kept, or one is, never none."""
    module = cnndsl.loads(FRACTAL).compile().train()
    join = next(layer for layer in module.modules() if type(layer).__name__ == "FractalJoin")
    torch.manual_seed(0)
    local = torch.tensor([0.25, 0.5])  # a draw below one half: a local pass
    one, other = torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1)
    values = torch.stack([join(one, other, local).mean() for _ in range(6000)])
    p = 0.15
    both = (1 - p) ** 2
    assert set(values.tolist()) == {0.0, 0.5, 1.0}
    assert (values == 0.5).double().mean().item() == pytest.approx(both, abs=0.02)
    assert (values == 0.0).double().mean().item() == pytest.approx((1 - both) / 2, abs=0.02)


def test_inference_is_the_mean_of_all_columns_and_draws_nothing() -> None:
    module = constant(cnndsl.loads(FRACTAL).compile(), 2.0).eval()
    state = torch.get_rng_state()
    value = module(torch.ones(1, 4, 4, 4)).mean().item()
    assert torch.equal(state, torch.get_rng_state())
    middle = (4 + 2) / 2  # row 2 joins columns 2 and 3
    block = (2 + 2 * middle + 4 * middle) / 3  # row 4 joins all three
    assert value == pytest.approx(block**2)


def test_the_deepest_column_is_a_plain_network_with_the_same_names() -> None:
    whole = cnndsl.loads(FRACTAL).compile()
    alone = cnndsl.loads(FRACTAL, only=3).compile().eval()
    missing, unexpected = alone.load_state_dict(whole.state_dict(), strict=False)
    assert not missing and unexpected
    assert not any(type(layer).__name__ == "FractalJoin" for layer in alone.modules())
    x = torch.randn(2, 4, 4, 4)
    y = x
    for block in (whole.fractal1, whole.fractal2):
        for row in (1, 2, 3, 4):
            y = getattr(block, f"row{row}").column3(y)
    torch.testing.assert_close(alone(x), y)


@pytest.mark.parametrize("mode", ["batch", "row"])
def test_stochastic_depth_drops_blocks_and_keeps_the_mean(mode: str) -> None:
    """A block survives with 0.75 and is scaled by 1 / 0.75 then: per batch, or per sample."""
    module = constant(cnndsl.loads(RESIDUALS, mode=f'"{mode}"').compile()).train()
    torch.manual_seed(0)
    x = torch.ones(2, 2, 4, 4)
    with torch.no_grad():
        passes = torch.stack([module(x)[:, 0, 0, 0] for _ in range(2000)])  # passes x samples
    dropped, kept = 1.0, 1 + 1 / 0.75
    assert ((passes - dropped).abs().minimum((passes - kept).abs()) < 1e-5).all()
    survived = (passes - kept).abs() < 1e-5
    assert survived.double().mean().item() == pytest.approx(0.75, abs=0.03)
    together = (survived[:, 0] == survived[:, 1]).double().mean().item()
    assert together == pytest.approx(
        1.0 if mode == "batch" else 0.75**2 + 0.25**2, abs=1e-9 if mode == "batch" else 0.04
    )
    torch.testing.assert_close(module.eval()(x), 2 * x)


def test_the_expected_depth_of_stochastic_depth_110() -> None:
    """Huang et al. 2016, section 3: (3L - 1) / 4 = 40.25 of 54 blocks survive on average."""
    module = cnndsl.load("stochastic_depth110").compile()
    drops = [layer.p for layer in module.modules() if type(layer).__name__ == "DropPath"]
    assert len(drops) == 54 and math.isclose(max(drops), 0.5)
    assert math.isclose(sum(1 - p for p in drops), 40.25)
