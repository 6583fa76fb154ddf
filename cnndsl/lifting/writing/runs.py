"""Runs of layers that come again behind each other, with several tensors from one to the next: parts without names.

Chains of one tensor are found when a text is there (`patterns`); a part of several is cut out of the graph before.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import groupby
from statistics import fmean

from cnndsl.ir import Graph, Node, Scope
from cnndsl.ops.activation import Pointwise
from cnndsl.ops.normalization import Normalization
from cnndsl.records import dataclass, replace
from cnndsl.source import Source

SHORTEST = 8  # layers of a run


@dataclass(frozen=True)
class _Runs:
    """So many runs of `period` layers, the first of which begins at a place in the graph's order."""

    start: int
    period: int
    count: int

    @property
    def saved(self) -> int:
        return (self.count - 1) * self.period

    @property
    def stop(self) -> int:
        return self.start + self.count * self.period


def with_runs(graph: Graph) -> tuple[Graph, dict[str, str]]:
    """The graph with scopes around its runs, if it has no scopes; and the names that were given, by those."""
    if any(graph.scopes):
        return graph, {}
    nodes = graph.nodes
    found = sorted(_chosen(nodes, [*_repeated(graph)]), key=lambda runs: runs.start)
    names: dict[str, str] = {}
    scopes = []
    for group, runs in enumerate(found, start=1):
        for number in range(runs.count):
            path = f"streams{group}.{number}"
            scopes.append(Scope(path, "block", Source("", "").span(0, 0)))
            start = runs.start + number * runs.period
            names |= {node.name: f"{path}.{node.name}" for node in nodes[start : start + runs.period]}
    return _renamed(graph, names, scopes), {now: given for given, now in names.items()}


def _renamed(graph: Graph, names: Mapping[str, str], scopes: Sequence[Scope]) -> Graph:
    def now(name: str) -> str:
        return names.get(name, name)

    nodes = [
        replace(node, name=now(node.name), inputs=tuple(map(now, node.inputs)), again=now(node.again)) for node in graph
    ]
    return graph.rewrite(nodes, [replace(output, node=now(output.node)) for output in graph.outputs], scopes)


def _live(graph: Graph) -> list[int]:
    """How many tensors that were made before each layer are read by it or after it."""
    at = {node.name: number for number, node in enumerate(graph)}
    last = {source: at[node.name] for node in graph for source in node.inputs}
    last |= dict.fromkeys((output.node for output in graph.outputs), len(at))
    ends = [0] * (len(at) + 2)
    for name, stop in last.items():
        ends[at[name] + 1] += 1
        ends[stop + 1] -= 1
    counts, now = [], 0
    for change in ends[:-1]:
        now += change
        counts.append(now)
    return counts


def _repeated(graph: Graph) -> Iterator[_Runs]:
    """Runs of every length that are the same layers, cut where fewest tensors go from one to the next."""
    nodes, live = graph.nodes, _live(graph)
    words = [node.op.word for node in nodes]

    def cost(cuts: range) -> tuple[float, bool, int]:
        return fmean(live[at] for at in cuts), _tears(nodes[cuts.start]), cuts.start

    for period in range(SHORTEST, len(nodes) // 2 + 1):
        same = [a == b for a, b in zip(words, words[period:], strict=False)]
        for alike, places in groupby(range(len(same)), key=same.__getitem__):
            stretch = [*places]
            last = stretch[-1] + 1  # where the last run may begin
            if alike and len(stretch) >= period and not _is_repetition(words[last : last + period]):
                cuts = min((range(at, last + 1, period) for at in stretch[:period]), key=cost)
                if all(1 < live[at] == min(live[at : at + period]) for at in cuts):
                    yield from _alike(graph, cuts)


def _is_repetition(words: Sequence[str]) -> bool:
    """Whether a run is itself the same again and again."""
    count = len(words)
    return any(count % part == 0 and words[part:] == words[:-part] for part in range(1, count // 2 + 1))


def _tears(node: Node) -> bool:
    """Whether a layer belongs to the one before it."""
    return isinstance(node.op, (Normalization, Pointwise))


def _alike(graph: Graph, cuts: range) -> Iterator[_Runs]:
    """Those of the runs that read alike, and give several tensors."""
    keys = {at: _key(graph, graph.nodes[at : at + cuts.step]) for at in cuts}
    for key, run in groupby(cuts, key=keys.__getitem__):
        first, *more = run
        if more and key is not None:
            yield _Runs(first, cuts.step, 1 + len(more))


def _key(graph: Graph, nodes: Sequence[Node]) -> Hashable:
    """What must be equal for two runs to be the same layers, numbers aside; None where one tensor comes out."""
    inside = {node.name for node in nodes}
    places: dict[str, int] = {}
    layers, exits = [], []
    for number, node in enumerate(nodes):
        layers.append((node.op.word, tuple(places.setdefault(each, len(places)) for each in node.inputs)))
        places[node.name] = len(places)
        read_outside = any(reader.name not in inside for reader in graph.consumers(node.name))
        exits += [number] * (read_outside or graph.is_output(node.name))
    return (tuple(layers), tuple(exits)) if len(exits) > 1 else None


def _chosen(nodes: Sequence[Node], found: Sequence[_Runs]) -> Iterator[_Runs]:
    """Those that save most, and do not overlap."""
    taken = [False] * len(nodes)
    for runs in sorted(found, key=lambda each: (-each.saved, each.period, each.start)):
        if not any(taken[runs.start : runs.stop]):
            taken[runs.start : runs.stop] = [True] * (runs.stop - runs.start)
            yield runs
