"""The network as one body: parts that the source names become parts of the text, from the innermost outwards.

A scope becomes a part if one tensor goes in and one comes out, and nothing inside is named outside. Others say nothing
about how the network is written, and their layers belong to what is around them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from cnndsl.elaborate.structures.bundling import Group
from cnndsl.elaborate.structures.nesting import Head
from cnndsl.ir import Graph, Output, Scope
from cnndsl.ir.node import MAIN
from cnndsl.lifting.writing.fractals import fold_fractals
from cnndsl.lifting.writing.joins import fold_joins
from cnndsl.lifting.writing.layers import commands_of
from cnndsl.lifting.writing.reduction import RESULTS, Reduction, Unit
from cnndsl.lifting.writing.sharing import fold_shared
from cnndsl.lifting.writing.stages import is_container
from cnndsl.lifting.writing.terms import NAMED, PART, Argument, Body, Command
from cnndsl.ops.base import Shape
from cnndsl.ops.fractal import DropPathDraw

KINDS = ("block", "stage")  # scopes that an author wrote as a part
HEAD = {each.name: each for each in Head.signature()}


def network_body(graph: Graph) -> Body:
    """All of the network, its `input` lines aside, as flows that end in its main output or in a bundle of several."""
    return _Regions(graph).network()


def _units(graph: Graph) -> dict[str, Unit]:
    commands = commands_of(graph)
    found: dict[str, Unit] = {}
    for node in graph:
        if node.op.arity != 0 and not isinstance(node.op, DropPathDraw):
            sources = tuple(each for each in node.sources if not isinstance(graph[each].op, DropPathDraw))
            named = tuple(node.inputs[len(node.sources) :])
            found[node.name] = Unit(node.name, commands[node.name], sources, named, node.op.arity is None)
    fold_fractals(graph, found)
    fold_joins(found)
    fold_shared(graph, found)
    return found


class _Regions:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.shapes: dict[str, Shape] = {node.name: node.shape for node in graph}
        self.units = _units(graph)
        self.uses = Counter(read for unit in self.units.values() for read in (*unit.sources, *unit.named))
        self.uses.update(output.node for output in graph.outputs)
        self.named = Counter(read for unit in self.units.values() for read in unit.named)
        self.position = {node.name: number for number, node in enumerate(graph)}
        self.members: dict[str, list[str]] = defaultdict(list)  # of each scope, the units right in it, by name
        for name in self.units:
            self.members[self._scope_of(name)].append(name)

    def _scope_of(self, name: str) -> str:
        """The innermost scope that may be a part."""
        return next((each.path for each in self.graph.scopes_around(name) if each.kind in KINDS), "")

    def network(self) -> Body:
        for path in sorted(self._paths(), key=lambda path: -path.count(".")):
            self._close(self.graph.scopes[path])
        inputs = [node.name for node in self.graph.inputs]
        reduction = self._reduced(self.members[""], inputs)
        outputs = self.graph.outputs
        result = self._end(reduction, outputs)
        return reduction.body(inputs[-1], result)

    def _paths(self) -> set[str]:
        """Every scope with a layer in it, however deep."""
        found: set[str] = set()
        for path in list(self.members):
            while path and path not in found:
                found.add(path)
                path = self._scope_of(path)
        return found

    def _close(self, scope: Scope) -> None:
        """Make one unit of what stands in a scope, or hand it to the scope around."""
        around = self._scope_of(scope.path)
        members = self.members.pop(scope.path, [])
        if is_container(scope) and not any(self.units[name].command.word == PART for name in members):
            self.members[around].extend(members)
            return
        inside = set(members)
        reads = Counter(read for name in members for read in (*self.units[name].sources, *self.units[name].named))
        entries = [name for name in reads if name not in inside]
        exits = [name for name in members if self.uses[name] > reads[name]]
        if len(entries) != 1 or len(exits) != 1 or not self._keeps_names(members):
            self.members[around].extend(members)
            return
        (entry,), (result,) = entries, exits
        outside = {entry: self.uses[entry] - reads[entry] + 1, result: self.uses[result] - reads[result]}
        body = self._reduced(members, [entry]).body(entry, result)
        for name, count in outside.items():
            self.uses[name] = count
        for name in members:
            del self.units[name]
        self.units[result] = Unit(result, Command(PART, body=body, entry=entry, result=result, scope=scope), (entry,))
        self.members[around].append(result)

    def _keeps_names(self, members: Iterable[str]) -> bool:
        """Whether all that is applied again is so inside."""
        reads = Counter(read for name in members for read in self.units[name].named)
        chains = (name for name in members if self.units[name].command.word == NAMED)
        return all(reads[name] == self.named[name] for name in chains)

    def _reduced(self, members: Iterable[str], entries: Iterable[str]) -> Reduction:
        reduction = Reduction(self.shapes, self.uses)
        for entry in entries:
            reduction.begin(entry)
        for name in sorted(members, key=self.position.__getitem__):
            reduction.add(self.units[name])
        return reduction

    # --- results

    def _end(self, reduction: Reduction, outputs: tuple[Output, ...]) -> str:
        """What flows at the end; other outputs are heads."""
        ending = flowing(outputs)
        for output in outputs[len(ending) :]:
            only = [Argument(HEAD["train_only"], True)] * output.train_only
            command = Command(Head.word, (Argument(HEAD["label"], output.name), *only))
            reduction.head(command, output.node)
        if len(ending) == 1 and ending[0].name == MAIN:
            return ending[0].node
        if ending:
            reduction.end(RESULTS, Command(Group.word), [output.node for output in ending])
            return RESULTS
        return ""


def flowing(outputs: tuple[Output, ...]) -> tuple[Output, ...]:
    """The outputs that are what flows at the end: the main one, or all before the first head, as a bundle."""
    if outputs and outputs[0].name == MAIN:
        return outputs[:1]
    found: list[Output] = []
    for output in outputs:
        if output.train_only or output.node in {each.node for each in found}:
            break
        found.append(output)
    return tuple(found)
