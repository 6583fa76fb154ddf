"""Take a small pool into the 1x1 convolution that reads it: conv(pool(x)) in one kernel.

A 1x1 reads each pixel once, so it can as well read the window of a pool and reduce it on the way, and the pooled map
never exists (DenseNet's transitions, once `order_pool` has put the pool first; inception's pooling branch). Each column
of tiles reads and reduces the windows again, so a window is larger than 2x2 only for one column's worth of filters.
"""

from __future__ import annotations

from math import prod

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.convolution import Conv
from cnndsl.ops.fused import Fused, core_of
from cnndsl.ops.pooling import Pool
from cnndsl.passes.notes import Notes
from cnndsl.records import replace

SMALL, LARGE = 4, 9  # pixels of a window
COLUMN = 128  # filters of a column of tiles


def pool_prologue(graph: Graph, notes: Notes | None = None) -> Graph:
    notes = notes or Notes()
    gone: set[str] = set()
    changed: dict[str, Node] = {}
    for node in graph:
        conv = core_of(node.op)
        pool = graph[node.inputs[0]] if node.inputs else node
        if not isinstance(conv, Conv) or not isinstance(pool.op, Pool):
            continue
        reason = _why_not(graph, node, conv, pool, pool.op)
        if reason is None:
            op = node.op if isinstance(node.op, Fused) else Fused(conv)
            op = replace(op, prologue=(pool.op, *op.prologue))
            changed[node.name] = replace(node, op=op, inputs=(pool.inputs[0], *node.inputs[1:]))
            gone.add(pool.name)
            notes.fused(node.name, pool.name, how="pooled while its input is read")
        else:
            notes.declined(pool.name, reason)
    return graph.rewrite(changed.get(node.name, node) for node in graph if node.name not in gone)


def _why_not(graph: Graph, node: Node, conv: Conv, pool: Node, op: Pool) -> str | None:
    if conv.kernel != (1, 1) or conv.stride != (1, 1) or any(conv.sides) or conv.groups > 1:
        return f"{node.name} is no plain 1x1 convolution and would pool windows more than once"
    if isinstance(node.op, Fused) and node.op.prologue:
        return f"{node.name} normalises what was pooled"
    if not op.native:
        return "its padding differs between sides"
    if prod(op.kernel) > (SMALL if conv.filters > COLUMN else LARGE):
        return f"{node.name} would read windows of {op.kernel[0]}x{op.kernel[1]} for each of its {conv.filters} filters"
    if graph.is_output(pool.name):
        return f"{pool.name} is an output of the network"
    readers = graph.consumers(pool.name)
    others = [reader.name for reader in readers if reader.name != node.name]
    if others:
        return f"{pool.name} is also read by {others[0]}"
    return f"{node.name} reads it twice" if node.inputs.count(pool.name) > 1 else None
