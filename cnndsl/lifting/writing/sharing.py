"""Layers with the weights of others: the longest chains that are applied again as a whole.

A chain that begins with a merge is applied to a bundle of what that merges.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import MutableMapping

from cnndsl.elaborate.structures.sharing import Again
from cnndsl.ir import Graph, Node
from cnndsl.lifting.writing.chains import Unit
from cnndsl.lifting.writing.terms import NAMED, Argument, Body, Command, Flow, Tensor
from cnndsl.records import replace

LABEL = next(iter(Again.signature()))


def fold_shared(graph: Graph, units: MutableMapping[str, Unit]) -> None:
    """Make one unit of each chain that is applied again, and of each further use."""
    unit_of = {node: unit.name for unit in units.values() for node in unit.command.nodes}
    first_of: dict[str, str] = {}
    for node in graph:
        if node.again and _has_weights(graph, node):
            first_of.setdefault(unit_of[node.name], unit_of[node.again])
    sharing = _Sharing(graph, units, first_of)
    for first in [name for name in units if name in sharing.uses]:
        if first in units and units[first].command.word != NAMED:
            sharing.fold(first)


def applied(unit: Unit) -> tuple[str, ...]:
    """The chain that a unit applies again, if it does."""
    return unit.named[-1:] if unit.command.word == Again.word else ()


def _has_weights(graph: Graph, node: Node) -> bool:
    shapes = graph.input_shapes(node)
    return bool(node.op.parameters(*shapes) or node.op.buffers(*shapes))


class _Sharing:
    """`first_of` says of each further use of some weights which unit is the first; `uses` are those of each first."""

    def __init__(self, graph: Graph, units: MutableMapping[str, Unit], first_of: dict[str, str]) -> None:
        self.graph, self.units, self.first_of = graph, units, first_of
        self.uses: dict[str, list[str]] = defaultdict(list)
        for name, first in first_of.items():
            self.uses[first].append(name)
        reads = Counter(read for unit in units.values() for read in (*unit.sources, *unit.named))
        reads.update(output.node for output in graph.outputs)
        self.reader = {
            source: unit.name
            for unit in units.values()
            for source in unit.sources
            if reads[source] == 1 and not unit.merges and len(unit.sources) == 1 and not unit.named
        }

    def fold(self, first: str) -> None:
        chain, copies = [first], [[name] for name in self.uses[first] if name in self.units]
        while (step := self._step(chain[-1], [copy[-1] for copy in copies])) is not None:
            chain.append(step[0])
            for copy, name in zip(copies, step[1], strict=True):
                copy.append(name)
        commands = tuple(self.units[name].command for name in chain)
        inside = Flow(commands, result=chain[-1], whole=True)
        self._put(chain, Command(NAMED, body=Body((inside,)), result=chain[-1]), ())
        for copy in copies:
            given = (Argument(LABEL, Tensor(chain[-1])),)
            nodes = tuple(node for name in copy for node in self.units[name].command.nodes)
            self._put(copy, Command(Again.word, given, nodes=nodes, result=copy[-1]), (chain[-1],))

    def _step(self, last: str, copies: list[str]) -> tuple[str, list[str]] | None:
        """The next layer of the chain and of its copies, if it is the same in all."""
        after, others = self.reader.get(last), [self.reader.get(copy) for copy in copies]
        names = [name for name in others if name is not None]
        there = all(name in self.units for name in (after, *names))  # and no part of another chain by now
        if after is None or len(names) < len(others) or after in self.first_of or not there:
            return None
        if after in self.uses:
            same = [self.first_of.get(name) for name in names] == [after] * len(self.uses[after])
            return (after, names) if same else None
        if any(name in self.first_of or name in self.uses or not self._alike(after, name) for name in names):
            return None
        return after, names

    def _alike(self, one: str, other: str) -> bool:
        """Whether two layers without weights are the same."""
        node, here, there = self.graph[one], self.units[one].command, self.units[other].command
        return not _has_weights(self.graph, node) and (here.word, here.arguments) == (there.word, there.arguments)

    def _put(self, names: list[str], command: Command, named: tuple[str, ...]) -> None:
        """One unit in the place of several."""
        first, last = self.units[names[0]], self.units[names[-1]]
        for name in names:
            del self.units[name]
        self.units[last.name] = replace(first, name=last.name, command=command, named=(*first.named, *named))
