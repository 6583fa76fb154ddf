"""Whether a rewritten graph computes what the original one does, with weights such as training leaves."""

from __future__ import annotations

from math import prod

import torch
from interpreter import interpret
from torch import Tensor

from cnndsl.ir import Graph
from cnndsl.passes import PIPELINE, run
from cnndsl.states import expected_shapes
from cnndsl.states.recipes import derive


def some_state(graph: Graph) -> dict[str, Tensor]:
    """Weights and statistics in float64 such as training leaves; scales of either sign."""
    generator = torch.Generator().manual_seed(0)

    def values(name: str, shape: tuple[int, ...]) -> Tensor:
        if name.endswith("num_batches_tracked"):
            return torch.tensor(3)
        drawn = torch.randn(shape, generator=generator, dtype=torch.float64) / max(1, prod(shape[1:])) ** 0.5
        return drawn.abs() + 0.5 if name.endswith("running_var") else drawn

    return {name: values(name, shape) for name, shape in expected_shapes(graph).items()}


def results(graph: Graph, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Every output of inference, in float64."""
    generator = torch.Generator().manual_seed(1)
    inputs = [torch.randn(2, *node.shape, generator=generator, dtype=torch.float64) for node in graph.inputs]
    torch.set_default_dtype(torch.float64)
    try:
        return interpret(graph, derive(graph, state), *inputs)
    finally:
        torch.set_default_dtype(torch.float32)


def assert_equal(rewritten: Graph, graph: Graph) -> None:
    state = some_state(graph)
    expected = results(run(graph, PIPELINE).inference(), state)
    found = results(rewritten, state)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        scale = max(1.0, float(value.abs().max()))
        torch.testing.assert_close(found[name], value, rtol=0, atol=1e-10 * scale)
