"""Take the sum that ends a residual block into the convolution before it: conv(x) + y in one pass over memory.

The sum of two needs of the convolution one element at a time. Of the two inputs the one that is defined last takes
the sum, if it is a convolution that nothing else reads, since at its place the other one is there already.
"""

from __future__ import annotations

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.fused import Fused
from cnndsl.ops.linear import Linear
from cnndsl.ops.merge import Add
from cnndsl.passes.anchor import anchor_of, fused
from cnndsl.passes.notes import Notes
from cnndsl.passes.sweep import Sweep
from cnndsl.records import replace


def fuse_add(graph: Graph, notes: Notes | None = None) -> Graph:
    notes = notes or Notes()
    sweep = Sweep(graph)
    for node in graph:
        if not isinstance(node.op, Add):
            sweep.keep(node)
            continue
        reason = _try(sweep, node)
        if reason is None:
            notes.fused(sweep.alias[node.name], node.name, how="added by the same kernel")
        else:
            notes.declined(node.name, reason)
            sweep.keep(node)
    return sweep.result()


def _try(sweep: Sweep, node: Node) -> str | None:
    """Fuse, or say why not."""
    if len(node.inputs) != 2:
        return f"it adds {len(node.inputs)} tensors, and a kernel takes one more"
    positions = [sweep.position[sweep.source(node, index).name] for index in range(2)]
    last = 0 if positions[0] > positions[1] else 1
    into, other = sweep.source(node, last), sweep.source(node, 1 - last)
    reason = _why_not(sweep, node, into, node.inputs[last])
    if reason is None:
        op = fused(into, sweep)
        sweep.absorb(node, into, replace(op, epilogue=(*op.epilogue, node.op)), into.recipes, (other.name,))
    return reason


def _why_not(sweep: Sweep, node: Node, into: Node, name: str) -> str | None:
    anchor = anchor_of(into, sweep)
    if anchor is None:
        return f"its last input comes from `{into.op.word}`, which takes nothing along"
    if isinstance(anchor, Linear):
        return "a sum after a linear layer is too small to matter"
    if isinstance(into.op, Fused) and into.op.epilogue:
        return f"before it stands `{into.op.epilogue[-1].word}`, and the kernels add first"
    return sweep.read_elsewhere(name, node)
