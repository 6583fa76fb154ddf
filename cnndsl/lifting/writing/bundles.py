"""Parts into which several tensors go, or out of which several come: which of them are worth a block.

A block of one tensor can always be written out where it stands; one of several is made only if the source has it more
than once, of the same layers and long enough.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence

from cnndsl.ir import Graph
from cnndsl.lifting.writing.chains import Unit
from cnndsl.lifting.writing.stages import is_container
from cnndsl.ops import find
from cnndsl.ops.merge import Concat
from cnndsl.records import dataclass

MOST = 16  # tensors that go in or come out
AROUND = 3  # lines of a block beside its body
CALL = 2  # lines of a call: what goes in, and the block
LEAST = 4  # lines that it must save


@dataclass(frozen=True)
class _Part:
    """What stands in a scope: its units, and what they read from outside, by first use."""

    path: str
    members: tuple[str, ...]
    entries: tuple[str, ...]
    exits: tuple[str, ...]


def of_several(graph: Graph, units: Mapping[str, Unit], kinds: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The scopes that become blocks of several tensors, and what goes into each, in order."""
    uses = Counter(read for unit in units.values() for read in (*unit.sources, *unit.named))
    uses.update(output.node for output in graph.outputs)
    alike: dict[Hashable, list[_Part]] = defaultdict(list)
    for scope, members in _members(graph, units, kinds).items():
        part = _part(scope, members, units, uses)
        if part is not None:
            alike[_key(part, units)].append(part)
    position = {node.name: number for number, node in enumerate(graph)}
    found: dict[str, tuple[str, ...]] = {}
    for parts in alike.values():
        if _is_worth(parts, units):
            order = Counter(_order(part, position) for part in parts).most_common(1)[0][0]
            found |= {part.path: tuple(part.entries[number] for number in order) for part in parts}
    return found


def _members(graph: Graph, units: Mapping[str, Unit], kinds: Iterable[str]) -> dict[str, list[str]]:
    """The units in each scope that may be such a part, in the order of the graph; none that only hold another."""
    members: dict[str, list[str]] = defaultdict(list)
    for name in units:
        for scope in graph.scopes_around(name):
            if scope.path and scope.kind in kinds and not is_container(scope):
                members[scope.path].append(name)
    innermost = {tuple(names): path for path, names in sorted(members.items())}
    return {path: members[path] for path in innermost.values()}


def _part(path: str, members: Sequence[str], units: Mapping[str, Unit], uses: Counter[str]) -> _Part | None:
    inside = set(members)
    reads = Counter(read for name in members for read in (*units[name].sources, *units[name].named))
    entries = tuple(name for name in reads if name not in inside)
    exits = tuple(name for name in members if uses[name] > reads[name])
    joins = any(units[name].command.word == Concat.word and set(units[name].sources) <= {*entries} for name in exits)
    several = (len(entries) > 1 or len(exits) > 1) and not joins  # a layer of a dense block hands on all before it
    few = 0 < len(entries) <= MOST and 0 < len(exits) <= MOST
    return _Part(path, tuple(members), entries, exits) if several and few else None


def _key(part: _Part, units: Mapping[str, Unit]) -> Hashable:
    """What must be equal for two parts to be of the same layers, numbers aside."""
    places = {name: number for number, name in enumerate((*part.entries, *part.members))}
    layers = []
    for name in part.members:
        unit = units[name]
        reads = tuple(places[read] for read in unit.sources), tuple(places[read] for read in unit.named)
        layers.append((unit.command.word, reads))
    return tuple(layers), len(part.entries), tuple(places[name] for name in part.exits)


def _is_worth(parts: Sequence[_Part], units: Mapping[str, Unit]) -> bool:
    """Whether a block and its calls are shorter than what they stand for, by about one line for each convolution."""
    lines = 0
    for name in parts[0].members:
        kind = find(units[name].command.word)
        lines += kind is None or kind.weighted or units[name].merges
    count = len(parts)
    return count * lines - (lines + AROUND + count * CALL) >= LEAST


def _order(part: _Part, position: Mapping[str, int]) -> tuple[int, ...]:
    """The order of what goes in as it was made before."""
    return tuple(sorted(range(len(part.entries)), key=lambda number: position[part.entries[number]]))
