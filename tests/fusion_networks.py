"""Random networks in which there is much to fuse and much that must not be, and whether a rewritten one is the same."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from interpreter import interpret
from torch import Tensor

from cnndsl import loads
from cnndsl.ir import Graph
from cnndsl.passes import PIPELINE, run
from cnndsl.weights import expected_shapes
from cnndsl.weights.recipes import derive

LAYERS = st.sampled_from(
    [
        "conv 3x3, 4",
        "conv 1x1, 4",
        "conv 1x1, 2, bias=true",
        "conv 1x1, 6, bias=false",
        "conv 3x3, 4, groups=2, dilation=2",
        "conv 2x2, 4, pad=[0, 1, 0, 1]",
        "depthwise 3x3, multiplier=2",
        "conv_transpose 3x3, 4, pad=1, groups=2",
        "bn",
        "bn eps=0.1",
        "relu",
        "leaky_relu 0.2",
        "prelu",
        "scale 0.5",
        "scale learned=true",
        "avgpool 3x3, /1, pad=1",
        "avgpool 3x3, /1, pad=1, count_include_pad=false",
        "maxpool 3x3, /1, pad=1",
        "dropout",
        "identity",
        "conv 1x1, 4 -> bn -> relu",
        "bn -> relu -> conv 1x1, 4",
    ]
)
FLOWS = st.lists(LAYERS, min_size=1, max_size=4).map(" -> ".join)
EVEN = FLOWS.map(lambda flow: f"conv 1x1, 4 -> {flow}")
MERGES = st.builds(
    lambda word, first, second: f"{word} {{ | {first} -> conv 1x1, 4 -> bn | {second} -> conv 1x1, 4 }}",
    st.sampled_from(["add", "concat", "mean"]),
    st.one_of(FLOWS, st.just("identity")),
    FLOWS,
)
RESIDUALS = EVEN.map(lambda flow: f"conv 1x1, 4 as kept{{n}}\n residual {{ {flow} -> conv 1x1, 4 }} -> relu")
SIBLINGS = st.builds(
    lambda a, b, c: f"concat {{ | conv 1x1, {a} -> relu | conv 1x1, {b} -> relu -> conv 3x3, 2 | conv 1x1, {c} }}",
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 3),
)
EXPANSIONS = st.builds(
    lambda a, b, bias, more: f"concat {{ | conv 1x1, {a}{bias} -> relu | conv 3x3, {b}, bias=true -> relu{more} }}",
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from([", bias=true", ", bias=false"]),
    st.sampled_from(["", " | conv 1x1, 2 -> relu", " -> conv 1x1, 2"]),
)
STATEMENTS = st.one_of(FLOWS, EVEN, MERGES, RESIDUALS, SIBLINGS, EXPANSIONS)


@st.composite
def networks_of_any_kind(draw: st.DrawFn) -> Graph:
    lines = ["input 4 x 6 x 6"]
    for number, statement in enumerate(draw(st.lists(STATEMENTS, min_size=1, max_size=4))):
        lines.append(f"conv 1x1, 4\n {statement.replace('{n}', str(number))}")
        kind = draw(st.sampled_from(["", "", "", "tap", "head", "training"]))
        if kind == "head":
            lines.append(f"head h{number} {{ conv 1x1, 2 -> bn }}")
        if kind == "training":
            lines.append(f"head h{number}, train_only=true {{ conv 1x1, 2 -> bn }}")
        if kind == "tap":
            lines.append(f"conv 1x1, 4 as t{number}\n bn -> relu -> conv 1x1, 4 -> bn")
            lines.append(f"add {{ | identity | from t{number} }}")
    return loads("network n {\n " + "\n ".join(lines) + "\n}").graph


def some_state(graph: Graph) -> dict[str, Tensor]:
    """Weights and statistics in float64 such as training leaves; scales of either sign."""
    generator = torch.Generator().manual_seed(0)

    def values(name: str, shape: tuple[int, ...]) -> Tensor:
        if name.endswith("num_batches_tracked"):
            return torch.tensor(3)
        drawn = torch.randn(shape, generator=generator, dtype=torch.float64)
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
