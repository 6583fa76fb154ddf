"""What a picture shows for what: of repeats the first, of an identity only a wire.

The scope tree folds neighbours that are built alike, whatever they read. A picture, which must not lose a wire by it,
folds chains and bundles: there the wires of the first tell those of all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from cnndsl.analysis.wording import Entry
from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.tree import Part
from cnndsl.ops.activation import Identity
from cnndsl.ops.fractal import DropPathDraw
from cnndsl.ops.regularization import Dropping


class Shown:
    """Says which parts and nodes of one graph are drawn, and keeps which node then stands for which."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.position = {node.name: position for position, node in enumerate(graph)}
        self._results = {output.node for output in graph.outputs}
        self._stands_for = {self.position[name]: self.position[source] for name, source in _bare_wires(graph)}

    def entries(self, found: list[Entry]) -> Iterator[Entry]:
        """What is drawn of the entries of a scope: some runs are folded, others taken apart.

        The draw of random numbers that fractal joins share carries no data, and is left out.
        """
        for entry in _with_dense_runs(found, self.graph):
            if not isinstance(entry, Part):
                chain = tuple(node for node in entry if not self._left_out(node))
                if chain:
                    yield chain
            elif not entry.repeats:
                yield entry
            elif self.chained(entry) or self.parallel(entry):
                self._note(entry)
                yield entry
            else:
                yield replace(entry, repeats=())
                yield from entry.repeats

    def drawn(self, position: int) -> int:
        """The node that is drawn for the node at `position`, which may be itself."""
        while position in self._stands_for:
            position = self._stands_for[position]
        return position

    def chained(self, run: Part) -> bool:
        """Each reads the one before, all in one way, and the rest of the network reads the last alone."""
        parts = (run, *run.repeats)
        reads = [self._reads(part) for part in parts]
        wiring = [_wiring(before, now, reads[0]) for before, now in zip(parts, reads[1:], strict=False)]
        alike = all(one is not None and one == wiring[0] for one in wiring)
        return alike and reads[1] != reads[0] and all(self._private(one, after) for one, after in pairwise(parts))

    def parallel(self, run: Part) -> bool:
        """All read the same."""
        reads = self._reads(run)
        return all(self._reads(part) == reads for part in run.repeats)

    def _left_out(self, node: Node) -> bool:
        return self.position[node.name] in self._stands_for or isinstance(node.op, DropPathDraw)

    def _reads(self, part: Part) -> list[int]:
        """The positions of what its nodes read from outside, reading by reading."""
        nodes = self.graph.nodes[part.start : part.stop]
        found = [self.position[source] for node in nodes for source in node.sources]
        return [at for at in found if at < part.start]

    def _private(self, part: Part, following: Part) -> bool:
        """True if only the part itself and the one that follows read it."""
        for node in self.graph.nodes[part.start : part.stop]:
            if node.name in self._results:
                return False
            if any(self.position[reader.name] >= following.stop for reader in self.graph.consumers(node.name)):
                return False
        return True

    def _note(self, run: Part) -> None:
        for part in run.repeats:
            self._stands_for.update(zip(range(part.start, part.stop), range(run.start, run.stop), strict=True))


def _wiring(before: Part, reads: list[int], first: list[int]) -> list[int] | None:
    """How a part reads the part before it and what the first of the run reads; None if it reads anything else.

    The former is counted from the start of that part, the latter is negative.
    """
    found = []
    for now, then in zip(reads, first, strict=True):
        if before.start <= now < before.stop:
            found.append(now - before.start)
        elif now == then:
            found.append(~now)
        else:
            return None
    return found


def _bare_wires(graph: Graph) -> Iterator[tuple[str, str]]:
    """The layers that do nothing, with what they read, but those without which a layer would seem to read one tensor
    less often."""
    sources = {node.name: node.inputs[0] for node in graph if _does_nothing(node)}
    for node in graph:
        if node.name in sources:
            sources[node.name] = sources.get(sources[node.name], sources[node.name])
    kept: set[str] = set()
    for node in graph:
        read = [sources.get(name, name) for name in node.sources]
        if len(set(read)) < len(read):
            kept.update(node.inputs)
    return ((name, source) for name, source in sources.items() if name not in kept)


def _does_nothing(node: Node) -> bool:
    return isinstance(node.op, Identity) or (isinstance(node.op, Dropping) and node.op.p == 0)


def _with_dense_runs(entries: list[Entry], graph: Graph) -> Iterator[Entry]:
    """The layers of a dense block as one run: they have the same ops, and only their inputs grow."""
    run: Part | None = None
    for entry in entries:
        if run is not None and isinstance(entry, Part) and _same_layer(run, entry, graph):
            run = replace(run, repeats=(*run.repeats, entry, *entry.repeats))
            continue
        if run is not None:
            yield run
        run = entry if isinstance(entry, Part) else None
        if run is None:
            yield entry
    if run is not None:
        yield run


def _same_layer(one: Part, other: Part, graph: Graph) -> bool:
    if one.scope.kind != "layer" or other.scope.kind != "layer" or one.stop - one.start != other.stop - other.start:
        return False
    nodes = zip(graph.nodes[one.start : one.stop], graph.nodes[other.start : other.stop], strict=True)
    return all(mine.op == its.op for mine, its in nodes)
