"""One region of the network as flows: chains in series, merges of parallel branches, and labels for the rest.

Layers are taken up in order. One that alone reads a chain joins it, and a merge whose branches begin at one tensor is
one command of a chain (the reduction of series-parallel networks, Valdes et al. 1982). What is left after that are
joints: tensors that several read. A part between two tensors that is closed to everything else becomes a nest of
flows, so that what is tangled stays inside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from cnndsl.elaborate.structures.bundling import Group
from cnndsl.elaborate.structures.sharing import Again
from cnndsl.lifting.writing.chains import Chain, Joint, Unit
from cnndsl.lifting.writing.dominators import Dominators
from cnndsl.lifting.writing.merges import LONG, SHORT, is_skip, is_zero_pad, join_dense, merged
from cnndsl.lifting.writing.region import Region, Shapes
from cnndsl.lifting.writing.rounds import common_begin, common_end, first_of_each, last_of_each
from cnndsl.lifting.writing.terms import NAMED, NEST, Body, Command, nodes_of
from cnndsl.ops.merge import Add
from cnndsl.records import replace

OF_BUNDLES = ("concat", "add", "mul", "mean", "max")  # that need no braces where one comes
DEEPEST = 12  # merges within merges; what is deeper gets labels


class Reduction(Region):
    """The units of a region, in a topological order."""

    def __init__(self, shapes: Shapes, uses: Counter[str]) -> None:
        super().__init__(shapes, uses)
        self.dominators = Dominators()

    def begin(self, name: str, items: tuple[str, ...] = ()) -> None:
        """What comes from outside: a tensor, or a bundle of these."""
        self.order[name] = len(self.order)
        self.dominators.add(name, ())
        self._unpack(name, items)

    def _unpack(self, bundle: str, items: tuple[str, ...]) -> None:
        self.name_items(bundle, items)
        for item in items:
            self.dominators.add(item, (bundle,))
        if items:
            self.uses[bundle] = sum(self.uses[item] for item in items)

    def add(self, unit: Unit) -> None:
        self.order[unit.name] = len(self.order)
        self.dominators.add(unit.name, unit.sources)
        if unit.command.word == Group.word:
            self._group(unit)
        elif unit.merges and unit.command.word in (NAMED, Again.word):
            self._apply(unit)
        elif unit.merges:
            self._add_merge(unit)
        else:
            alone = is_zero_pad([unit.command])  # of which a residual is made, and nothing goes on as its shortcut
            chain = Chain(unit.sources[0]) if alone else self.take(unit.sources[0])
            chain.add(unit.command, unit.named)
            join_dense(chain.commands)
            self.chains[unit.name] = chain
        self._unpack(unit.name, unit.items)

    def _add_merge(self, unit: Unit) -> None:
        branches = tuple(self.take(source) for source in unit.sources)
        whole = self.whole(branches) if unit.command.word in OF_BUNDLES else ""
        if whole and not any(chain.commands for chain in branches):
            self.fewer(whole, len(branches) - 1)
            self.chains[unit.name] = self.take(whole)
            self.chains[unit.name].add(unit.command)
            return
        sources = {chain.source for chain in branches}
        commands, sizes = [chain.commands for chain in branches], [chain.size for chain in branches]
        skips = is_skip(unit.command.word, commands, sizes)
        if len(sources) == 1 and not skips:
            depth = 1 + max(chain.depth for chain in branches)
            if depth <= DEEPEST:
                self._merge(unit, branches, sources.pop(), depth)
                return
        if unit.command.word == Add.word and sum(map(is_zero_pad, commands)) == 1 and len(branches) == 2:
            self._pad_around(unit, branches)
            return
        if skips:
            branches = tuple(self._standing(chain) for chain in branches)
        self._join(unit.name, Joint(unit.command, branches, unit.named))

    def _pad_around(self, unit: Unit, branches: tuple[Chain, ...]) -> None:
        """A shortcut of zeros, which the language has around a body alone: one that begins with another tensor."""
        around, body = sorted(branches, key=lambda chain: not is_zero_pad(chain.commands))
        flows = [self.flow(body, named=True), self.flow(around)]
        chain = self.take(around.source)
        depth = 1 + max(body.depth, around.depth)
        chain.add(merged(unit.command, flows, self.shapes[unit.name]), [body.source, *body.named], depth, 1 + body.size)
        self.chains[unit.name] = chain

    def _standing(self, chain: Chain) -> Chain:
        """A long branch beside one that waits for it is a flow of its own."""
        return chain if chain.size <= SHORT else self._waiting(chain)

    def _waiting(self, chain: Chain) -> Chain:
        """What reads a chain that has become a flow of its own."""
        self.chains[chain.commands[-1].result] = chain
        return Chain(chain.commands[-1].result)

    # --- bundles

    def _group(self, unit: Unit) -> None:
        """A bundle of several tensors, or the one that they are already."""
        branches = tuple(self._apart(self.take(source)) for source in unit.sources)
        whole = self.whole(branches)
        count = common_end(branches, self.shapes, whole=bool(whole))
        each = last_of_each(branches, count, self.shapes, unit.name) if count else None
        whole = whole if not any(chain.commands for chain in branches) else ""
        if each is None and whole:
            self.same[unit.name] = whole
            self.fewer(whole, len(branches) - self.uses[unit.name])
        elif each is None:
            self._put_together(unit, branches)
        else:
            self.chains[unit.name] = self._before_each(unit, branches, whole)
            self.chains[unit.name].add(each)

    def _before_each(self, unit: Unit, branches: tuple[Chain, ...], whole: str) -> Chain:
        """What an `each` goes on from: a bundle that is there, or a group of these."""
        if whole:
            self.fewer(whole, len(branches) - 1)
            return self.take(whole)
        group = self._before(unit, {chain.source for chain in branches})
        self._put_together(group, branches)
        return self.take(group.name)

    def _before(self, unit: Unit, sources: Iterable[str]) -> Unit:
        """A group that a unit alone reads, which is to be put together."""
        name = f"{unit.name} before"
        self.order[name], self.uses[name] = len(self.order), 1
        self.dominators.add(name, sources)
        return Unit(name, Command(Group.word, result=name), unit.sources, unit.named, merges=True)

    def _apply(self, unit: Unit) -> None:
        """Layers that begin with a merge and are applied again: to a bundle, as the branches differ."""
        group = self._before(replace(unit, named=()), unit.sources)
        self._group(group)
        chain = self.take(group.name)
        chain.add(unit.command, unit.named)
        self.chains[unit.name] = chain

    def _put_together(self, unit: Unit, branches: tuple[Chain, ...]) -> None:
        sources = {chain.source for chain in branches}
        if len(sources) == 1 and "" not in sources:
            self._merge(unit, branches, sources.pop(), 1 + max(each.depth for each in branches))
        else:
            self._join(unit.name, Joint(unit.command, branches, unit.named))

    def _apart(self, chain: Chain) -> Chain:
        """A branch of a `group`, which begins with the merges that it alone reads."""
        joint = self.joints.get(chain.source)
        if joint is None or self.uses[chain.source] > 1:
            return chain
        if joint.command.word == Group.word:
            return self._waiting(chain) if chain.commands else chain
        del self.joints[chain.source]
        found = Chain("", named=[*joint.named])
        flows = []
        for branch in joint.branches:
            before = branch if found.commands else self._apart(Chain(branch.source))
            begins = not before.source  # what flows into the merge is what the merge of this branch gives
            if begins:
                found.add_all(before)
            found.named += branch.named if begins else [branch.source, *branch.named]
            flows.append(self.flow(branch, named=not begins))
        found.add(
            replace(joint.command, branches=tuple(flows)), depth=1, size=sum(each.size for each in joint.branches)
        )
        found.add_all(chain)
        return found

    def end(self, name: str, command: Command, results: Iterable[str], *, apart: bool = False) -> None:
        """A group that ends the region, and never becomes part of a chain; `apart` if its branches have names."""
        chains = [self.take(result) for result in results]
        count = 0 if apart else common_end(chains, self.shapes, whole=False)
        each = last_of_each(chains, count, self.shapes, name) if count else None
        branches = tuple(map(self._ending, chains))
        if each is None:
            self.joints[name] = Joint(command, branches, (), apart)
        else:
            sources = tuple(chain.source for chain in branches)
            group = self._before(Unit(name, command, sources), sources)
            self.joints[group.name] = Joint(group.command, branches, ())
            self.chains[name] = Chain(group.name, [each])
        self.order[name] = len(self.order)

    def _ending(self, chain: Chain) -> Chain:
        """What is one of several results: a long way there is no branch but flows of its own."""
        long = len(nodes_of(Body((self.flow(chain),)))) > LONG
        return self._waiting(chain) if long and chain.commands else self._apart(chain)

    def _apply_to_each(self) -> None:
        """Where the same comes of all tensors of a bundle, it is one command of that."""
        for bundle, items in list(self.bundles.items()):
            readers = self._readers(items)
            count = common_begin(readers, self.shapes) if len(readers) == len(items) else 0
            if count:
                name = f"{bundle} each"
                command = first_of_each(readers, count, self.shapes, name)
                self.order[name] = self.order[bundle]
                self.name_items(name, tuple(chain.source for chain in readers))
                for made in self.bundles[name]:
                    self.chains.pop(made, None)
                self.fewer(bundle, len(items) - 1)
                self.chains[name] = self.take(bundle)
                self.chains[name].add(command)
                self.uses[name] = len(items)

    def _readers(self, items: Iterable[str]) -> list[Chain]:
        """The chains that read these tensors, in their order, if each is read once."""
        found = {chain.source: chain for chain in self.all_chains()}
        return [found[item] for item in items if item in found and self.uses[item] == 1]

    def head(self, command: Command, result: str) -> None:
        """A further output, or a bundle of these: the chain that leads to it, as the body of this command."""
        self.fewer(result, len(self.bundles.get(result, ())[1:]))
        chain = self.take(result)
        name = f"{command.word} {len(self.heads)}"
        self.order[name] = len(self.order)
        self.heads[name] = self.chains[name] = Chain(chain.source, [command], [*chain.named, *list(self.heads)[-1:]])
        self.heads[name].commands = [replace(command, body=Body((self.flow(chain),)))]

    def _merge(self, unit: Unit, branches: tuple[Chain, ...], source: str, depth: int) -> None:
        """Parallel branches are one command."""
        self.fewer(source, len(branches) - 1)
        command = merged(unit.command, [self.flow(chain) for chain in branches], self.shapes.get(unit.name))
        names = [*unit.named, *(name for chain in branches for name in chain.named)]
        before = self.take(source)
        before.add(command, names, depth, 1 + sum(chain.size for chain in branches))
        join_dense(before.commands)
        self.chains[unit.name] = before

    # --- what is tangled

    def _join(self, name: str, joint: Joint) -> None:
        """A merge of several tensors: as a nest, if all between them and the last that they share is closed."""
        self.joints[name] = joint
        source = self.dominators.common(chain.source for chain in joint.branches)
        inside = self.closed(name, source) if source and source not in self.bundles else None
        if inside is None:
            return
        members = sorted(inside, key=self.order.__getitem__)
        depth = 1 + max((chain.depth for chain in self.chains_of(members)), default=0)
        if depth > DEEPEST:
            return
        reads = Counter(read for member in members for read in self.reads(member))
        nested = Body(tuple(self.emit(members, source, name)))
        names = [each for member in members for each in self.names(member)]
        names = [each for each in names if self.maker(each) not in inside and each != source]
        size = sum(self.chains[m].size for m in members if m in self.chains) + len(members)
        for member in members:
            self.chains.pop(member, None)
            self.joints.pop(member, None)
        self.fewer(source, reads[source] - 1)
        before = self.take(source)
        before.add(Command(NEST, body=nested, result=name, entry=source), names, depth, size)
        self.chains[name] = before

    # --- what is left

    def body(self, entry: str, result: str) -> Body:
        """All that is left, as flows that end in `result`; `entry` is what flows at first."""
        self._apply_to_each()
        end = self._dissolved(result)
        return self.flows(entry, end)

    def _dissolved(self, result: str) -> str:
        """Write no group or merge with branches of what is a bundle already; what flows at the end is `result`."""
        became: dict[str, str] = {}
        for name, joint in [*self.joints.items()]:
            bare = not any(chain.commands for chain in joint.branches) and not joint.apart
            whole = self.whole(joint.branches) if bare else ""
            if whole and joint.command.word == Group.word:
                became[name] = whole
                del self.joints[name]
            elif whole and joint.command.word in OF_BUNDLES:
                del self.joints[name]
                self.fewer(whole, len(joint.branches) - 1)
                self.chains[name] = self.take(whole)
                self.chains[name].add(joint.command)
        for chain in self.all_chains():
            chain.source = became.get(chain.source, chain.source)
        return became.get(result, result)
