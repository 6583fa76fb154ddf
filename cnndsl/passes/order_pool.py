"""Put an average pool and the 1x1 convolution beside it in the cheaper order.

A 1x1 convolution mixes channels and an average mixes pixels, so they commute; weights of each window sum to one:

    avgpool(Wx + b) = W avgpool(x) + b

With a stride the pool goes first and the convolution sees fewer pixels (DenseNet's transitions, a quarter of the work).
Without one the convolution goes first if it leaves fewer channels to average, and can then be merged with its siblings
(inception's pooling branch). Padding that counts as zeros makes the weights of a window at the rim sum to less than
one, and then b must be zero. Nothing may stand between the two, and nothing else may read what is between.
"""

from __future__ import annotations

from math import prod

from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.recipe import Recipe
from cnndsl.ops.convolution import Conv
from cnndsl.ops.fused import Fused
from cnndsl.ops.pooling import Avgpool
from cnndsl.passes.notes import Notes
from cnndsl.passes.sweep import Sweep
from cnndsl.records import replace


def order_pool(graph: Graph, notes: Notes | None = None) -> Graph:
    notes = notes or Notes()
    sweep = Sweep(graph)
    for node in graph:
        sweep.keep(node)
        if not node.inputs:
            continue
        before = sweep.source(node)
        pair = _pair(before, node)
        if pair is None or before.name not in graph or graph[before.name].op != before.op:
            continue
        reason = _why_not(sweep, node, *pair)
        if reason is None:
            _swap(sweep, before, sweep.made[node.name])
            conv = before if pair[2] is False else node
            notes.fused(conv.name, conv.name, how="put in the cheaper order")
        else:
            notes.declined(node.name, reason)
    return sweep.result()


def _pair(before: Node, node: Node) -> tuple[Conv, Avgpool, bool] | None:
    """The convolution, the pool, and whether the pool comes first now."""
    first, second = _bare(before), _bare(node)
    if isinstance(first, Conv) and isinstance(second, Avgpool):
        return first, second, False
    if isinstance(first, Avgpool) and isinstance(second, Conv):
        return second, first, True
    return None


def _bare(node: Node) -> object:
    op = node.op
    alone = isinstance(op, Fused) and not op.prologue and not op.epilogue
    return op.core if isinstance(op, Fused) and alone else op


def _why_not(sweep: Sweep, node: Node, conv: Conv, pool: Avgpool, pool_first: bool) -> str | None:
    if conv.kernel != (1, 1) or any(conv.sides) or conv.stride != (1, 1):
        return "only a plain 1x1 convolution can change places with a pool"
    if conv.bias is not False and any(pool.pad) and pool.counts_padding:
        return "the pool counts its padding as zeros, and the convolution has a bias"
    before = sweep.source(sweep.graph[node.name])
    shape = before.shape
    inner, outer = (node.shape, shape) if pool_first else (shape, node.shape)
    pooled = sweep.made[before.inputs[0]].shape if pool_first else shape
    shrinks = prod(pool.output(pooled)[1:]) < prod(pooled[1:])
    if pool_first and (shrinks or inner[0] >= outer[0]):
        return "the pool leaves less work to the convolution where it is"
    if not pool_first and not (shrinks or outer[0] < inner[0]):
        return "the convolution leaves fewer channels to the pool where it is"
    return sweep.read_elsewhere(node.inputs[0], node)


def _swap(sweep: Sweep, before: Node, node: Node) -> None:
    """Exchange two neighbours. In one scope each keeps its name, and with it those of its weights."""
    (shape,) = (sweep.made[name].shape for name in before.inputs)
    between = node.op.output(shape)
    first = replace(before, op=node.op, shape=between, span=node.span, recipes=_own(sweep, node))
    second = replace(node, op=before.op, shape=before.op.output(between), span=before.span, recipes=_own(sweep, before))
    if _scope(before) == _scope(node):
        first = replace(first, name=node.name)
        second = replace(second, name=before.name, inputs=(node.name,))
        sweep.alias[node.name] = before.name
    changed = {before.name: first, node.name: second}
    made = [changed.get(name, kept) for name, kept in sweep.made.items()]
    sweep.made = {each.name: each for each in made}


def _scope(node: Node) -> str:
    return node.name.rpartition(".")[0]


def _own(sweep: Sweep, node: Node) -> dict[str, Recipe]:
    """The recipes of all parameters of a node, so that it can move to another name."""
    shapes = [sweep.made[name].shape for name in node.inputs]
    return {name: node.recipe(name) for name in node.op.parameters(*shapes)}
