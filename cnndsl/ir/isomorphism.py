"""Are two labelled networks the same but for their names? Colour refinement first, networkx inside what it leaves open.

Refinement (Weisfeiler and Leman 1968) gives vertices that differ in label or neighbourhood different colours, and
vertices of both networks that may correspond the same. In networks of layers nearly all colours are then unique; what
is left are symmetric places, small and apart from each other, and there any correspondence is as good as another.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from cnndsl.records import dataclass


@dataclass(frozen=True, slots=True)
class Vertex:
    """What must agree for two vertices to correspond: the label, and the edges by the vertex they come from and a tag.

    With `ordered`, the edges must agree in this order.
    """

    label: Hashable
    edges: tuple[tuple[str, Hashable], ...]
    ordered: bool = True


Network: TypeAlias = Mapping[str, Vertex]  # in a topological order
Colours: TypeAlias = dict[str, int]


@dataclass(frozen=True)
class Match:
    """A correspondence of two networks, and the classes of vertices of the first for which there are others as good."""

    pairs: dict[str, str]
    symmetric: tuple[tuple[str, ...], ...]


def match(one: Network, other: Network) -> Match | None:
    """A correspondence that keeps labels, edges and tags; None if there is none."""
    first, second = refine(one, other)
    if len(one) != len(other) or Counter(first.values()) != Counter(second.values()):
        return None
    mine, yours = classes(first), classes(second)
    pairs = {names[0]: yours[colour][0] for colour, names in mine.items() if len(names) == 1}
    left = set(one) - set(pairs)
    rest = _match_rest(_parts(one, left, first), _parts(other, set(other) - set(pairs.values()), second))
    if rest is None:
        return None
    return Match(pairs | rest, tuple(tuple(names) for names in mine.values() if len(names) > 1))


def classes(colours: Colours) -> dict[int, list[str]]:
    """The vertices of each colour."""
    found: dict[int, list[str]] = defaultdict(list)
    for name, colour in colours.items():
        found[colour].append(name)
    return found


def refine(*networks: Network) -> list[Colours]:
    """The coarsest stable colours: vertices of a colour have equal labels, and edges from and to equal colours.

    Sweeps along the edges and back take the place of rounds, as an acyclic network needs few of them.
    """
    numbers: dict[Hashable, int] = {}
    colours = [{name: _number(numbers, vertex.label) for name, vertex in each.items()} for each in networks]
    readers = [_readers(each) for each in networks]
    count = 0
    while (now := len({colour for each in colours for colour in each.values()})) > count:
        count = now
        for network, each in zip(networks, colours, strict=True):
            for name, vertex in network.items():
                each[name] = _number(numbers, (each[name], _sources(vertex, each)))
        for network, each, reading in zip(networks, colours, readers, strict=True):
            for name in reversed(list(network)):
                seen = sorted(_number(numbers, (each[reader], *place)) for reader, place in reading[name])
                each[name] = _number(numbers, (each[name], tuple(seen)))
    return colours


def _number(numbers: dict[Hashable, int], key: Hashable) -> int:
    return numbers.setdefault(key, len(numbers))


def _sources(vertex: Vertex, colours: Colours) -> Hashable:
    seen = [(colours[source], tag) for source, tag in vertex.edges]
    return tuple(seen) if vertex.ordered else frozenset(Counter(seen).items())


def _readers(network: Network) -> dict[str, list[tuple[str, tuple[Hashable, ...]]]]:
    """Who reads each vertex, with the tag and, where it counts, the position."""
    found: dict[str, list[tuple[str, tuple[Hashable, ...]]]] = {name: [] for name in network}
    for name, vertex in network.items():
        for position, (source, tag) in enumerate(vertex.edges):
            found[source].append((name, (tag, position if vertex.ordered else None)))
    return found


def _parts(network: Network, names: set[str], colours: Colours) -> list[Any]:
    """The connected parts of what is left, as networkx graphs."""
    import networkx as nx

    graph: Any = nx.MultiDiGraph()
    graph.add_nodes_from((name, {"colour": colours[name]}) for name in network if name in names)
    for name in graph:
        for position, (source, tag) in enumerate(network[name].edges):
            if source in names:
                graph.add_edge(source, name, place=(tag, position if network[name].ordered else None))
    rank = {name: index for index, name in enumerate(network)}
    parts = sorted(nx.weakly_connected_components(graph), key=lambda part: min(rank[name] for name in part))
    return [graph.subgraph(part) for part in parts]


def _match_rest(ours: Iterable[Any], theirs: Iterable[Any]) -> dict[str, str] | None:
    """Pair parts of the same colours; edges out of a part follow from colours and need no look."""
    waiting: dict[Hashable, list[Any]] = defaultdict(list)
    for part in theirs:
        waiting[_key(part)].append(part)
    pairs: dict[str, str] = {}
    for part in ours:
        found = next(_matches(part, waiting[_key(part)]), None)
        if found is None:
            return None
        chosen, inside = found
        waiting[_key(part)].remove(chosen)
        pairs |= inside
    return pairs


def _key(part: Any) -> Hashable:
    return frozenset(Counter(colour for _, colour in part.nodes(data="colour")).items())


def _matches(part: Any, candidates: list[Any]) -> Iterator[tuple[Any, dict[str, str]]]:
    from networkx.algorithms import isomorphism

    same_colour = isomorphism.categorical_node_match("colour", None)
    same_place = isomorphism.categorical_multiedge_match("place", None)
    for candidate in candidates:
        matcher: Any = isomorphism.MultiDiGraphMatcher(part, candidate, same_colour, same_place)
        if matcher.is_isomorphic():
            yield candidate, dict(matcher.mapping)
