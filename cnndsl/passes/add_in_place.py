"""Let a convolution with a sum write its result over the tensor that it adds, where that is read for the last time.

    y <- act(conv(x) + y)

needs no memory for a result, which is touched once less: about 3% of a ResNet-50 on a CPU. It is right only if `y` is a
tensor of its own, no output, and every other layer that reads it is needed for `x`, so that it has been read by then
in whatever order the layers run.
"""

from __future__ import annotations

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.fused import Affine, Fused
from cnndsl.ops.merge import Add, Concat
from cnndsl.ops.pooling import Pool
from cnndsl.passes.notes import Notes
from cnndsl.records import replace

OWNED = (Fused, Affine, Concat, Pool)  # layers whose result shares memory with nothing
COPYING = (Fused, Affine, Pool)  # layers whose result shares none with their input


def add_in_place(graph: Graph, notes: Notes | None = None) -> Graph:
    notes = notes or Notes()

    def rewritten(node: Node) -> Node:
        op = node.op
        if not isinstance(op, Fused) or not op.epilogue or not isinstance(op.epilogue[0], Add):
            return node
        reason = _why_not(graph, node)
        if reason is None:
            return replace(node, op=replace(op, in_place=True))
        notes.declined(node.name, reason)
        return node

    return graph.rewrite(map(rewritten, graph))


def _why_not(graph: Graph, node: Node) -> str | None:
    x, name = node.inputs
    if not isinstance(graph[name].op, OWNED):
        return f"its sum cannot overwrite {name}, which is no tensor of its own"
    if graph.is_output(name):
        return f"its sum cannot overwrite {name}, an output of the network"
    needed = graph.upstream([x]) - {name} if x != name else set()
    for reader in graph.consumers(name):
        if reader.name != node.name and not (reader.name in needed and isinstance(reader.op, COPYING)):
            return f"its sum cannot overwrite {name}, which {reader.name} reads too"
    return None if x != name else f"its sum cannot overwrite {name}, which it convolves"
