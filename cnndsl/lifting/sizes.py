"""Sizes that follow the input: what is resized to the size of something before it is resized like that.

A recorded program knows sizes as numbers alone. People resize to what there was, such as an image, or features of an
earlier stage, so the last tensor of that size on the way is meant; and as numbers both are the same.
"""

from __future__ import annotations

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.resize import Resize
from cnndsl.records import replace


def following(graph: Graph) -> Graph:
    """The graph with `resize like=` wherever a tensor before it has the size."""
    places = {node.name: at for at, node in enumerate(graph)}
    return graph.rewrite(_like(graph, node, places) for node in graph)


def _like(graph: Graph, node: Node, places: dict[str, int]) -> Node:
    if not isinstance(node.op, Resize) or node.op.size is None:
        return node
    before = sorted(graph.upstream(node.inputs), key=places.__getitem__, reverse=True)
    found = next((name for name in before if graph[name].shape[1:] == node.op.size), None)
    if found is None:
        return node
    return replace(node, op=replace(node.op, size=None, like=found), inputs=(*node.inputs, found))
