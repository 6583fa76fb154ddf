"""What is left of a region when its layers have been taken up, and the order in which this is written as flows."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cnndsl.elaborate.structures.bundling import Group
from cnndsl.lifting.writing.chains import Chain, Joint
from cnndsl.lifting.writing.items import with_items
from cnndsl.lifting.writing.terms import Body, Flow, Item
from cnndsl.ops.base import Shape
from cnndsl.records import replace

Shapes = Mapping[str, Shape]
LARGEST_NEST = 400  # joints


class Region:
    """Chains, joints and heads by what they make, in the `order` in which that came; and bundles with their items.

    `uses` counts how often each tensor is read, outside too.
    """

    def __init__(self, shapes: Shapes, uses: Counter[str]) -> None:
        self.shapes, self.uses = shapes, uses
        self.chains: dict[str, Chain] = {}
        self.joints: dict[str, Joint] = {}
        self.heads: dict[str, Chain] = {}
        self.order: dict[str, int] = {}
        self.bundles: dict[str, tuple[str, ...]] = {}
        self.items: dict[str, Item] = {}
        self.same: dict[str, str] = {}  # groups that are a bundle which is there already

    # --- what reads what

    def name_items(self, bundle: str, items: tuple[str, ...]) -> None:
        if items:
            self.bundles[bundle] = items
        self.items |= {item: Item(bundle, number) for number, item in enumerate(items)}

    def maker(self, name: str) -> str:
        """The chain or joint that a tensor comes from."""
        return self.items[name].bundle if name in self.items else name

    def chains_of(self, names: Iterable[str]) -> Iterator[Chain]:
        for name in names:
            yield from self.joints[name].branches if name in self.joints else (self.chains[name],)

    def reads(self, name: str) -> list[str]:
        """What it reads; of an item of a bundle, the bundle as well."""
        reads = [*self.sources(name), *self.names(name)]
        return [*reads, *(self.items[each].bundle for each in reads if each in self.items)]

    def sources(self, name: str, but: str = "") -> list[str]:
        joint = self.joints.get(name)
        sources = [each.source for each in joint.branches] if joint is not None else [self.chains[name].source]
        return [each for each in sources if each != but]

    def names(self, name: str) -> list[str]:
        joint = self.joints.get(name)
        return joint.names if joint is not None else self.chains[name].named

    def goes_on(self, name: str, now: str) -> bool:
        return now in map(self.maker, self.sources(name))

    def take(self, name: str) -> Chain:
        """The chain that ends in a tensor, if nothing else reads that; else a new one from there."""
        name = self.same.get(name, name)
        if self.uses[name] == 1 and name in self.chains:
            return self.chains.pop(name)
        return Chain(name)

    def fewer(self, source: str, count: int) -> None:
        """A tensor is read so many times less than before."""
        for name in {source, self.maker(source)}:
            self.uses[name] -= count

    def whole(self, branches: Iterable[Chain]) -> str:
        """The bundle that these tensors are, all of them in its order; `""` if they are none."""
        sources = tuple(chain.source for chain in branches)
        bundle = self.maker(sources[0])
        return bundle if self.bundles.get(bundle) == sources else ""

    def all_chains(self) -> list[Chain]:
        return [*self.chains.values(), *(chain for joint in self.joints.values() for chain in joint.branches)]

    def closed(self, name: str, source: str) -> set[str] | None:
        """The joints between `source` and `name`, if nothing else reads them."""
        inside, pending = {name}, [name]
        reads: Counter[str] = Counter()
        while pending:
            member = pending.pop()
            reads.update(self.reads(member))
            for read in map(self.maker, self.sources(member, but=source)):
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

    def flow(self, chain: Chain, *, named: bool = False) -> Flow:
        """A chain as a branch."""
        shape = self.shapes.get(chain.source)
        leaving = self._leaving(chain)
        source = chain.source if named else ""
        result = chain.commands[-1].result if chain.commands else chain.source
        return Flow(tuple(chain.commands), source, result, shape, leaving)

    def _leaving(self, chain: Chain) -> Shape | None:
        return self.shapes.get(chain.commands[-1].result if chain.commands else chain.source)

    # --- from joints to flows

    def flows(self, entry: str, result: str) -> Body:
        """All that there is, as flows that end in `result`; `entry` is what flows at first."""
        members = sorted([*self.chains, *self.joints], key=self.order.__getitem__)
        flows = self.emit(members, entry, result)
        flows = flows if result or not self.heads else self._with_last_head(flows)
        return with_items(Body(tuple(flows)), self.items)

    def _with_last_head(self, flows: list[Flow]) -> list[Flow]:
        """Where heads are all that a network gives, what the last one has read is what flows at the end."""
        name, chain = list(self.heads.items())[-1]
        at = next(number for number, flow in enumerate(flows) if flow.result == name)
        (command,) = chain.commands
        shape = self.shapes.get(chain.source)
        read = Flow((), chain.source, chain.source, shape, shape)
        return [*flows[:at], *flows[at + 1 :], read, Flow((command,), "", name, shape, shape)]

    def emit(self, members: list[str], entry: str, result: str) -> list[Flow]:
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
        is_group = joint.command.word == Group.word
        some = self._some_items(joint) if is_group else None
        if some is not None:
            return Flow((), some, name, self.shapes.get(now), leaving)
        branches = [self.flow(chain, named=chain.source != now or is_group) for chain in joint.branches]
        if is_group and not joint.apart:
            branches = self._together(branches)
        return Flow((replace(joint.command, branches=tuple(branches)),), "", name, self.shapes.get(now), leaving)

    def _some_items(self, joint: Joint) -> Item | None:
        """The items of a bundle, one after another, that a `group` is."""
        items = [self.items.get(chain.source) for chain in joint.branches if not chain.commands]
        first = items[0] if items else None
        if first is None or joint.apart or len(items) != len(joint.branches):
            return None
        run = [Item(first.bundle, number) for number in range(first.number, first.number + len(items))]
        return Item(first.bundle, first.number, run[-1].number + 1) if items == run else None

    def _together(self, branches: Sequence[Flow]) -> list[Flow]:
        """The branches of a `group`, with one in the place of those that are all of a bundle."""
        found, at = list[Flow](), 0
        while at < len(branches):
            bundle = self.maker(str(branches[at].source))
            items = self.bundles.get(bundle, ())
            run = branches[at : at + len(items)]
            if items and tuple(flow.source for flow in run if not flow.commands) == items:
                found.append(Flow((), bundle, bundle))
                at += len(items)
            else:
                found.append(branches[at])
                at += 1
        return found

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
        missing = {name: len(known.intersection(self.reads(name))) for name in members}
        readers: dict[str, list[str]] = defaultdict(list)
        for name in sorted(members, key=lambda name: name not in self.heads):
            for read in dict.fromkeys(self.reads(name)):
                readers[read].append(name)
        rank = {name: number for number, name in enumerate(members)}
        rank[result] = len(members)
        ready = [(rank[name], name) for name in members if missing[name] == 0]
        heapq.heapify(ready)
        done: set[str] = set()
        now = entry
        while len(done) < len(members):
            going_on = (name for name in readers[now] if missing[name] == 0 and name not in done)
            chosen = next((name for name in going_on if name != result and self.goes_on(name, now)), "")
            while not chosen or chosen in done:
                chosen = heapq.heappop(ready)[1]
            yield chosen
            done.add(chosen)
            now = now if chosen in self.heads else chosen
            for reader in readers[chosen]:
                missing[reader] -= 1
                if missing[reader] == 0:
                    heapq.heappush(ready, (rank[reader], reader))
