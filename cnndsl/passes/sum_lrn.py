"""Compute local response normalisation by adding up shifted channels.

    pool(x * x, size) = (sum of x[c + i] ** 2 over the window i) / size

PyTorch's layer averages with a pool over three dimensions, to which channels must not lie innermost, as they do on a
CPU: it copies there and back, and takes three times as long. It also has no kernel for bfloat16.
"""

from __future__ import annotations

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.normalization import Lrn
from cnndsl.ops.summed_lrn import SummedLrn
from cnndsl.passes.notes import Notes
from cnndsl.records import fields, replace


def sum_lrn(graph: Graph, notes: Notes | None = None) -> Graph:
    def summed(node: Node) -> Node:
        if type(node.op) is not Lrn:
            return node
        arguments = {field.name: getattr(node.op, field.name) for field in fields(node.op)}
        return replace(node, op=SummedLrn(**arguments))

    return graph.rewrite(map(summed, graph))
