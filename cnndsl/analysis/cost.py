"""What each layer costs: learned and kept values, multiply-accumulates, bytes.

Counted as `numel` and `torch.utils.flop_counter` (halved) do: MACs of convolutions and linear layers only, for one
sample; the running statistics of a batch norm are buffers, not parameters.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import NamedTuple

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.base import Dtype, Op, Shape

FLOAT32 = 4
BYTES: dict[Dtype, int] = {"float32": 4, "int64": 8}


class Cost(NamedTuple):
    """What a layer, or several together, cost for one sample.

    `params` and `buffers` count values; `macs` multiply-accumulates (not FLOPs, which are twice as many);
    `weight_bytes` is what a file of the parameters and buffers holds, `activation_bytes` what
    the outputs take, but for those that lie in the memory of an input.
    """

    params: int = 0
    buffers: int = 0
    macs: int = 0
    weight_bytes: int = 0
    buffer_bytes: int = 0
    activation_bytes: int = 0


def node_cost(graph: Graph, node: Node, width: int = FLOAT32) -> Cost:
    """The cost of one node; `width` is the bytes of a parameter or activation (buffers keep their own type).

    Weights count where they are first used.
    """
    inputs = graph.input_shapes(node)
    params = 0 if node.again else sum(map(prod, node.op.parameters(*inputs).values()))
    buffers = () if node.again else node.op.buffers(*inputs).values()
    buffer_bytes = sum(prod(buffer.shape) * BYTES[buffer.dtype] for buffer in buffers)
    return Cost(
        params=params,
        buffers=sum(prod(buffer.shape) for buffer in buffers),
        macs=node.op.macs(*inputs),
        weight_bytes=params * width + buffer_bytes,
        buffer_bytes=buffer_bytes,
        activation_bytes=0 if node.op.shares == "always" else prod(node.shape) * width,
    )


def costs(graph: Graph, width: int = FLOAT32) -> dict[str, Cost]:
    """The cost of every node by name; of layers that are alike it is worked out once."""
    known: dict[tuple[Op, tuple[Shape, ...], bool], Cost] = {}
    found: dict[str, Cost] = {}
    for node in graph:
        kind = node.op, graph.input_shapes(node), bool(node.again)
        if kind not in known:
            known[kind] = node_cost(graph, node, width)
        found[node.name] = known[kind]
    return found


def total(parts: Iterable[Cost]) -> Cost:
    """Several costs together."""
    return Cost(*map(sum, zip(*parts, strict=True)))
