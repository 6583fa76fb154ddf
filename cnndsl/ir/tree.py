"""The network as the author nested it: scopes within scopes, each with its nodes in order.

`fold` then says "three of these" where neighbours are the same. Tables and pictures are drawn from this; nothing
here recurses, since blocks may nest deeper than Python's stack.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from cnndsl.ir.node import Node, Scope
from cnndsl.ir.scopes import borders, own_name
from cnndsl.ops.base import Op, Shape
from cnndsl.records import dataclass, field, replace
from cnndsl.source import Source


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Part:
    """A scope and what stands in it, in definition order: nodes and further parts.

    Its nodes are `graph.nodes[start:stop]`. `repeats` are the siblings right after it that are the same as it (see
    `fold`); they stand from `stop` to `last.stop`.
    """

    scope: Scope
    items: tuple[Node | Part, ...]
    start: int
    stop: int
    repeats: tuple[Part, ...] = ()

    @property
    def count(self) -> int:
        return 1 + len(self.repeats)

    @property
    def last(self) -> Part:
        """The last of the parts that are folded into this one."""
        return self.repeats[-1] if self.repeats else self


def tree(nodes: Sequence[Node], scopes: Mapping[str, Scope]) -> Part:
    """The scope tree of a graph, from the whole network (path `""`) down. Scopes without nodes are left out."""
    span = nodes[0].span if nodes else Source("", "").span(0, 0)
    opened = [_Opened(scopes.get("") or Scope("", "network", span), 0)]
    for position, (ended, begun) in enumerate(borders(node.name for node in nodes)):
        for _ in ended:
            _close(opened, position)
        opened.extend(_Opened(scopes[path], position) for path in begun)
        opened[-1].items.append(nodes[position])
    while len(opened) > 1:
        _close(opened, len(nodes))
    return opened[0].part(len(nodes))


@dataclass(slots=True)
class _Opened:
    """A part while its nodes are still coming."""

    scope: Scope
    start: int
    items: list[Node | Part] = field(default_factory=list)

    def part(self, stop: int) -> Part:
        return Part(self.scope, tuple(self.items), self.start, stop)


def _close(opened: list[_Opened], stop: int) -> None:
    part = opened.pop().part(stop)
    opened[-1].items.append(part)


def fold(nodes: Sequence[Node], root: Part) -> Part:
    """The tree with runs of equal neighbours folded: the first of them stays and holds the others as `repeats`.

    Two parts are equal if they differ in nothing but position: the same kind of scope calling the same block,
    the same layers of the same shapes under the same names, wired alike inside. Which tensors come in from
    outside is position; their shapes, and whether two of them are one, are not.
    """
    return _Folding(nodes).folded(root)


Entry = tuple[str, Op, Shape, tuple[int, ...]] | tuple[str, int, tuple[int, ...]]
Signature = tuple[str, str | None, tuple[Entry, ...], tuple[Shape, ...]]


class _Folding:
    """Works from the innermost parts outwards, giving equal parts equal numbers."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes
        self.position = {node.name: position for position, node in enumerate(nodes)}
        self.numbers: dict[Signature, int] = {}
        # By path of the part:
        self.number: dict[str, int] = {}
        self.external: dict[str, tuple[int, ...]] = {}  # positions of the nodes it reads from outside
        self.done: dict[str, Part] = {}

    def folded(self, root: Part) -> Part:
        for part in reversed(outermost_first(root)):
            signature, external = self._signature(part)
            path = part.scope.path
            self.number[path] = self.numbers.setdefault(signature, len(self.numbers))
            self.external[path] = external
            self.done[path] = replace(part, items=tuple(self._merged(part.items)))
        return self.done[root.scope.path]

    def _signature(self, part: Part) -> tuple[Signature, tuple[int, ...]]:
        """What must be equal for parts to be equal, and the positions of the nodes it reads from outside."""
        external: dict[int, int] = {}

        def wires(sources: Iterable[int]) -> tuple[int, ...]:
            """Inside, counted from the start of the part: 0, 1, ...; outside, by first use: -1, -2, ..."""
            start = part.start
            return tuple(at - start if at >= start else ~external.setdefault(at, len(external)) for at in sources)

        entries: list[Entry] = []
        for item in part.items:
            if isinstance(item, Part):
                path = item.scope.path
                entries.append((own_name(path), self.number[path], wires(self.external[path])))
            else:
                sources = wires(self.position[source] for source in item.inputs)
                entries.append((own_name(item.name), item.op, item.shape, sources))
        shapes = tuple(self.nodes[at].shape for at in external)
        return (part.scope.kind, part.scope.block, tuple(entries), shapes), tuple(external)

    def _merged(self, items: tuple[Node | Part, ...]) -> Iterator[Node | Part]:
        """Children in their folded form, runs of equal ones as one."""
        for _, run in groupby(items, self._key):
            members = list(run)
            parts = [self.done[item.scope.path] for item in members if isinstance(item, Part)]
            if parts:
                yield replace(parts[0], repeats=tuple(parts[1:]))
            else:
                yield from members

    def _key(self, item: Node | Part) -> int | str:
        return self.number[item.scope.path] if isinstance(item, Part) else item.name


def layers_in(part: Part) -> Iterator[Node]:
    """All nodes of a part, in definition order; what is folded into it is not looked into."""
    pending: list[Node | Part] = [part]
    while pending:
        item = pending.pop()
        if isinstance(item, Part):
            pending.extend(reversed(item.items))
        else:
            yield item


def outermost_first(root: Part) -> list[Part]:
    """All parts in it and itself, none before the one around it."""
    found = [root]
    for part in found:
        found.extend(item for item in part.items if isinstance(item, Part))
    return found
