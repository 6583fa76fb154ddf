"""Spell the affine maps that are left of batch norms as batch norms again, of mean 0 and variance 1.

    s x + t = s (x - 0) / sqrt(1 + 0) + t

An engine that reads the network keeps its own order of channels through a batch norm, but not through a product and a
sum.
"""

from __future__ import annotations

from dataclasses import replace

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.fused import Affine, AffineNorm
from cnndsl.passes.notes import Notes


def affine_norm(graph: Graph, notes: Notes | None = None) -> Graph:
    def spelled(node: Node) -> Node:
        return replace(node, op=AffineNorm()) if isinstance(node.op, Affine) else node

    return graph.rewrite(map(spelled, graph))
