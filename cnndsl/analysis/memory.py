"""Memory as readers mean it: the maps of a lecture's table, what inference holds at once, what training keeps.

All for one sample in float32. Tensors that share memory, as what `identity` and `flatten` put out, are one; the
workspace of kernels is not counted.
"""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import Literal

from cnndsl.analysis.cost import FLOAT32
from cnndsl.ir.graph import Graph, Node
from cnndsl.records import dataclass

Rule = Literal["maps", "inference", "training"]


@dataclass(frozen=True, slots=True)
class Peak:
    """The most bytes held at once, and the node during which (None in an empty network)."""

    bytes: int
    node: str | None


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes by a rule, of each node and of all together.

    maps       the input and what convolutions, pools and linear layers put out; all of them is the sum
    inference  what is held while a node runs; all of them is the most, held at the node `peak`
    training   what is kept for backward, and the weights with a gradient and a momentum each, `learned` bytes of all
    """

    rule: Rule
    nodes: dict[str, int]
    bytes: int
    peak: str | None = None
    learned: int = 0

    def of(self, names: list[str]) -> int:
        """The bytes of several nodes."""
        found = (self.nodes.get(name, 0) for name in names)
        return max(found, default=0) if self.rule == "inference" else sum(found)


def maps(graph: Graph) -> dict[str, int]:
    """What the inputs, convolutions, pools and linear layers put out, a node each."""
    return {node.name: _size(node) for node in graph if node.op.weighted or node.op.pools or node.op.arity == 0}


def peak_memory(graph: Graph) -> Peak:
    """The peak of what inference holds."""
    found = held(graph)
    node = max(found, key=found.__getitem__, default=None)
    return Peak(0, None) if node is None else Peak(found[node], node)


def held(graph: Graph) -> dict[str, int]:
    """What is held while each node runs, if all run once, in definition order.

    A tensor is held from the layer that makes it to the last one that reads it, and while a layer runs its inputs and
    its output are held together. Outputs are held to the end. Nothing is done in place or fused.
    """
    owner = _owners(graph, training=False)
    reads = {node.name: {owner[name] for name in node.inputs} for node in graph}
    unread = Counter(name for names in reads.values() for name in names)
    unread.update(owner[output.node] for output in graph.outputs)  # read by the caller, after the end
    found, total = {}, 0
    for node in graph:
        total += _size(node) if owner[node.name] == node.name else 0
        found[node.name] = total
        unread.subtract(reads[node.name])
        total -= sum(_size(graph[name]) for name in {owner[node.name], *reads[node.name]} if unread[name] == 0)
    return found


def kept(graph: Graph) -> dict[str, int]:
    """What a forward pass in training keeps until backward, at the node that made it, each tensor once."""
    owner = _owners(graph, training=True)
    found: Counter[str] = Counter()
    saved: set[str] = set()
    learns: set[str] = set()  # nodes that a gradient reaches
    for node in graph:
        inputs = graph.input_shapes(node)
        if not (node.op.parameters(*inputs) or learns.intersection(node.sources)):
            continue
        learns.add(node.name)
        keeps = node.op.keeps(*inputs)
        saved.update(owner[name] for name in node.sources if keeps.inputs)
        saved.update({owner[node.name]} if keeps.output else ())
        found[node.name] += keeps.besides
    found.update({name: _size(graph[name]) for name in saved})
    return dict(found)


def learning(graph: Graph) -> dict[str, int]:
    """Bytes of weights, with a gradient and a momentum (of SGD) for each."""
    owned = (node for node in graph if not node.again)
    return {node.name: 3 * FLOAT32 * _values(graph, node) for node in owned if _values(graph, node)}


def _values(graph: Graph, node: Node) -> int:
    return sum(map(prod, node.op.parameters(*graph.input_shapes(node)).values()))


def _owners(graph: Graph, *, training: bool) -> dict[str, str]:
    """The node in whose memory each tensor lies."""
    shared = ("always",) if training else ("always", "inference")
    owner: dict[str, str] = {}
    for node in graph:
        owner[node.name] = owner[node.inputs[0]] if node.op.shares in shared else node.name
    return owner


def _size(node: Node) -> int:
    return prod(node.shape) * FLOAT32
