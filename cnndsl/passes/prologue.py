"""Take a batch norm and activation into the 1x1 convolution that reads them: conv(act(s x + t)) in one kernel.

What stands before a convolution as in DenseNet and in pre-activation residual networks (He et al. 2016) cannot go
into its weights, as the activation is between. But a 1x1 reads each element of its input once, so it can normalise
while it reads, and the normalised copy of the input never exists. A wider kernel would normalise every element once
per tap, and its zero padding comes after the normalisation, so it is left alone.
"""

from __future__ import annotations

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.convolution import Conv
from cnndsl.ops.fused import Affine, Fused
from cnndsl.ops.pooling import Pool
from cnndsl.passes.anchor import Spelled, in_triton
from cnndsl.passes.notes import Notes
from cnndsl.records import replace


def prologue(graph: Graph, notes: Notes | None = None, spelled: Spelled = in_triton) -> Graph:
    notes = notes or Notes()
    gone: set[str] = set()
    changed: dict[str, Node] = {}
    for node in graph:
        conv = _conv(node)
        if conv is None:
            continue
        chain = _chain(graph, node, spelled)
        if not chain:
            continue
        reason = _why_not(graph, node, conv, chain)
        if reason is None:
            changed[node.name] = _taken(node, conv, chain)
            gone |= {each.name for each in chain}
            notes.fused(node.name, *(each.name for each in chain), how="applied while its input is read")
        else:
            notes.declined(chain[0].name, reason)
    return graph.rewrite(changed.get(node.name, node) for node in graph if node.name not in gone)


def _conv(node: Node) -> Conv | None:
    core = node.op.core if isinstance(node.op, Fused) else node.op
    taken = isinstance(node.op, Fused) and any(not isinstance(op, Pool) for op in node.op.prologue)
    return core if isinstance(core, Conv) and not taken else None


def _chain(graph: Graph, node: Node, spelled: Spelled) -> tuple[Node, ...]:
    """The affine map before a convolution, and the pointwise layers between; empty if there is none."""
    chain: list[Node] = []
    above = graph[node.inputs[0]]
    while spelled(above.op):
        chain.insert(0, above)
        above = graph[above.inputs[0]]
    return (above, *chain) if isinstance(above.op, Affine) else ()


def _why_not(graph: Graph, node: Node, conv: Conv, chain: tuple[Node, ...]) -> str | None:
    if conv.kernel != (1, 1) or any(conv.sides) or conv.groups > 1:
        return f"{node.name} is no plain 1x1 convolution and would normalise elements more than once"
    if node.inputs.count(chain[-1].name) > 1:
        return f"{node.name} reads it twice"
    for each in chain:
        if graph.is_output(each.name):
            return f"{each.name} is an output of the network"
        others = [reader.name for reader in graph.consumers(each.name) if reader not in (node, *chain)]
        if others:
            return f"{each.name} is also read by {others[0]}"
    return None


def _taken(node: Node, conv: Conv, chain: tuple[Node, ...]) -> Node:
    op = node.op if isinstance(node.op, Fused) else Fused(conv)
    recipes = {**node.recipes, **{name: chain[0].recipe(name) for name in ("scale", "shift")}}
    op = replace(op, prologue=(*(each.op for each in chain), *op.prologue))
    return replace(node, op=op, inputs=(chain[0].inputs[0], *node.inputs[1:]), recipes=recipes)
