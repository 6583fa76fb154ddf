"""The passes: what each rewrites and what it must leave alone, and the pipeline that runs and verifies them."""

from __future__ import annotations

import pytest

from cnndsl import loads
from cnndsl.analysis.cost import costs, total
from cnndsl.ir import Graph
from cnndsl.ir.verify import VerificationError, verify
from cnndsl.passes import PIPELINE, Notes, run
from cnndsl.passes.drop_identity import drop_identity
from cnndsl.passes.settle_bias import settle_bias


def network(body: str, size: str = "2 x 8 x 8") -> Graph:
    return loads(f"network n {{ input {size}\n {body} }}").graph


def biases(graph: Graph) -> dict[str, bool | None]:
    return {node.name: node.op.bias for node in graph if hasattr(node.op, "bias")}


SETTLED = {
    "conv 3x3, 4 -> bn": {"conv": False},
    "conv 3x3, 4 -> relu -> bn": {"conv": True},
    "conv 3x3, 4, bias=true -> bn": {"conv": True},
    "conv 3x3, 4, bias=false -> relu": {"conv": False},
    "depthwise 3x3 -> bn -> conv 1x1, 4": {"depthwise": False, "conv": True},
    "conv_transpose 2x2, 4, /2, pad=0 -> bn": {"conv_transpose": False},
    "flatten -> linear 4 -> bn -> linear 2": {"linear1": False, "linear2": True},
    "conv 3x3, 4 -> identity -> bn": {"conv": True},
    "conv 3x3, 2 as kept\n bn\n add { | identity | from kept }": {"kept": True},
    "conv 3x3, 4 as kept\n head side { bn }\n from kept": {"kept": True},
    "conv 3x3, 4 as kept\n head side { bn }\n from kept -> bn": {"kept": True},
    "conv 3x3, 4": {"conv": True},
}


@pytest.mark.parametrize("body", SETTLED)
def test_a_bias_is_settled_by_who_reads_it(body: str) -> None:
    settled = settle_bias(network(body))
    assert biases(settled) == SETTLED[body]
    assert biases(settle_bias(settled)) == SETTLED[body]


INCEPTION = "concat { | conv 1x1, 4 | identity | identity -> identity as twice }"


def layers(graph: Graph) -> list[str]:
    return [f"{node.name}({', '.join(node.inputs)})" for node in graph]


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("relu -> identity -> tanh", ["input()", "relu(input)", "tanh(relu)"]),
        ("identity -> relu -> identity", ["input()", "relu(input)"]),
        ("relu -> identity -> identity -> tanh", ["input()", "relu(input)", "tanh(relu)"]),
        (INCEPTION, ["input()", "branch1.conv(input)", "concat(branch1.conv, input, input)"]),
        ("add { | identity | identity }", ["input()", "add(input, input)"]),
    ],
)
def test_identities_vanish(body: str, left: list[str]) -> None:
    graph = drop_identity(network(body))
    verify(graph)
    assert layers(graph) == left


def test_outputs_that_were_identities_are_what_those_read() -> None:
    graph = drop_identity(network("relu\n head side { identity }\n tanh -> identity"))
    assert [(output.name, output.node) for output in graph.outputs] == [("output", "tanh"), ("side", "relu")]
    verify(graph)


def test_nothing_is_lost_with_the_identities() -> None:
    graph = settle_bias(network(INCEPTION))
    assert total(costs(drop_identity(graph)).values()).params == total(costs(graph).values()).params
    assert drop_identity(graph).output.shape == graph.output.shape


def test_every_stage_can_be_seen() -> None:
    seen: list[tuple[str, Graph]] = []

    def observe(name: str, graph: Graph) -> None:
        seen.append((name, graph))

    graph = run(network("conv 3x3, 4 -> bn -> identity"), [settle_bias, drop_identity], observe=observe)
    assert [name for name, _ in seen] == ["settle_bias", "drop_identity"]
    assert layers(seen[0][1]) == ["input()", "conv(input)", "bn(conv)", "identity(bn)"]
    assert layers(seen[1][1]) == ["input()", "conv(input)", "bn(conv)"]
    assert seen[1][1] is graph


def test_without_passes_named_the_whole_pipeline_runs() -> None:
    seen: list[str] = []
    run(network("relu"), observe=lambda name, _: seen.append(name))
    assert seen == [rewrite.__name__ for rewrite in PIPELINE]
    assert PIPELINE.index(settle_bias) < PIPELINE.index(drop_identity)


def test_biases_are_settled_before_anything_is_optimised() -> None:
    graph = network("conv 3x3, 4 -> identity -> bn")
    assert biases(run(graph)) == {"conv": True}
    assert biases(run(graph, [drop_identity, settle_bias])) == {"conv": False}


def test_a_pass_that_breaks_the_graph_is_named() -> None:
    def forget_the_middle(graph: Graph, notes: Notes) -> Graph:
        return graph.rewrite(node for node in graph if node.name != "bn")

    with pytest.raises(VerificationError, match="network n after forget_the_middle is not well formed:") as caught:
        run(network("conv 3x3, 4 -> bn -> relu"), [settle_bias, forget_the_middle])
    assert "relu: reads bn, and there is no such node" in caught.value.problems


@pytest.mark.parametrize("body", [*SETTLED, INCEPTION])
def test_the_pipeline_keeps_outputs_and_settles_everything(body: str) -> None:
    graph = network(body)
    done = run(graph)
    assert [(o.name, o.train_only, done[o.node].shape) for o in done.outputs] == [
        (o.name, o.train_only, graph[o.node].shape) for o in graph.outputs
    ]
    assert None not in biases(done).values()
    assert not any(node.op.word == "identity" for node in done)
