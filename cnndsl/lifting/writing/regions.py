"""The network as one body: parts that the source names become parts of the text, from the innermost outwards.

A scope becomes a part if one tensor goes in and one comes out, and nothing inside is named outside; of several
tensors, if that is worth a block. Others say nothing about how the network is written, and their layers belong to what
is around them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cnndsl.elaborate.structures.bundling import Group
from cnndsl.elaborate.structures.nesting import Head
from cnndsl.ir import Graph, Output, Scope
from cnndsl.ir.node import MAIN
from cnndsl.lifting.writing.bundles import of_several
from cnndsl.lifting.writing.chains import Unit
from cnndsl.lifting.writing.fractals import fold_fractals
from cnndsl.lifting.writing.joins import fold_joins
from cnndsl.lifting.writing.layers import commands_of
from cnndsl.lifting.writing.reduction import Reduction
from cnndsl.lifting.writing.sharing import applied, fold_shared
from cnndsl.lifting.writing.stages import is_container
from cnndsl.lifting.writing.terms import IS_ENTERING, IS_LEAVING, NAMED, PART, Argument, Body, Command
from cnndsl.ops.base import Shape
from cnndsl.ops.fractal import DropPathDraw

RESULTS = "the results"  # the bundle that flows at the end of a network
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
        self.of_several = of_several(graph, self.units, KINDS)
        self.groups: dict[tuple[str, tuple[str, ...]], str] = {}  # by the scope in which they are made
        self.maker: dict[str, str] = {}  # of each tensor that comes out of a part with others, that part
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
        for path in sorted(self._paths(), key=lambda path: (-path.count("."), path)):
            self._close(self.graph.scopes[path])
        inputs = [node.name for node in self.graph.inputs]
        reduction = self._reduced(self.members[""], dict.fromkeys(inputs, ()))
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
        made = [each for name in members for each in self.units[name].items or (name,)]
        inside = set(made)
        reads = Counter(read for name in members for read in (*self.units[name].sources, *self.units[name].named))
        entries = [name for name in reads if name not in inside]
        exits = sorted((name for name in made if self.uses[name] > reads[name]), key=self.position.__getitem__)
        order = tuple(entries)
        if len(entries) != 1 or len(exits) != 1:
            order = self.of_several.get(scope.path, ()) if exits and self._is_closed(members, entries) else ()
        if not order or set(order) != set(entries) or not self._keeps_names(members):
            self.members[around].extend(members)
            return
        self._part(scope, members, order, exits, reads)

    def _part(
        self, scope: Scope, members: list[str], entries: Sequence[str], exits: Sequence[str], reads: Counter[str]
    ) -> None:
        """Make one unit of these members. Several tensors go in as a group, and come out as a bundle."""
        entry = entries[0] if len(entries) == 1 else f"{scope.path}{IS_ENTERING}"
        result = exits[0] if len(exits) == 1 else f"{scope.path}{IS_LEAVING}"
        entering = tuple(entries) if len(entries) > 1 else ()
        leaving = tuple(exits) if len(exits) > 1 else ()
        outside = {name: self.uses[name] - reads[name] + 1 for name in entries}
        outside |= {name: self.uses[name] - reads[name] for name in exits}
        # Inside, what enters is read there alone, and what leaves once more, by the end.
        self.uses.subtract({name: outside[name] - 1 for name in (*entering, *leaving)})
        reduction = self._reduced(members, {entry: entering})
        if leaving:
            reduction.end(result, Command(Group.word, result=result), leaving)
        body = reduction.body(entry, result)
        self.uses.update({name: count - self.uses[name] for name, count in outside.items()})
        for name in members:
            del self.units[name]
        around = self._scope_of(scope.path)
        source = self._group(around, entry, entering) if entering else entry
        command = Command(PART, body=body, entry=entry, result=result, scope=scope)
        self.units[result] = Unit(result, command, (source,), items=leaving)
        if leaving:
            self.position[result] = max(self.position[name] for name in leaving)
            self.maker |= dict.fromkeys(leaving, result)
        self.members[around].append(result)

    def _group(self, around: str, name: str, tensors: tuple[str, ...]) -> str:
        """These tensors as one bundle, which several parts may read."""
        known = self.groups.setdefault((around, tensors), name)
        if known == name:
            self.units[name] = Unit(name, Command(Group.word, result=name), tensors, merges=True)
            self.uses[name] = 0
            self.position[name] = max(self.position[tensor] for tensor in tensors)
            self.members[around].append(name)
        else:
            self.uses.subtract(tensors)
        self.uses[known] += 1
        return known

    def _is_closed(self, members: Iterable[str], entries: Iterable[str]) -> bool:
        """Whether nothing that comes out goes in again."""
        inside = set(members)
        pending = [self.maker.get(name, name) for name in entries]
        known = set(pending)
        while pending:
            unit = self.units.get(pending.pop())
            if unit is None:
                continue
            before = {self.maker.get(read, read) for read in (*unit.sources, *unit.named)}
            if before & inside:
                return False
            pending.extend(before - known)
            known |= before
        return True

    def _keeps_names(self, members: Iterable[str]) -> bool:
        """Whether all that is applied again is so inside, and nothing else is."""
        reads = Counter(read for name in members for read in self.units[name].named)
        chains = {name for name in members if self.units[name].command.word == NAMED}
        again = (read for name in members for read in applied(self.units[name]))
        return all(reads[name] == self.named[name] for name in chains) and chains.issuperset(again)

    def _reduced(self, members: Iterable[str], entries: Mapping[str, tuple[str, ...]]) -> Reduction:
        """The members in one text, into which these tensors come, and bundles with their items."""
        reduction = Reduction(self.shapes, self.uses)
        for entry, items in entries.items():
            reduction.begin(entry, items)
        for name in self._in_order(members):
            reduction.add(self.units[name])
        return reduction

    def _in_order(self, members: Iterable[str]) -> Iterator[str]:
        """Members as they stand in the graph, each behind all that it reads, though parts may stand apart there."""
        names = sorted(members, key=self.position.__getitem__)
        inside, done = set(names), set[str]()
        for first in names:
            pending = [first]
            while pending:
                name = pending[-1]
                reads = (*self.units[name].sources, *self.units[name].named)
                missing = {self.maker.get(read, read) for read in reads} & inside - done
                if missing:
                    pending.extend(sorted(missing, key=self.position.__getitem__, reverse=True))
                    continue
                pending.pop()
                if name not in done:
                    done.add(name)
                    yield name

    # --- results

    def _end(self, reduction: Reduction, outputs: tuple[Output, ...]) -> str:
        """What flows at the end; other outputs are heads."""
        ending = flowing(outputs)
        heads = [(output.name, output.node, output.train_only) for output in outputs[len(ending) :]]
        if bundles := _numbered(ending, reduction):
            heads, ending = [*((name, bundle, False) for name, bundle in bundles.items()), *heads], ()
        for name, result, train_only in heads:
            only = [Argument(HEAD["train_only"], True)] * train_only
            reduction.head(Command(Head.word, (Argument(HEAD["label"], name), *only)), result)
        if len(ending) == 1 and ending[0].name == MAIN:
            return ending[0].node
        if ending:
            named = any(map(is_named, ending))
            reduction.end(RESULTS, Command(Group.word), [output.node for output in ending], apart=named)
            return RESULTS
        return ""


def is_named(output: Output) -> bool:
    """Whether a label gives an output its name: one of several that flow at the end, if it is not merely numbered."""
    return re.fullmatch(rf"{MAIN}\d*", output.name) is None


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


def _numbered(outputs: Sequence[Output], reduction: Reduction) -> dict[str, str]:
    """The bundles that these outputs are, by the name that is numbered for each of them; none if any is another."""
    found: dict[str, str] = {}
    at = 0
    while at < len(outputs):
        first = outputs[at]
        item = reduction.items.get(first.node)
        nodes = reduction.bundles[item.bundle] if item is not None else ()
        run = outputs[at : at + len(nodes)]
        name = first.name.removesuffix("1")
        as_named = [(output.node, output.name) for output in run]
        if not nodes or name in found or not is_named(first) or not name.isidentifier():
            return {}
        if as_named != [(node, f"{name}{number}") for number, node in enumerate(nodes, start=1)]:
            return {}
        found[name] = reduction.items[first.node].bundle
        at += len(nodes)
    return found
