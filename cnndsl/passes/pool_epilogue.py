"""Take a 2x2 max-pool into the convolution before it: pool(conv(x)) in one kernel.

Windows that do not overlap are groups of rows of the product, which a tile reduces before it stores them, so that the
whole map never exists and a quarter of it is written (VGG's five pools).
"""

from __future__ import annotations

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.convolution import Conv
from cnndsl.ops.fused import Fused
from cnndsl.ops.pooling import Maxpool
from cnndsl.passes.notes import Notes
from cnndsl.passes.sweep import Sweep
from cnndsl.records import replace

WINDOW = (2, 2)


def pool_epilogue(graph: Graph, notes: Notes | None = None) -> Graph:
    notes, sweep = notes or Notes(), Sweep(graph)
    for node in graph:
        if not isinstance(node.op, Maxpool) or node.op.kernel != WINDOW:
            sweep.keep(node)
            continue
        into = sweep.source(node)
        reason = _why_not(node, node.op, into) or sweep.read_elsewhere(node.inputs[0], node)
        if reason is None:
            op = into.op if isinstance(into.op, Fused) else Fused(into.op)  # type: ignore[arg-type]
            sweep.absorb(node, into, replace(op, epilogue=(*op.epilogue, node.op)), into.recipes)
            notes.fused(into.name, node.name, how="pooled before it is stored")
        else:
            sweep.keep(node)
            notes.declined(node.name, reason)
    return sweep.result()


def _why_not(pool: Node, op: Maxpool, into: Node) -> str | None:
    fused = into.op if isinstance(into.op, Fused) else None
    core = fused.core if fused else into.op
    if not isinstance(core, Conv):
        return f"{into.name} is no convolution"
    if core.groups > 1 or core.dilation != (1, 1):
        return f"{into.name} has groups or a dilation"
    if fused and (fused.prologue or fused.adds or fused.pooled):
        return f"{into.name} has more to do than to convolve"
    if op.stride != WINDOW or any(op.pad):
        return "its windows overlap or are padded"
    whole = (pool.shape[1] * WINDOW[0] <= into.shape[1]) and (pool.shape[2] * WINDOW[1] <= into.shape[2])
    return None if whole else "its last windows reach beyond the map"
