"""Standardise weights once instead of in every run: a `ws_conv` becomes a `conv`.

    ws_conv(x; w) = conv(x; (w - mean(w)) / sqrt(var(w) + eps))

with mean and variance over the weights of a filter. They do not depend on the input.
"""

from __future__ import annotations

from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.recipe import apply
from cnndsl.ops.convolution import WsConv
from cnndsl.passes.notes import Notes
from cnndsl.records import replace


def standardize_weights(graph: Graph, notes: Notes | None = None) -> Graph:
    def standardized(node: Node) -> Node:
        if not isinstance(node.op, WsConv):
            return node
        weight = apply("standardized", node.recipe("weight"), node.op.eps)
        ((channels, *_),) = graph.input_shapes(node)
        return replace(node, op=node.op.conv(channels), recipes={**node.recipes, "weight": weight})

    return graph.rewrite(map(standardized, graph))
