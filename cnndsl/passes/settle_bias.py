"""Decide the biases that the author left open: `bias=None` becomes False right before a `bn`, else True.

A batch norm subtracts the mean over batch and space, channel by channel, and a constant with it:

    bn(Wx + b) = gamma * (Wx + b - mean(Wx + b)) / std(Wx + b) + beta = bn(Wx)

so a bias whose only way on is a `bn` has no effect and no gradient (Ioffe and Szegedy 2015, section 3.2). If anything
else reads the sum, or it is an output, the bias is seen there and stays.
"""

from __future__ import annotations

from functools import cache

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.base import Op
from cnndsl.passes.notes import Notes
from cnndsl.records import replace


def settle_bias(graph: Graph, notes: Notes | None = None) -> Graph:
    """Of a layer that is applied again, all uses have one bias or none."""
    seen = {node.again or node.name for node in graph if _is_open(node.op) and not undoes_bias(graph, node)}

    @cache
    def decided(op: Op, bias: bool) -> Op:
        return replace(op, bias=bias)  # type: ignore[call-arg]

    def settled(node: Node) -> Node:
        return replace(node, op=decided(node.op, (node.again or node.name) in seen)) if _is_open(node.op) else node

    return graph.rewrite(map(settled, graph))


def undoes_bias(graph: Graph, node: Node) -> bool:
    """True if all that comes of `node` is read by one `bn`, which takes a bias away again."""
    return not graph.is_output(node.name) and [reader.op.word for reader in graph.consumers(node.name)] == ["bn"]


def _is_open(op: Op) -> bool:
    return getattr(op, "bias", False) is None
