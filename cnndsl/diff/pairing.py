"""Two networks side by side, as their authors nested them: which layer or part of the old one is which of the new.

From the outside inwards: the items of two parts are paired so that as much as possible agrees, in their
order, and pairs of parts are looked into. What finds no partner is unfolded a level, on both sides, and tried
again, so that a stage that was broken up into layers is no other stage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TypeAlias

from cnndsl.diff.likeness import Item, Likeness, Looks
from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.side_by_side import side_by_side
from cnndsl.ir.tree import Part, layers_in, tree
from cnndsl.records import dataclass

MOST_FLAT = 1_000_000  # pairs of layers that are looked at where the nesting of two networks says little
Pair: TypeAlias = tuple[Node | None, Node | None]
ItemPair: TypeAlias = tuple[Item | None, Item | None]


@dataclass(frozen=True, eq=False)
class Paired:
    """A part with its partner, and what is in them side by side, in the order of the flow."""

    old: Part
    new: Part
    items: tuple[Pair | Paired, ...]

    def layers(self) -> Iterator[Pair]:
        """All layers in it, outermost part first never before its turn."""
        pending: list[Pair | Paired] = [self]
        while pending:
            item = pending.pop()
            if isinstance(item, Paired):
                pending.extend(reversed(item.items))
            else:
                yield item


def paired(old: Graph, new: Graph) -> Paired:
    """The whole of two networks side by side; the other way round it is the same the other way round."""
    roots = tree(old.nodes, old.scopes), tree(new.nodes, new.scopes)
    looks = Looks(roots[0]), Looks(roots[1])
    if looks[0].digest(roots[0]) > looks[1].digest(roots[1]):  # where several ways are as good, both take the same
        return _mirrored(_paired(roots[::-1], Likeness(*looks[::-1])))
    return _paired(roots, Likeness(*looks))


def _paired(roots: tuple[Part, Part], likeness: Likeness) -> Paired:
    """As they are nested, or layer by layer if that leaves half as many alone: another nesting is no change."""
    nested = _nested(roots, likeness)
    one, other = roots
    if _alone(nested) <= 2 * abs((one.stop - one.start) - (other.stop - other.start)):
        return nested
    flat = _flat(roots, likeness)
    return flat if flat is not None and 2 * _alone(flat) < _alone(nested) else nested


def _alone(both: Paired) -> int:
    """How many layers have no partner."""
    return sum(None in pair for pair in both.layers())


def _flat(roots: tuple[Part, Part], likeness: Likeness) -> Paired | None:
    """Without regard to parts; None if that are too many layers."""
    old, new = ([*layers_in(root)] for root in roots)
    if len(old) * len(new) > MOST_FLAT:
        return None
    pairs: list[Pair] = side_by_side(old, new, likeness.same, likeness.score)
    return Paired(*roots, tuple(pairs))


def _nested(roots: tuple[Part, Part], likeness: Likeness) -> Paired:
    order: list[tuple[Part, Part, list[ItemPair]]] = []
    pending = [roots]
    while pending:
        one, other = pending.pop()
        items = _with_unfolded(likeness, one.items, other.items)
        order.append((one, other, items))
        pending.extend(pair for pair in items if isinstance(pair[0], Part) and isinstance(pair[1], Part))  # type: ignore[misc]
    done: dict[str, Paired] = {}
    for one, other, items in reversed(order):  # innermost first
        done[one.scope.path] = Paired(one, other, tuple(_finished(items, done)))
    return done[roots[0].scope.path]


def _mirrored(both: Paired) -> Paired:
    """The same with old and new in each other's place."""
    done: dict[str, Paired] = {}
    for part in reversed(outermost_first(both)):
        items = (done[item.old.scope.path] if isinstance(item, Paired) else item[::-1] for item in part.items)
        done[part.old.scope.path] = Paired(part.new, part.old, tuple(items))
    return done[both.old.scope.path]


def outermost_first(both: Paired) -> list[Paired]:
    """All parts in it and itself, none before the one around it."""
    found = [both]
    for part in found:
        found.extend(item for item in part.items if isinstance(item, Paired))
    return found


def _finished(items: Sequence[ItemPair], done: dict[str, Paired]) -> Iterator[Pair | Paired]:
    for one, other in items:
        if isinstance(one, Part) and isinstance(other, Part):
            yield done[one.scope.path]
        else:
            assert not isinstance(one, Part) and not isinstance(other, Part)
            yield one, other


@dataclass(frozen=True, eq=False)
class _Stretch:
    """Neighbours on both sides of which none has a partner yet."""

    old: tuple[Item, ...]
    new: tuple[Item, ...]

    @property
    def flat(self) -> bool:
        return not any(isinstance(item, Part) for item in (*self.old, *self.new))

    def unfolded(self) -> _Stretch:
        return _Stretch(*(tuple(_opened(items)) for items in (self.old, self.new)))

    def alone(self) -> Iterator[ItemPair]:
        yield from ((item, None) for item in self.old)
        yield from ((None, item) for item in self.new)


def _opened(items: Sequence[Item]) -> Iterator[Item]:
    for item in items:
        yield from item.items if isinstance(item, Part) else (item,)


def _with_unfolded(likeness: Likeness, old: Sequence[Item], new: Sequence[Item]) -> list[ItemPair]:
    """Items side by side; parts among them only in pairs."""
    found: list[ItemPair] = []
    pending: list[_Stretch | ItemPair] = [_Stretch(tuple(old), tuple(new))]
    while pending:
        piece = pending.pop()
        if isinstance(piece, _Stretch):
            pending.extend(reversed(list(_pieces(likeness, piece))))
        else:
            found.append(piece)
    return found


def _pieces(likeness: Likeness, stretch: _Stretch) -> Iterator[_Stretch | ItemPair]:
    """The pairs in a stretch, and what is left between them, unfolded a level."""
    beside: list[ItemPair] = side_by_side(stretch.old, stretch.new, likeness.same, likeness.score)
    for alone, run in groupby(beside, lambda pair: None in pair):
        pairs = list(run)
        if not alone:
            yield from pairs
            continue
        left = _Stretch(tuple(one for one, _ in pairs if one), tuple(other for _, other in pairs if other))
        if left.flat:
            yield from left.alone()
        else:
            yield left.unfolded()
