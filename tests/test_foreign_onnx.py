"""ONNX files in our words: every operator by what ONNX Runtime computes, and files that are wrong in every way."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from interpreter import interpret
from onnx_cases import CASES, UNREAD, Case

from cnndsl.foreign.network import ForeignNetwork, Unread
from cnndsl.foreign.onnx.compute import compute
from cnndsl.foreign.onnx.read import read_onnx
from cnndsl.ir.verify import verify
from cnndsl.states import expected_shapes


def layers(network: ForeignNetwork) -> str:
    return "; ".join(str(node.op) for node in network.graph if node.op.word != "input")


def error(path: Path, network: ForeignNetwork, batch: int = 2) -> float:
    """The largest relative error of an output, to what ONNX Runtime computes."""
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(batch, *node.shape, generator=generator) * 3 for node in network.graph.inputs]
    theirs = compute(path, inputs)
    ours = interpret(network.graph, dict(network.tensors), *inputs).values()
    errors = []
    for mine, yours in zip(ours, theirs, strict=True):
        assert mine.shape == yours.shape
        scale = yours.norm() if yours.any() else 1.0  # a filter of one number has no variance, and gives zeros
        errors.append(float((mine - yours).norm() / scale))
    return max(errors)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_operator_is_a_layer_that_computes_the_same(case: Case, tmp_path: Path) -> None:
    path = case.save(tmp_path)
    network = read_onnx(path)
    assert layers(network) == case.layers
    verify(network.graph)
    shapes = {key: tuple(tensor.shape) for key, tensor in network.tensors.items()}
    assert shapes == {key: tuple(shape) for key, shape in expected_shapes(network.graph).items()}
    assert error(path, network) < 1e-5


@pytest.mark.parametrize("case", UNREAD, ids=lambda case: case.name)
def test_what_no_layer_says_exactly_is_unread(case: Case, tmp_path: Path) -> None:
    network = read_onnx(case.save(tmp_path))
    reasons = [node.op.why for node in network.unread() if isinstance(node.op, Unread)]
    assert any(case.layers in why for why in reasons), (reasons, layers(network))
