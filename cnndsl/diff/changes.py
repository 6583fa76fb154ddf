"""What differs between two networks side by side, as edits an author could have made: each said once, with all places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cnndsl.diff.likeness import arguments
from cnndsl.diff.pairing import Pair, Paired
from cnndsl.ir.graph import Graph, Node

Kind: TypeAlias = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Place:
    """A layer of the old network, of the new one, or the one that it became."""

    old: Node | None
    new: Node | None

    @property
    def node(self) -> Node:
        node = self.new or self.old
        assert node is not None
        return node


@dataclass(frozen=True, slots=True)
class Change:
    """One edit and all places of it, which stand at the same lines.

    layer   the layer as the language writes it, or its word where arguments changed
    detail  what changed in it, `filters 64 -> 128`; empty for layers that only one network has
    """

    kind: Kind
    layer: str
    detail: str
    places: tuple[Place, ...]

    @property
    def text(self) -> str:
        return f"{self.layer}: {self.detail}" if self.detail else self.layer


def changes(old: Graph, new: Graph, both: Paired) -> list[Change]:
    """All changes, in the order of the flow."""
    pairs = list(both.layers())
    found: dict[tuple[object, ...], tuple[Kind, str, str, list[Place]]] = {}
    for kind, layer, detail, place in (*_edits(pairs), *_wiring(old, new, pairs), *_outputs(old, new, pairs)):
        key = (kind, layer, detail, *(_line(node) for node in (place.old, place.new)))
        found.setdefault(key, (kind, layer, detail, []))[3].append(place)
    return [Change(kind, layer, detail, tuple(places)) for kind, layer, detail, places in found.values()]


def _line(node: Node | None) -> tuple[str, int] | None:
    return (node.span.source.name, node.span.line) if node else None


_Edit: TypeAlias = tuple[Kind, str, str, Place]


def _edits(pairs: list[Pair]) -> Iterator[_Edit]:
    for old, new in pairs:
        place = Place(old, new)
        if old is None or new is None:
            yield "removed" if new is None else "added", str(place.node.op), "", place
            continue
        for layer, detail in _op_changes(old, new):
            yield "changed", layer, detail, place


def _op_changes(old: Node, new: Node) -> Iterator[tuple[str, str]]:
    """The word alone, if the arguments that both have are the same; else argument by argument."""
    mine, yours = arguments(old.op), arguments(new.op)
    if old.op.word != new.op.word:
        yield str(old.op), f"now {new.op}"
        return
    for name in mine:
        if mine[name] != yours[name]:
            yield old.op.word, f"{name} {mine[name]} -> {yours[name]}"


# --- who reads whom


class _Reach:
    """What a layer reads among those with a partner, seen through those without."""

    def __init__(self, graph: Graph, paired: set[str]) -> None:
        self.paired = paired
        self._known: dict[str, frozenset[str]] = {}
        for node in graph:
            through = frozenset[str]().union(*(self._known[source] for source in node.inputs))
            self._known[node.name] = frozenset({node.name}) if node.name in paired else through

    def __call__(self, name: str) -> frozenset[str]:
        return self._known[name]


def _wiring(old: Graph, new: Graph, pairs: list[Pair]) -> Iterator[_Edit]:
    """Pairs that read other layers, where no layer that only one network has explains it."""
    partner = {one.name: other.name for one, other in pairs if one and other}
    back = {theirs: ours for ours, theirs in partner.items()}
    mine, yours = _Reach(old, set(partner)), _Reach(new, set(back))
    for one, other in pairs:
        if one is None or other is None:
            continue
        before = [frozenset(partner[name] for name in mine(source)) for source in one.inputs]
        now = [yours(source) for source in other.inputs]
        if len(before) == len(now) and all(a & b for a, b in zip(before, now, strict=True)):
            continue
        gone = [s for s, seen in zip(one.inputs, before, strict=True) if s in partner and not _among(seen, now)]
        come = [s for s, seen in zip(other.inputs, now, strict=True) if s in back and not _among(seen, before)]
        place = Place(one, other)
        if gone or come:
            yield "changed", other.op.word, _reading(gone, come), place
        elif len(before) == len(now):
            yield "changed", other.op.word, "reads the same in another order", place


def _among(seen: frozenset[str], others: list[frozenset[str]]) -> bool:
    return any(seen & each for each in others)


def _reading(gone: list[str], come: list[str]) -> str:
    if gone and come:
        return f"reads {', '.join(come)}, no longer {', '.join(gone)}"
    return f"reads also {', '.join(come)}" if come else f"no longer reads {', '.join(gone)}"


def _outputs(old: Graph, new: Graph, pairs: list[Pair]) -> Iterator[_Edit]:
    """Results that only one network has, or that end at another layer."""
    partner = {one.name: other.name for one, other in pairs if one and other}
    mine, yours = _Reach(old, set(partner)), _Reach(new, set(partner.values()))
    before, now = ({output.name: output for output in graph.outputs} for graph in (old, new))
    for name in dict.fromkeys((*before, *now)):
        one, other = before.get(name), now.get(name)
        place = Place(old[one.node] if one else None, new[other.node] if other else None)
        if one is None or other is None:
            yield "removed" if other is None else "added", f"output {name}", "", place
            continue
        if one.train_only != other.train_only:
            yield "changed", f"output {name}", "in training only" if other.train_only else "not in training alone", place
        if not {partner[each] for each in mine(one.node)} & yours(other.node):
            yield "changed", f"output {name}", f"is {other.node}, no longer {one.node}", place
