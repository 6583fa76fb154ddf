"""Give every use of shared weights recipes of its own, so that what is folded into one is folded into no other."""

from __future__ import annotations

from cnndsl.ir.graph import Graph, Node
from cnndsl.passes.notes import Notes
from cnndsl.records import replace


def part_shared(graph: Graph, notes: Notes | None = None) -> Graph:
    """From here on no node is `again` another: that two have the same weights is seen by their recipes alone."""

    def parted(node: Node) -> Node:
        if not node.again:
            return node
        shapes = graph.input_shapes(node)
        names = (*node.op.parameters(*shapes), *node.op.buffers(*shapes))
        return replace(node, again="", recipes={name: node.recipe(name) for name in names})

    scopes = (replace(scope, again="") for scope in graph.scopes.values())
    return Graph(graph.name, map(parted, graph), graph.outputs, scopes)
