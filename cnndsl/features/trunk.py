"""The trunk of a network: the tensors that everything has to pass, from its input to a result.

A tensor between two of them, in a branch or beside a shortcut, says nothing alone; heads and features begin here.
"""

from __future__ import annotations

from dataclasses import dataclass

from cnndsl.errors import ModelError
from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.linear import Linear
from cnndsl.ops.pooling import AdaptivePool, GlobalPool, Pool
from cnndsl.ops.reshape import Flatten
from cnndsl.passes.drop_training import drop_training

ENDS_MAPS = (AdaptivePool, Flatten, GlobalPool, Linear)  # what begins the way from a map to a vector


@dataclass(frozen=True)
class Classifier:
    """Where a network that classifies comes apart.

    features  the last map before it is pooled or flattened: what `forward_features` gives
    layer     the last layer with weights, whose filters or features are the classes
    """

    features: Node
    layer: Node


def trunk(graph: Graph) -> tuple[Node, ...]:
    """The nodes that every way from an input to the result leads through, in order, as far as they act in inference.

    A tensor that another takes only its size of is on no way. Raises `ModelError` if there are several results.
    """
    acting = drop_training(graph)
    if len(acting.outputs) != 1:
        raise ModelError(f"{graph.name} has {len(acting.outputs)} results, so there is no way that all of it takes")
    needed = acting.upstream([acting.output.name])
    nodes = [node for node in acting if node.name in needed]
    last_read = {source: place for place, node in enumerate(nodes) for source in node.sources}
    found, furthest = [], 0
    for place, node in enumerate(nodes):
        if furthest <= place:  # nothing that is older is read later
            found.append(graph[node.name])
        furthest = max(furthest, last_read.get(node.name, place))
    return tuple(found)


def classifier(graph: Graph) -> Classifier:
    """Raises `ModelError` for a network that gives no vector of classes, or has no map before it."""
    path = trunk(graph)
    weighted = [place for place, node in enumerate(path) if node.op.weighted]
    if len(path[-1].shape) != 1 or not weighted or path[weighted[-1]].shape[0] != path[-1].shape[0]:
        raise ModelError(f"{graph.name} does not end in a layer with all of its classes, so it has no classifier")
    end = weighted[-1]
    last = next((at for at in range(1, end) if _ends_maps(path[at], path[at - 1])), end) - 1
    if path[last].op.arity == 0 or len(path[last].shape) != 3:
        raise ModelError(f"{graph.name} has no map before its classifier")
    return Classifier(path[last], path[end])


def _ends_maps(node: Node, before: Node) -> bool:
    """Is it the first step from a map to a vector?"""
    to_one_pixel = isinstance(node.op, Pool) and node.shape[1:] == (1, 1) != before.shape[1:]
    return isinstance(node.op, ENDS_MAPS) or to_one_pixel


def trunk_of_maps(graph: Graph) -> tuple[Node, ...]:
    """The trunk up to the map that is classified; the whole of it if the network ends in a map. Raises `ModelError`."""
    path = trunk(graph)
    return path if len(path[-1].shape) == 3 else path[: path.index(classifier(graph).features) + 1]
