"""Take an activation into the layer before it: act(conv(x)) in one pass over memory instead of two.

A pointwise layer needs of its input one element at a time, which the layer before it has in a register when it is
done. Nothing is computed otherwise than before.
"""

from __future__ import annotations

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.convolution import ConvTranspose
from cnndsl.passes.anchor import Spelled, anchor_of, fused, in_torch, in_triton
from cnndsl.passes.notes import Notes
from cnndsl.passes.sweep import Sweep
from cnndsl.records import replace


def fuse_activation(graph: Graph, notes: Notes | None = None, spelled: Spelled = in_triton) -> Graph:
    notes = notes or Notes()
    sweep = Sweep(graph)
    for node in graph:
        if not node.op.pointwise:
            sweep.keep(node)
            continue
        before = sweep.source(node)
        reason = _why_not(sweep, node, before, spelled)
        if reason is None:
            op = fused(before, sweep)
            sweep.absorb(node, before, replace(op, epilogue=(*op.epilogue, node.op)), before.recipes)
            notes.fused(before.name, node.name, how="applied by the same kernel")
        else:
            notes.declined(node.name, reason)
            sweep.keep(node)
    return sweep.result()


def _why_not(sweep: Sweep, node: Node, before: Node, spelled: Spelled) -> str | None:
    anchor = anchor_of(before, sweep)
    if anchor is None:
        return f"before it stands `{before.op.word}`, which takes nothing along"
    by_torch = isinstance(anchor, ConvTranspose)  # which no kernel of ours computes
    if not spelled(node.op) or (by_torch and not in_torch(node.op)):
        return f"`{node.op.word}` is no layer that fused kernels know"
    return sweep.read_elsewhere(node.inputs[0], node)
