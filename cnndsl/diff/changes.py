"""What differs between two networks side by side, as edits of their author: each said once, with all places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from cnndsl.analysis.wording import Wording
from cnndsl.diff.likeness import Item, arguments
from cnndsl.diff.pairing import Pair, Paired
from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.tree import Part, layers_in
from cnndsl.records import dataclass

Kind: TypeAlias = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Place:
    """A layer or a whole part of the old network, of the new one, or the layer that it became."""

    old: Item | None
    new: Item | None

    @property
    def item(self) -> Item:
        item = self.new or self.old
        assert item is not None
        return item


@dataclass(frozen=True, slots=True)
class Change:
    """One edit and all places of it, which stand at the same lines.

    layer   the layer as the language writes it, or its word where arguments changed; of a part, what is called there
    detail  what changed in it, `filters 64 -> 128`; empty for what only one network has
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
    for kind, layer, detail, place in (*_edits(old, new, both), *_wiring(old, new, pairs), *_outputs(old, new, pairs)):
        key = (kind, layer, detail, *(line_of(item) for item in (place.old, place.new)))
        found.setdefault(key, (kind, layer, detail, []))[3].append(place)
    return [Change(kind, layer, detail, tuple(places)) for kind, layer, detail, places in found.values()]


def line_of(item: Item | None) -> str:
    """`resnet.arch:12`; empty for nothing."""
    if item is None:
        return ""
    span = item.scope.span if isinstance(item, Part) else item.span
    return f"{span.source.name}:{span.line}"


_Edit: TypeAlias = tuple[Kind, str, str, Place]


def _edits(old: Graph, new: Graph, both: Paired) -> Iterator[_Edit]:
    sides = Wording(old), Wording(new)
    lone = _lone_parts(both.old, both, 0), _lone_parts(both.new, both, 1)
    told: set[tuple[int, str]] = set()
    for pair in both.layers():
        one, other = pair
        if one is not None and other is not None:
            for layer, detail in _op_changes(one, other, *sides):
                yield "changed", layer, detail, Place(one, other)
            continue
        node, side = (one, 0) if one is not None else (other, 1)
        assert node is not None
        item: Item = lone[side].get(node.name, node)
        if (side, path_of(item)) not in told:
            told.add((side, path_of(item)))
            place = Place(None, item) if side else Place(item, None)
            yield "added" if side else "removed", _words(item, sides[side]), "", place


def _lone_parts(root: Part, both: Paired, side: int) -> dict[str, Part]:
    """The outermost parts of which no layer has a partner, by each layer in them."""
    alone = {node.name for pair in both.layers() if None in pair and (node := pair[side]) is not None}
    found: dict[str, Part] = {}
    pending = [item for item in root.items if isinstance(item, Part)]
    while pending:
        part = pending.pop()
        names = [node.name for node in layers_in(part)]
        if alone.issuperset(names):
            found.update(dict.fromkeys(names, part))
        else:
            pending.extend(item for item in part.items if isinstance(item, Part))
    return found


def path_of(item: Item) -> str:
    return item.scope.path if isinstance(item, Part) else item.name


def _words(item: Item, wording: Wording) -> str:
    """As a table says it, and how much is in a part."""
    if isinstance(item, Node):
        return wording.chain((item,))
    layers = item.stop - item.start
    words = wording.scope(item.scope, wording.entries(item))
    return f"{words} ({layers:,} layers)" if layers > 1 else words


def _op_changes(old: Node, new: Node, before: Wording, now: Wording) -> Iterator[tuple[str, str]]:
    """Argument by argument; the whole layer if it has another word."""
    mine, yours = arguments(old.op), arguments(new.op)
    if old.op.word != new.op.word:
        yield before.chain((old,)), f"now {now.chain((new,))}"
        return
    for name in mine:
        if mine[name] != yours[name]:
            yield old.op.word, f"{name} {mine[name]} -> {yours[name]}"
    if old.again != new.again and not (old.again and new.again):
        yield old.op.word, f"weights {_whose(old)} -> {_whose(new)}"


def _whose(node: Node) -> str:
    return f"of {node.again}" if node.again else "of its own"


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
        left, new_ones = _unmatched(before, now)
        gone = [one.inputs[at] for at in left if one.inputs[at] in partner]
        come = [other.inputs[at] for at in new_ones if other.inputs[at] in back]
        place = Place(one, other)
        if gone or come:
            yield "changed", other.op.word, _reading(gone, come), place
        elif len(before) == len(now):
            yield "changed", other.op.word, "reads the same in another order", place


def _unmatched(before: list[frozenset[str]], now: list[frozenset[str]]) -> tuple[list[int], list[int]]:
    """Which of the inputs of before, and of now, are none of the others'."""
    gone, come = [], dict(enumerate(now))
    for at, seen in enumerate(before):
        same = next((other for other, each in come.items() if seen & each), None)
        if same is None:
            gone.append(at)
        else:
            del come[same]
    return gone, list(come)


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
            when = "in training only" if other.train_only else "not only in training"
            yield "changed", f"output {name}", when, place
        if not {partner[each] for each in mine(one.node)} & yours(other.node):
            yield "changed", f"output {name}", f"is {other.node}, no longer {one.node}", place
