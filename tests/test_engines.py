"""ONNX Runtime and OpenVINO behind a frozen module: the same numbers, never stale, left out where they are wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from test_optimize import assert_same, example, outputs, scrambled
from test_optimize_frozen import X, compiled_programs, freezer, the_last_wins
from torch import Tensor

import cnndsl
from cnndsl.backends.torch import explain_frozen, frozen, optimized_graph
from cnndsl.backends.torch.engines import ENGINES
from cnndsl.ops.fused import Affine, Fused
from cnndsl.ops.reshape import ChannelSlice
from cnndsl.passes.unfuse import unfuse

Engine = Callable[[bytes], Callable[..., list[Tensor]]]


@pytest.fixture(autouse=True)
def engines_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen, "COMPILERS", ())
    the_last_wins(monkeypatch)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda each: each.__name__)
def test_an_engine_computes_what_the_plain_module_computes(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """And after its weights have changed, too: the engine has a copy of them."""
    monkeypatch.setattr(frozen, "installed", lambda: [engine])
    network = example("heads")
    plain, fast = scrambled(network.compile()), network.optimize(freeze=True)
    fast.load_state_dict(plain.state_dict())
    assert_same(fast, plain, X, 1e-5)
    assert_same(fast, plain, X.contiguous(memory_format=torch.channels_last), 1e-5)
    assert len(compiled_programs(fast)) == 1
    with torch.no_grad():
        next(fast.parameters()).mul_(2)
    assert not torch.allclose(outputs(fast, X)[0], outputs(plain, X)[0])
    assert explain_frozen(fast).startswith(f"2 x 3 x 8 x 8: {engine.__name__}\n  as written")


@pytest.mark.parametrize("name", ["dense", "inception", "projection"])
def test_networks_are_taken_apart_for_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No layer that only we know is left, and no slice of merged siblings."""
    network = example(name)
    single = unfuse(optimized_graph(network.graph))
    assert not [node for node in single if isinstance(node.op, Fused | ChannelSlice) or type(node.op) is Affine]
    monkeypatch.setattr(frozen, "installed", lambda: ENGINES[:1])
    plain, fast = scrambled(network.compile()), network.optimize(freeze=True)
    fast.load_state_dict(plain.state_dict())
    assert_same(fast, plain, X, 1e-5)
    assert len(compiled_programs(fast)) == 1


def broken(model: bytes) -> Callable[..., list[Tensor]]:
    raise RuntimeError("no such operator\nand more lines")


@pytest.mark.filterwarnings("error")
def test_what_fails_is_left_out_and_one_can_ask_why(monkeypatch: pytest.MonkeyPatch) -> None:
    network = example("residual")

    def mistaken(model: bytes) -> Callable[..., list[Tensor]]:
        return lambda x: [outputs(network.compile().eval(), x)[0] + 1]

    monkeypatch.setattr(frozen, "installed", lambda: [broken, mistaken])
    monkeypatch.setattr(frozen, "optimized_onnx", lambda graph, state, inputs: b"")
    fast = network.optimize(freeze=True)
    assert explain_frozen(fast) == "nothing is frozen yet"
    assert_same(fast, network.compile().eval(), X, 1e-5)
    assert not compiled_programs(fast) and freezer(fast).programs
    assert explain_frozen(fast).splitlines() == [
        "2 x 3 x 8 x 8: as written",
        "  broken      left out: RuntimeError: no such operator",
        "  mistaken    left out: it computes something else",
    ]


def test_other_types_are_left_to_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen, "installed", lambda: [broken])
    monkeypatch.setattr(frozen, "lacks_bfloat16", lambda module, inputs: False)
    fast = example("residual").optimize(freeze=True).to(torch.bfloat16)
    outputs(fast, X.bfloat16())
    assert "broken" not in explain_frozen(fast)


def test_only_a_frozen_module_can_be_asked() -> None:
    with pytest.raises(ValueError, match="not frozen"):
        explain_frozen(cnndsl.load("lenet5").optimize())
