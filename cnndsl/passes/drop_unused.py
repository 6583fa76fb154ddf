"""Take out what no output depends on: a result that is never used (W605) has no place in the compiled network."""

from __future__ import annotations

from cnndsl.ir.graph import Graph
from cnndsl.passes.notes import Notes


def drop_unused(graph: Graph, notes: Notes | None = None) -> Graph:
    """Inputs stay, used or not: they are how the network is called."""
    used = graph.upstream(output.node for output in graph.outputs)
    return graph.rewrite(node for node in graph if node.name in used or node.op.arity == 0)
