"""One region of the network as flows: chains in series, merges of parallel branches, and labels for the rest.

Layers are taken up in order. One that alone reads a chain joins it, and a merge whose branches begin at one tensor is
one command of a chain (the reduction of series-parallel networks, Valdes et al. 1982). What is left after that are
joints: tensors that several read. A part between two tensors that is closed to everything else becomes a nest of
flows, so that what is tangled stays inside.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from cnndsl.lifting.writing.dominators import Dominators
from cnndsl.lifting.writing.merges import SHORT, is_skip, join_dense, merged
from cnndsl.lifting.writing.terms import NEST, Body, Command, Flow
from cnndsl.ops.base import Shape
from cnndsl.records import dataclass, field, replace

RESULTS = "the results"  # the bundle that flows at the end of a network
DEEPEST = 12  # merges within merges; what is deeper gets labels
LARGEST_NEST = 400  # joints


@dataclass(frozen=True, slots=True)
class Unit:
    """A layer, or a part that has been written already: what it reads in order, and what it names besides."""

    name: str
    command: Command
    sources: tuple[str, ...]
    named: tuple[str, ...] = ()
    merges: bool = False


@dataclass(slots=True)
class Chain:
    """Commands from the tensor `source` on. It takes one use of that, and names others."""

    source: str
    commands: list[Command] = field(default_factory=list)
    named: list[str] = field(default_factory=list)
    depth: int = 0
    size: int = 0

    def add(self, command: Command, named: Iterable[str] = (), depth: int = 0, size: int = 1) -> None:
        self.commands.append(command)
        self.named.extend(named)
        self.depth = max(self.depth, depth)
        self.size += size


@dataclass(frozen=True, slots=True)
class Joint:
    """A merge of branches that begin at several tensors."""

    command: Command
    branches: tuple[Chain, ...]
    named: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        return [*self.named, *(name for chain in self.branches for name in chain.named)]


class Reduction:
    """The units of a region, in a topological order. `uses` counts how often each tensor is read, outside too."""

    def __init__(self, shapes: Mapping[str, Shape], uses: Counter[str]) -> None:
        self.shapes, self.uses = shapes, uses
        self.chains: dict[str, Chain] = {}
        self.joints: dict[str, Joint] = {}
        self.heads: dict[str, Chain] = {}
        self.order: dict[str, int] = {}
        self.dominators = Dominators()

    def begin(self, name: str) -> None:
        """A tensor that comes from outside."""
        self.order[name] = len(self.order)
        self.dominators.add(name, ())

    def add(self, unit: Unit) -> None:
        self.order[unit.name] = len(self.order)
        self.dominators.add(unit.name, unit.sources)
        if not unit.merges:
            chain = self.take(unit.sources[0])
            chain.add(unit.command, unit.named)
            self.chains[unit.name] = chain
            return
        branches = tuple(self.take(source) for source in unit.sources)
        sources = {chain.source for chain in branches}
        commands, sizes = [chain.commands for chain in branches], [chain.size for chain in branches]
        skips = is_skip(unit.command.word, commands, sizes)
        if len(sources) == 1 and not skips:
            depth = 1 + max(chain.depth for chain in branches)
            if depth <= DEEPEST:
                self._merge(unit, branches, sources.pop(), depth)
                return
        if skips:
            branches = tuple(self._standing(chain) for chain in branches)
        self._join(unit.name, Joint(unit.command, branches, unit.named))

    def _standing(self, chain: Chain) -> Chain:
        """A long branch beside one that waits for it is a flow of its own."""
        if chain.size <= SHORT:
            return chain
        self.chains[chain.commands[-1].result] = chain
        return Chain(chain.commands[-1].result)

    def end(self, name: str, command: Command, results: Iterable[str]) -> None:
        """A merge that ends the region, and never becomes part of a chain."""
        self.order[name] = len(self.order)
        self.joints[name] = Joint(command, tuple(self.take(result) for result in results), ())

    def head(self, command: Command, result: str) -> None:
        """A further output: the chain that leads to it, as the body of this command."""
        chain = self.take(result)
        name = f"{command.word} {len(self.heads)}"
        self.order[name] = len(self.order)
        self.heads[name] = self.chains[name] = Chain(chain.source, [command], [*chain.named, *list(self.heads)[-1:]])
        self.heads[name].commands = [replace(command, body=Body((self.flow(chain),)))]

    def take(self, name: str) -> Chain:
        """The chain that ends in a tensor, if nothing else reads that; else a new one from there."""
        if self.uses[name] == 1 and name in self.chains:
            return self.chains.pop(name)
        return Chain(name)

    def _merge(self, unit: Unit, branches: tuple[Chain, ...], source: str, depth: int) -> None:
        """Parallel branches are one command."""
        self.uses[source] -= len(branches) - 1
        command = merged(unit.command, [self.flow(chain) for chain in branches], self.shapes[unit.name])
        names = [*unit.named, *(name for chain in branches for name in chain.named)]
        before = self.take(source)
        before.add(command, names, depth, 1 + sum(chain.size for chain in branches))
        join_dense(before.commands)
        self.chains[unit.name] = before

    def flow(self, chain: Chain, *, named: bool = False) -> Flow:
        """A chain as a branch."""
        shape = self.shapes.get(chain.source)
        leaving = self._leaving(chain)
        source = chain.source if named else ""
        result = chain.commands[-1].result if chain.commands else chain.source
        return Flow(tuple(chain.commands), source, result, shape, leaving)

    def _leaving(self, chain: Chain) -> Shape | None:
        return self.shapes.get(chain.commands[-1].result if chain.commands else chain.source)

    # --- what is tangled

    def _join(self, name: str, joint: Joint) -> None:
        """A merge of several tensors: as a nest, if all between them and the last that they share is closed."""
        self.joints[name] = joint
        source = self.dominators.common(chain.source for chain in joint.branches)
        inside = self._closed(name, source) if source else None
        if inside is None:
            return
        members = sorted(inside, key=self.order.__getitem__)
        depth = 1 + max((chain.depth for chain in self._chains_of(members)), default=0)
        if depth > DEEPEST:
            return
        reads = Counter(read for member in members for read in self._reads(member))
        nested = Body(tuple(self._emit(members, source, name)))
        names = [each for member in members for each in self._names(member) if each not in inside and each != source]
        size = sum(self.chains[m].size for m in members if m in self.chains) + len(members)
        for member in members:
            self.chains.pop(member, None)
            self.joints.pop(member, None)
        self.uses[source] -= reads[source] - 1
        before = self.take(source)
        before.add(Command(NEST, body=nested, result=name, entry=source), names, depth, size)
        self.chains[name] = before

    def _closed(self, name: str, source: str) -> set[str] | None:
        """The joints between `source` and `name`, if nothing else reads them."""
        inside, pending = {name}, [name]
        reads: Counter[str] = Counter()
        while pending:
            member = pending.pop()
            reads.update(self._reads(member))
            for read in self._sources(member):
                if read == source or read in inside:
                    continue
                if read not in self.chains and read not in self.joints:
                    return None
                inside.add(read)
                pending.append(read)
                if len(inside) > LARGEST_NEST:
                    return None
        open_ends = any(self.uses[each] > reads[each] for each in inside if each != name)
        return None if open_ends else inside

    def _chains_of(self, names: Iterable[str]) -> Iterator[Chain]:
        for name in names:
            yield from self.joints[name].branches if name in self.joints else (self.chains[name],)

    def _reads(self, name: str) -> list[str]:
        return [*self._sources(name), *self._names(name)]

    def _sources(self, name: str) -> list[str]:
        joint = self.joints.get(name)
        return [each.source for each in joint.branches] if joint is not None else [self.chains[name].source]

    def _names(self, name: str) -> list[str]:
        joint = self.joints.get(name)
        return joint.names if joint is not None else self.chains[name].named

    # --- from joints to flows

    def body(self, entry: str, result: str) -> Body:
        """All that is left, as flows that end in `result`; `entry` is what flows at first."""
        members = sorted([*self.chains, *self.joints], key=self.order.__getitem__)
        flows = self._emit(members, entry, result)
        return Body(tuple(flows if result or not self.heads else self._with_last_head(flows)))

    def _with_last_head(self, flows: list[Flow]) -> list[Flow]:
        """Where heads are all that a network gives, what the last one has read is what flows at the end."""
        name, chain = list(self.heads.items())[-1]
        at = next(number for number, flow in enumerate(flows) if flow.result == name)
        (command,) = chain.commands
        shape = self.shapes.get(chain.source)
        read = Flow((), chain.source, chain.source, shape, shape)
        return [*flows[:at], *flows[at + 1 :], read, Flow((command,), "", name, shape, shape)]

    def _emit(self, members: list[str], entry: str, result: str) -> list[Flow]:
        """The flows that make these tensors, `result` at last; where it can be, each goes on from the one before."""
        flows: list[Flow] = []
        now = entry
        for name in self._in_flow(members, entry, result):
            flows.append(self._statement(name, now))
            now = now if name in self.heads else name
        if result and (now != result or result in {chain.source for chain in self.heads.values()}):
            flows.append(Flow((), result, result, self.shapes.get(result), self.shapes.get(result)))
        return flows

    def _statement(self, name: str, now: str) -> Flow:
        leaving, joint = self.shapes.get(name), self.joints.get(name)
        if name in self.heads:
            return self._head(name, now)
        if joint is None:
            chain = self.chains[name]
            source = "" if chain.source == now else chain.source
            return Flow(tuple(chain.commands), source, name, self.shapes.get(chain.source), leaving)
        ends = name == RESULTS
        branches = [self.flow(chain, named=chain.source != now or ends) for chain in joint.branches]
        return Flow((replace(joint.command, branches=tuple(branches)),), "", name, self.shapes.get(now), leaving)

    def _head(self, name: str, now: str) -> Flow:
        chain = self.heads[name]
        (command,) = chain.commands
        assert command.body is not None
        (flow,) = command.body.flows
        inside = replace(flow, source="" if chain.source == now and flow.commands else chain.source)
        shape = self.shapes.get(now)
        return Flow((replace(command, body=Body((inside,))),), "", name, shape, shape)

    def _in_flow(self, members: list[str], entry: str, result: str) -> Iterator[str]:
        """A topological order in which each goes on from the one before where one can, and which ends in `result`."""
        known = set(members)
        missing = {name: len(known.intersection(self._reads(name))) for name in members}
        readers: dict[str, list[str]] = defaultdict(list)
        for name in sorted(members, key=lambda name: name not in self.heads):
            for read in dict.fromkeys(self._reads(name)):
                readers[read].append(name)
        rank = {name: number for number, name in enumerate(members)}
        rank[result] = len(members)
        ready = [(rank[name], name) for name in members if missing[name] == 0]
        heapq.heapify(ready)
        done: set[str] = set()
        now = entry
        while len(done) < len(members):
            going_on = (name for name in readers[now] if missing[name] == 0 and name not in done)
            chosen = next((name for name in going_on if name != result and now in self._sources(name)), "")
            while not chosen or chosen in done:
                chosen = heapq.heappop(ready)[1]
            yield chosen
            done.add(chosen)
            now = now if chosen in self.heads else chosen
            for reader in readers[chosen]:
                missing[reader] -= 1
                if missing[reader] == 0:
                    heapq.heappush(ready, (rank[reader], reader))
