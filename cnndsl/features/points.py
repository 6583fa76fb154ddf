"""Where features are taken: the last tensor of each resolution, before the part of the network that reduces it.

Blocks are taken whole. Where an inverted residual halves the map, its first 1x1 convolution still works at the larger
size, but belongs to the block: the feature is what enters the block, as in timm.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cnndsl.analysis.receptive import receptive_fields
from cnndsl.errors import ParameterError
from cnndsl.features.forms import results_of
from cnndsl.features.trunk import trunk_of_maps
from cnndsl.ir.graph import Graph, Node

# Scopes that only arrange layers; every other one is a part that is taken whole.
ARRANGING = frozenset({"network", "stage", "label"})


@dataclass(frozen=True)
class Feature:
    """A tensor that is taken as a feature.

    node       its name in the graph
    module     the path of the largest part that it is the result of, such as `stage3`
    channels   of the map
    reduction  how many pixels of the input lie between two of its own
    """

    node: str
    module: str
    channels: int
    reduction: int


def feature_points(graph: Graph) -> tuple[Feature, ...]:
    """The features of a network, from the finest on; the input is none. Raises `ModelError` if there are none."""
    path = trunk_of_maps(graph)
    reductions = _reductions(graph, path)
    path = path[: len(reductions)]
    steps = [at for at in range(1, len(path)) if reductions[at] > reductions[at - 1]]
    places = [_entrance(graph, path, at, steps) for at in steps]
    places.append(_end(graph, path, steps[-1] if steps else 0))
    return tuple(_feature(graph, path[at], reductions[at]) for at in places if path[at].op.arity != 0)


def chosen(features: Sequence[Feature], indices: Sequence[int] | None, name: str) -> tuple[Feature, ...]:
    """The features that `out_indices` mean, all of them for None; from the end if negative. Raises `ParameterError`."""
    if indices is None:
        return tuple(features)
    if not isinstance(indices, (list, tuple, range)) or not all(type(index) is int for index in indices):
        raise ParameterError(f"out_indices is a list of whole numbers such as (1, 2, -1), not {indices!r}")
    count = len(features)
    for index in indices:
        if not -count <= index < count:
            raise ParameterError(f"{name} has {count} features, so there is none with the index {index}")
    places = [index % count for index in indices]
    if not places or places != sorted(set(places)):
        raise ParameterError(f"out_indices are one or more features of {name}, each once and in order, not {indices}")
    return tuple(features[place] for place in places)


def _reductions(graph: Graph, path: Sequence[Node]) -> list[int]:
    """By how much each node of the path reduces the input, as far as maps do not grow again."""
    fields, found = receptive_fields(graph), [1]
    for node in path[1:]:
        reduction = round(max(fields[node.name].jump))
        if reduction < found[-1]:
            break
        found.append(reduction)
    return found


def _entrance(graph: Graph, path: Sequence[Node], step: int, steps: Sequence[int]) -> int:
    """The place of what enters the part that reduces at `step`: the outermost whose only step on the way that is."""
    place = step - 1
    for scope in graph.scopes_around(path[step].name):
        inside = [at for at, node in enumerate(path) if node.name.startswith(f"{scope.path}.")]
        if not scope.path or sum(at in inside for at in steps) > 1:
            break
        if scope.kind not in ARRANGING:
            place = inside[0] - 1
    return place


def _end(graph: Graph, path: Sequence[Node], first: int) -> int:
    """The place of the last feature. After the last stage, what begins with a convolution is the head's."""
    staged = [at for at in range(first, len(path)) if _in_stage(graph, path[at])]
    place = staged[-1] if staged else len(path) - 1
    while place + 1 < len(path) and not path[place + 1].op.weighted:
        place += 1
    return place


def _in_stage(graph: Graph, node: Node) -> bool:
    return any(scope.kind == "stage" for scope in graph.scopes_around(node.name))


def _feature(graph: Graph, node: Node, reduction: int) -> Feature:
    whole = [path for path in reversed(list(_around(graph, node))) if results_of(graph, path) == [node.name]]
    return Feature(node.name, whole[0] if whole else node.name, node.shape[0], reduction)


def _around(graph: Graph, node: Node) -> Iterator[str]:
    """The paths of the parts that a node stands in, the innermost first."""
    return (scope.path for scope in graph.scopes_around(node.name) if scope.path)
