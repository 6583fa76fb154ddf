"""Take out `identity` layers: what read one reads what it read.

    f(identity(x)) = f(x)

`identity` is there for the author, to write a branch that passes its input on; no backend should copy a tensor for it.
An output that named an identity names what that one read. A scope that held nothing else is left without nodes.
"""

from __future__ import annotations

from cnndsl.ir.graph import Graph, Node, Scope
from cnndsl.passes.notes import Notes
from cnndsl.records import replace


def drop_identity(graph: Graph, notes: Notes | None = None) -> Graph:
    source: dict[str, str] = {}  # what to read in place of an identity
    kept: list[Node] = []
    for node in graph:
        inputs = tuple(source.get(name, name) for name in node.inputs)
        if node.op.word == "identity":
            source[node.name] = inputs[0]
        else:
            kept.append(node if inputs == node.inputs else replace(node, inputs=inputs))
    outputs = (replace(output, node=source.get(output.node, output.node)) for output in graph.outputs)
    return graph.rewrite(kept, outputs, (_carried(scope, source) for scope in graph.scopes.values()))


def _carried(scope: Scope, source: dict[str, str]) -> Scope:
    """The scope, with what its bundles are made of now."""
    if not scope.takes and not scope.gives:
        return scope
    takes, gives = (tuple(source.get(name, name) for name in names) for names in (scope.takes, scope.gives))
    return replace(scope, takes=takes, gives=gives)
