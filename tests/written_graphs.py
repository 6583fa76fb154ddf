"""Whether the text of a graph is the graph, layer by layer; and graphs as they come from files without names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from cnndsl import loads
from cnndsl.analysis.facts import Facts
from cnndsl.ir import Graph, Node
from cnndsl.lifting.writing import Written
from cnndsl.lifting.writing.layers import plain
from cnndsl.ops.base import Op
from cnndsl.passes.settle_bias import settle_bias


def anonymous(graph: Graph) -> Graph:
    """The same network without scopes, its nodes called `n0`, `n1`, ..., as in an ONNX file without names."""
    names = {node.name: f"n{number}" for number, node in enumerate(graph)}
    nodes = [
        replace(
            node,
            name=names[node.name],
            inputs=tuple(names[each] for each in node.inputs),
            again=names.get(node.again, ""),
        )
        for node in graph
    ]
    return Graph(graph.name, nodes, [replace(output, node=names[output.node]) for output in graph.outputs])


def differences(graph: Graph, written: Written) -> Iterator[str]:
    """In what the network of the text is another; nothing if it is the same but for names.

    The operands of an `add` of two may have changed places, an `identity` may have come as a branch, and a `concat` may
    read another in the place of what this joins.
    """
    made, given = settle_bias(loads(written.text).graph), settle_bias(graph)
    if len(made) != len(written.nodes):
        yield f"{len(made)} layers, {len(written.nodes)} were said to come"
        return
    if sorted(name for name in written.nodes if name) != sorted(node.name for node in given):
        yield "not each layer stands for one that was given"
        return
    became: dict[str, str] = {}
    for node, name in zip(made, written.nodes, strict=True):
        became[node.name] = name or became[node.inputs[0]]
        if name:
            yield from _differences(given, node, given[name], became)
        elif node.op.word != "identity":
            yield f"{node.name} is new"
    outputs = [replace(output, node=became[output.node]) for output in made.outputs]
    if outputs != [*given.outputs]:
        yield f"its outputs are {outputs}"
    for fact in ("params", "macs", "training_params"):
        if getattr(Facts(made), fact) != getattr(Facts(given), fact):
            yield f"{fact} differ"


def _differences(given: Graph, node: Node, other: Node, became: dict[str, str]) -> Iterator[str]:
    if _arguments(node.op) != _arguments(other.op):
        yield f"{node.name} is {node.op}, {other.name} is {other.op}"
    inputs = tuple(became[each] for each in node.inputs)
    turned = inputs[::-1] if node.op.word == "add" and len(inputs) == 2 else inputs
    same = node.op.word == "concat" and _joined(given, inputs) == _joined(given, other.inputs)
    if other.inputs not in (inputs, turned) and not same:
        yield f"{node.name} reads {inputs}, {other.name} reads {other.inputs}"
    if node.shape != other.shape:
        yield f"{node.name} makes {node.shape}, {other.name} makes {other.shape}"
    shapes = given.input_shapes(other)
    again = became[node.again] if node.again else ""
    if (other.op.parameters(*shapes) or other.op.buffers(*shapes)) and again != other.again:
        yield f"{node.name} has weights of {again or 'its own'}, {other.name} of {other.again or 'its own'}"


def _joined(graph: Graph, names: Iterable[str]) -> list[str]:
    """The tensors that concats of concats join."""
    found: list[str] = []
    pending = [*reversed([*names])]
    while pending:
        name = pending.pop()
        if graph[name].op.word == "concat":
            pending.extend(reversed(graph[name].inputs))
        else:
            found.append(name)
    return found


def _arguments(op: Op) -> Op:
    """The layer in the language's own words; a label that it names is another in each text."""
    op = plain(op)
    return replace(op, like="") if getattr(op, "like", None) is not None else op  # type: ignore[type-var]
