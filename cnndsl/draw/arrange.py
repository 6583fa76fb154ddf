"""Structure before geometry: the items of a frame as stacks (one after the other) and rows (side by side).

Networks are nearly series-parallel. An item that all others come before or after stands alone in the stack; what is
between two such items falls apart into branches, which stand side by side and are stacks again. What does not fall
apart is laid out rank by rank.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cnndsl.ir.upstream import upstream

DEEPEST = 100  # rows in rows; deeper ones are laid out rank by rank


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """One after the other, top to bottom; a wire may pass beside what it skips."""

    children: tuple[Arrangement, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """Side by side; no wire leads from one to another."""

    children: tuple[Arrangement, ...]


Arrangement: TypeAlias = str | Stack | Row


@dataclass(frozen=True, slots=True)
class Plan:
    """The main part of a frame, and on its side what does not contribute to its results (heads)."""

    main: Stack
    sides: tuple[Arrangement, ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """Who reads whom among the items of a frame: `readers` of an item, and its `sources`."""

    readers: Mapping[str, set[str]]
    sources: Mapping[str, set[str]]

    @classmethod
    def of(cls, items: Iterable[str], edges: Iterable[tuple[str, str]]) -> Flow:
        readers: dict[str, set[str]] = {item: set() for item in items}
        sources: dict[str, set[str]] = {item: set() for item in readers}
        for source, reader in edges:
            readers[source].add(reader)
            sources[reader].add(source)
        return cls(readers, sources)

    @property
    def turned(self) -> Flow:
        return Flow(self.sources, self.readers)


def plan(items: Iterable[str], flow: Flow, results: Iterable[str]) -> Plan:
    """Arrange the items of a frame, given in a topological order; `results` are those that count outside of it."""
    order = list(items)
    main = upstream(results, flow.sources.__getitem__) or set(order)
    arranged = arrange([item for item in order if item in main], flow)
    stack = arranged if isinstance(arranged, Stack) else Stack((arranged,))
    sides = [item for item in order if item not in main]
    return Plan(stack, tuple(arrange(part, flow) for part in _components(sides, flow)))


def arrange(items: list[str], flow: Flow, nested: int = 0) -> Arrangement:
    """Items in a topological order as stacks and rows; only the wires between them matter."""
    parts = _components(items, flow)
    if len(parts) > 1:
        return Row(tuple(arrange(part, flow, nested + 1) for part in parts))
    if len(items) == 1:
        return items[0]
    spine = _spine(items, flow) if nested <= DEEPEST else set()
    children = _between(items, spine, flow, nested) if spine else _ranks(items, flow)
    return Stack(tuple(children))


def _between(items: list[str], spine: set[str], flow: Flow, nested: int) -> Iterator[Arrangement]:
    """The items of the spine, and what stands between them."""
    between: list[str] = []
    for item in items:
        if item not in spine:
            between.append(item)
            continue
        if between:
            yield arrange(between, flow, nested + 1)
        yield item
        between = []
    if between:
        yield arrange(between, flow, nested + 1)


def _components(items: list[str], flow: Flow) -> list[list[str]]:
    """The items in groups that no wire joins, each in the given order, and by their first."""
    group: dict[str, int] = {}
    inside = set(items)
    for number, first in enumerate(items):
        pending = [first]
        while pending:
            item = pending.pop()
            if item in inside and item not in group:
                group[item] = number
                pending.extend(flow.readers[item])
                pending.extend(flow.sources[item])
    groups: dict[int, list[str]] = {}
    for item in items:
        groups.setdefault(group[item], []).append(item)
    return list(groups.values())


def _spine(items: list[str], flow: Flow) -> set[str]:
    """The items that each other one comes before or after."""
    after = dict(_alone(items, flow))
    before = dict(_alone(items[::-1], flow.turned))
    return {item for item in after.keys() & before.keys() if after[item] + before[item] == len(items) - 1}


def _alone(items: list[str], flow: Flow) -> Iterator[tuple[str, int]]:
    """The items that, taken in this topological order, are the only one that can come next, so that all later ones
    depend on it; each with the number of those."""
    inside = set(items)
    waiting = {item: len(flow.sources[item] & inside) for item in items}
    ready = sum(not count for count in waiting.values())
    for taken, item in enumerate(items, start=1):
        if ready == 1:
            yield item, len(items) - taken
        ready -= 1
        for reader in flow.readers[item] & inside:
            waiting[reader] -= 1
            ready += not waiting[reader]


def _ranks(items: list[str], flow: Flow) -> Iterator[Arrangement]:
    """The items by the length of the longest way to them."""
    rank: dict[str, int] = {}
    for item in items:
        rank[item] = 1 + max((rank[source] for source in flow.sources[item] if source in rank), default=-1)
    ranks: defaultdict[int, list[str]] = defaultdict(list)
    for item in items:
        ranks[rank[item]].append(item)
    for number in sorted(ranks):
        yield ranks[number][0] if len(ranks[number]) == 1 else Row(tuple(ranks[number]))
