"""Work out what depends on the size of the picture, where that is a constant: in a plan for a GPU.

`resize like=NAME` becomes `resize HxW` and reads that tensor no more, and `pad=same` becomes the padding it asks for.
"""

from __future__ import annotations

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.convolution import Conv, Depthwise
from cnndsl.ops.images import same_sides
from cnndsl.ops.resize import Resize
from cnndsl.passes.notes import Notes
from cnndsl.records import replace


def settle_sizes(graph: Graph, notes: Notes | None = None) -> Graph:
    def settled(node: Node) -> Node:
        op = node.op
        if isinstance(op, Resize) and op.like is not None:
            size = (node.shape[1], node.shape[2])
            return replace(node, op=replace(op, like=None, size=size), inputs=node.sources)
        if isinstance(op, Conv | Depthwise) and isinstance(op.pad, str):
            ((_, height, width),) = graph.input_shapes(node)
            sides = same_sides((height, width), op.kernel, op.stride, op.dilation)
            return replace(node, op=replace(op, pad=sides))
        return node

    return graph.rewrite(map(settled, graph))
