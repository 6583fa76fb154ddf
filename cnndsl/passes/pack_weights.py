"""Make every convolution and linear layer a fused one, even where nothing was fused to it.

On a CPU fused layers keep their weights in the order that oneDNN multiplies them in. PyTorch's plain layers
reorder them in every call, which costs a small layer more than its arithmetic does.
"""

from __future__ import annotations

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.convolution import Conv, Depthwise
from cnndsl.ops.fused import Fused
from cnndsl.ops.linear import Linear
from cnndsl.passes.notes import Notes
from cnndsl.records import replace


def pack_weights(graph: Graph, notes: Notes | None = None) -> Graph:
    def packed(node: Node) -> Node:
        op = node.op
        if isinstance(op, Depthwise):
            op = op.conv(graph[node.inputs[0]].shape[0])
        return replace(node, op=Fused(op)) if isinstance(op, Conv | Linear) else node

    return graph.rewrite(map(packed, graph))
