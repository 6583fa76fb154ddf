"""What a change costs: parameters, MACs and activations of every part that two networks share, before and after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cnndsl.analysis.cost import Cost, costs, total
from cnndsl.analysis.facts import Facts
from cnndsl.diff.pairing import Pair, Paired, outermost_first
from cnndsl.ir.tree import Part
from cnndsl.records import dataclass

NOTHING = Cost()


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the old network and what it became; the whole has an empty path and level 0.

    Layers that stand in a part but in none of those that both networks have inside it come as one block without a
    path of its own, so that the blocks of each level add up to the one around them. Costs are for one sample in
    float32, outside of training; a field is (height, width) in pixels, of what flows out.
    """

    old_path: str
    new_path: str
    level: int
    old: Cost
    new: Cost
    old_field: tuple[int, int] = (0, 0)
    new_field: tuple[int, int] = (0, 0)
    rest: bool = False


def blocks(old: Facts, new: Facts, both: Paired) -> list[Block]:
    """All parts that both networks have, the outermost first."""
    return list(_Counting(old, new).blocks(both))


class _Counting:
    def __init__(self, old: Facts, new: Facts) -> None:
        self.old, self.new = old, new
        self.costs = costs(old.inference), costs(new.inference)
        self.sums: dict[str, tuple[Cost, Cost]] = {}

    def blocks(self, both: Paired) -> Iterator[Block]:
        for part in reversed(outermost_first(both)):
            inner = [self.sums[item.old.scope.path] for item in part.items if isinstance(item, Paired)]
            self.sums[part.old.scope.path] = _together([self._direct(part), *inner])
        pending = [(both, 0)]
        while pending:
            part, level = pending.pop()
            yield self._block(part, level)
            inside = [item for item in part.items if isinstance(item, Paired)]
            pending.extend((item, level + 1) for item in reversed(inside))
            if inside and len(inside) < len(part.items):
                old, new = self._direct(part)
                paths = part.old.scope.path, part.new.scope.path
                yield Block(*paths, level + 1, old, new, rest=True)

    def _direct(self, part: Paired) -> tuple[Cost, Cost]:
        """What the layers cost that stand in the part itself."""
        pairs = [item for item in part.items if not isinstance(item, Paired)]
        return self._side(pairs, 0), self._side(pairs, 1)

    def _side(self, pairs: Iterable[Pair], side: int) -> Cost:
        known: Mapping[str, Cost] = self.costs[side]
        nodes = (pair[side] for pair in pairs)
        return total([NOTHING, *(known.get(node.name, NOTHING) for node in nodes if node is not None)])

    def _block(self, part: Paired, level: int) -> Block:
        paths = part.old.scope.path, part.new.scope.path
        return Block(*paths, level, *self.sums[paths[0]], _field(self.old, part.old), _field(self.new, part.new))


def _field(facts: Facts, part: Part) -> tuple[int, int]:
    if part.start == part.stop:  # a network that broke off before its first layer
        return 0, 0
    return facts.fields[facts.graph.nodes[part.stop - 1].name].size


def _together(sides: Iterable[tuple[Cost, Cost]]) -> tuple[Cost, Cost]:
    old, new = zip(*sides, strict=True)
    return total(old), total(new)
