"""How much two layers or two parts of networks have in common: which of them an author would call the same, changed."""

from __future__ import annotations

from collections import Counter
from hashlib import sha1
from typing import TypeAlias

from cnndsl.ir.graph import Node
from cnndsl.ir.scopes import own_name
from cnndsl.ir.tree import Part, outermost_first
from cnndsl.ops.base import Op

Item: TypeAlias = Node | Part

# Layers that may stand for each other: a pair of them is one change, not one taken away and one added.
FAMILIES = {
    **dict.fromkeys(("conv", "ws_conv", "linear"), "convolution"),
    **dict.fromkeys(
        (f"{how}{kind}pool" for how in ("", "global_", "adaptive_") for kind in ("max", "avg")),
        "pool",
    ),
    **dict.fromkeys(("bn", "layer_norm", "group_norm", "instance_norm", "grn", "lrn"), "norm"),
    **dict.fromkeys(("dropout", "drop_path"), "dropping"),
    **dict.fromkeys(("add", "concat", "mul", "max", "sub", "weighted_add"), "merge"),
}
SAME = 12  # two layers with nothing different
SIMILAR = 8  # each layer that two parts share
CALLED_ALIKE = 3  # more for each of those, if the parts are also called alike; a third of it for two layers
LEAST_SHARED = 0.4  # of the layers of the larger part, or of the smaller if both are called alike


def family(op: Op) -> str:
    """What kind of layer it is, for those that may change into each other."""
    return FAMILIES.get(op.word, "activation" if op.pointwise and op.function is not None else op.word)


def arguments(op: Op) -> dict[str, str]:
    """The arguments of a layer by name, with their values as the language writes them."""
    values = ((each, getattr(op, each.name)) for each in op.signature())
    return {each.name: "none" if value is None else each.kind.show(value) for each, value in values}


class Looks:
    """What parts look like: of each a digest of all that is in it, and how often it has which layer.

    Names that the author gave count little and places in the text not at all. Both are known once for every part, so
    that comparing two of them takes no walk.
    """

    def __init__(self, root: Part) -> None:
        self.digests: dict[str, str] = {}
        self.layers: dict[str, Counter[str]] = {}
        for part in reversed(outermost_first(root)):
            path = part.scope.path
            texts = [self.digest(item) for item in part.items]
            head = f"{part.scope.kind} {part.scope.block}"
            self.digests[path] = sha1("\n".join([head, *texts]).encode(), usedforsecurity=False).hexdigest()
            counted: Counter[str] = Counter()
            for item in part.items:
                counted.update(self.layers[item.scope.path] if isinstance(item, Part) else (family(item.op),))
            self.layers[path] = counted

    def digest(self, item: Item) -> str:
        return self.digests[item.scope.path] if isinstance(item, Part) else str(item.op)


class Likeness:
    """Scores pairs of items of two networks: the higher, the rather are they the same; 0 if they cannot be."""

    def __init__(self, old: Looks, new: Looks) -> None:
        self.old, self.new = old, new
        self._known: dict[tuple[str, str], int] = {}

    def same(self, one: Item, other: Item) -> bool:
        """Whether nothing in them differs, and neither how they are called."""
        return self.old.digest(one) == self.new.digest(other) and called(one) == called(other)

    def score(self, one: Item, other: Item) -> int:
        if isinstance(one, Part) and isinstance(other, Part):
            return self._parts(one, other)
        return self._layers(one, other) if isinstance(one, Node) and isinstance(other, Node) else 0

    def _layers(self, one: Node, other: Node) -> int:
        key = self.old.digest(one), self.new.digest(other)
        if key not in self._known:
            self._known[key] = _ops(one.op, other.op)
        content = self._known[key]
        return content + CALLED_ALIKE // 3 if content and called(one) == called(other) else content

    def _parts(self, one: Part, other: Part) -> int:
        mine, yours = self.old.layers[one.scope.path], self.new.layers[other.scope.path]
        shared, sizes = (mine & yours).total(), (mine.total(), yours.total())
        alike = called(one) == called(other)
        if shared < LEAST_SHARED * (min if alike else max)(sizes):
            return 0
        same = self.old.digest(one) == self.new.digest(other)
        return shared * ((SAME if same else SIMILAR) + CALLED_ALIKE * alike)


def _ops(one: Op, other: Op) -> int:
    if family(one) != family(other):
        return 0
    mine, yours = arguments(one), arguments(other)
    if one.word == other.word and mine == yours:
        return SAME
    agreeing = sum(name in yours and yours[name] == value for name, value in mine.items())
    most = max(len(mine), len(yours), 1)
    return 4 + 3 * (one.word == other.word) + 4 * agreeing // most


def called(item: Item) -> str:
    """The last word of its path."""
    return own_name(item.scope.path if isinstance(item, Part) else item.name)
