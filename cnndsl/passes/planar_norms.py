"""Let group norms read planes, as PyTorch computes them with more digits than pixels of channels.

Fused convolutions put channels innermost. There PyTorch's group norm takes the variance as the mean of squares less
the square of the mean, which loses what both have in common: two of float32's digits where the mean is some ten
deviations. On planes it sums deviations.
"""

from __future__ import annotations

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.fused import PlanarGroupNorm
from cnndsl.ops.normalization import GroupNorm
from cnndsl.passes.notes import Notes
from cnndsl.records import fields, replace


def planar_norms(graph: Graph, notes: Notes | None = None) -> Graph:
    def planar(node: Node) -> Node:
        if type(node.op) is not GroupNorm:
            return node
        arguments = {field.name: getattr(node.op, field.name) for field in fields(node.op)}
        return replace(node, op=PlanarGroupNorm(**arguments))

    return graph.rewrite(map(planar, graph))
