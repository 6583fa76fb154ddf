"""A network reduced to what can be compared across frameworks: units, their facts, their tensors, and who reads whom.

The same normal form is made of our graphs and of traced foreign modules: what only moves or passes values on is gone,
chains of a merge are one, and padding and skipped pixels belong to the convolution behind them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import prod

from cnndsl.ir.upstream import upstream
from cnndsl.ops.base import Shape
from cnndsl.ops.images import Pair, Sides

Facts = Mapping[str, str]

# Merges whose arguments may change places.
COMMUTATIVE = frozenset({"add", "mul", "max"})
# Channels of an image: grey, or red, green and blue.
COLOURS = (1, 3)
# Merges of which a chain is one.
ASSOCIATIVE = frozenset({"concat", "add", "mul", "max"})
# What acts in training alone.
TRAINING = frozenset({"dropout", "drop_path"})
NOT_TRACED = "drop_path"  # leaves no trace in a module that is not training


@dataclass(frozen=True, slots=True)
class Slot:
    """A tensor by its name in a state dict."""

    name: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class Unit:
    """One step of a network.

    `name` is unique in its skeleton, and the prefix of its tensors' names if it has any; `facts` are shown values by
    name; `slots` are its tensors by role: weight, bias, mean, variance. `node` is that of its network.
    """

    name: str
    kind: str
    facts: Facts
    inputs: tuple[str, ...]
    shape: Shape
    slots: Mapping[str, Slot] = field(default_factory=dict)
    node: str = ""

    @property
    def ordered(self) -> bool:
        """Does the order of its inputs matter?"""
        return self.kind not in COMMUTATIVE

    @property
    def joint(self) -> bool:
        """Does it hold the structure together? The others only stand between two joints."""
        return bool(self.slots) or len(self.inputs) != 1 or self.kind == "channel_slice"

    @property
    def params(self) -> int:
        """Learned values: running statistics are not."""
        return sum(prod(slot.shape) for role, slot in self.slots.items() if role in ("weight", "bias"))

    @property
    def weighted(self) -> bool:
        """Counts in `depth`, and multiplies."""
        return self.kind in ("conv", "dense", "conv_transpose", "channel_conv", "ws_conv")

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one sample, as `cnndsl summary` counts them."""
        if not self.weighted:
            return 0
        if self.kind == "conv_transpose":
            return int(self.facts["inputs"]) * prod(self.slots["weight"].shape[1:])
        return prod(self.shape) * prod(self.slots["weight"].shape[1:])

    def __str__(self) -> str:
        return " ".join([self.kind, ", ".join(f"{name} {value}" for name, value in self.facts.items())]).strip()


@dataclass(frozen=True)
class Skeleton:
    """A network in normal form: units in a topological order, and the names of its results, the main one first."""

    title: str
    units: tuple[Unit, ...]
    outputs: tuple[str, ...]
    _by_name: Mapping[str, Unit] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {unit.name: unit for unit in self.units})

    def __getitem__(self, name: str) -> Unit:
        return self._by_name[name]

    @property
    def params(self) -> int:
        return sum(unit.params for unit in first_uses(self.units))

    @property
    def macs(self) -> int:
        return sum(unit.macs for unit in self.units)

    @property
    def depth(self) -> int:
        """Layers with weights on the longest path."""
        longest: dict[str, int] = {}
        for unit in self.units:
            before = max((longest[source] for source in unit.inputs), default=0)
            longest[unit.name] = before + unit.weighted
        return max(longest.values(), default=0)

    def joint_before(self, name: str) -> tuple[str, tuple[Unit, ...]]:
        """The nearest joint at or above a unit, and the units from there to it, in the order of flow."""
        passed: list[Unit] = []
        unit = self[name]
        while not unit.joint:
            passed.append(unit)
            unit = self[unit.inputs[0]]
        return unit.name, tuple(reversed(passed))

    def classifiers(self) -> tuple[str, ...]:
        """The heads, and the layers of vectors before them."""
        found = list(self.heads())
        for name in found:  # grows
            before = self.joint_before(self[name].inputs[0])[0]
            if self[before].slots and len(self[before].shape) == 1 and before not in found:
                found.append(before)
        return tuple(found)

    def stems(self) -> tuple[str, ...]:
        """The convolutions that read an image, grey or in colours."""
        return tuple(unit.name for unit in self.units if self._reads_image(unit))

    def _reads_image(self, unit: Unit) -> bool:
        if unit.kind not in ("conv", "dense") or unit.facts.get("groups", "1") != "1":
            return False
        image = self[self.joint_before(unit.inputs[0])[0]]
        channels = image.shape[0] if image.kind == "input" else 0
        return channels in COLOURS and unit.facts["channels"] == str(channels)

    def flattened(self, unit: Unit) -> Shape:
        """The image of more than one pixel that a layer with weights reads as a vector; () if it does not.

        Neither is it one where the network says in which order the values stand.
        """
        weight = unit.slots["weight"].shape if "weight" in unit.slots else ()
        if len(weight) not in (2, 4):
            return ()
        image = weight[1:] if len(weight) == 4 else self._image_before(unit)
        return image if len(image) == 3 and prod(image[1:]) > 1 and prod(image) == prod(weight[1:]) else ()

    def _image_before(self, unit: Unit) -> Shape:
        """What a layer reads before it was flattened, if it was, in the order that nobody has to say."""
        source = self[unit.inputs[0]]
        while len(source.shape) == 1 and not source.joint:
            if source.kind == "flatten":
                return ()
            source = self[source.inputs[0]]
        return source.shape

    def part(self, outputs: int) -> Skeleton:
        """What the first `outputs` outputs need."""
        kept = self.outputs[:outputs]
        return Skeleton(self.title, needed(self._by_name, kept), kept)

    def heads(self) -> tuple[str, ...]:
        """The last layers with filters or features before each output, where nothing but pointwise things follows."""
        last = (self.joint_before(output)[0] for output in self.outputs)
        return tuple(name for name in dict.fromkeys(last) if self[name].weighted)


def needed(units: Mapping[str, Unit], outputs: Iterable[str]) -> tuple[Unit, ...]:
    """The units that outputs depend on, and all inputs, in their order."""
    found = upstream(outputs, lambda name: units[name].inputs)
    return tuple(unit for unit in units.values() if unit.name in found or unit.kind == "input")


class Builder:
    """Puts a skeleton together in its normal form; `add` gives the name under which later units read the result."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._units: dict[str, Unit] = {}
        self._pads: dict[str, tuple[Sides, float]] = {}
        self._skips: dict[str, Pair] = {}

    def add(self, unit: Unit) -> str:
        if unit.kind == "identity" or (unit.kind in ASSOCIATIVE and len(unit.inputs) == 1):
            return unit.inputs[0]
        if unit.kind in ASSOCIATIVE:
            unit = replace(unit, inputs=tuple(self._spread(unit)))
        name = self._free(unit.name)
        self._units[name] = replace(unit, name=name)
        return name

    def pad(self, unit: Unit, sides: Sides, value: float) -> str:
        """Add padding with a value, which may belong to the layer behind it."""
        name = self.add(unit)
        self._pads[name] = sides, value
        return name

    def skip(self, unit: Unit, stride: Pair) -> str:
        """Add a layer that hands on every n-th row and column, which may be the stride of the layer behind it."""
        name = self.add(unit)
        self._skips[name] = stride
        return name

    def unpadded(self, name: str, sides: Sides, value: float = 0.0) -> tuple[str, Sides]:
        """What a layer that pads by `sides` with a value really reads, and all of its padding."""
        more, with_value = self._pads.get(name, ((0, 0, 0, 0), value))
        if with_value != value:
            return name, sides
        top, bottom, left, right = (a + b for a, b in zip(sides, more, strict=True))
        return (self._units[name].inputs[0] if name in self._pads else name), (top, bottom, left, right)

    def unskipped(self, name: str, stride: Pair) -> tuple[str, Pair]:
        """What a 1x1 kernel really reads, and its stride, where others hand it every n-th row and column alone."""
        if name not in self._skips:
            return name, stride
        rows, columns = self._skips[name]
        return self._units[name].inputs[0], (stride[0] * rows, stride[1] * columns)

    def __getitem__(self, name: str) -> Unit:
        return self._units[name]

    def finish(self, outputs: Iterable[str]) -> Skeleton:
        """The skeleton of what `outputs` need."""
        outputs = tuple(outputs)
        return Skeleton(self.title, tuple(_sharing(needed(self._units, outputs))), outputs)

    def _spread(self, merge: Unit) -> Iterable[str]:
        """The inputs of a merge, with those of merges of its kind among them in their place."""
        for source in merge.inputs:
            inner = self._units[source]
            while inner.kind == NOT_TRACED:
                inner = self._units[inner.inputs[0]]
            alike = inner.kind == merge.kind and inner.facts == merge.facts
            yield from inner.inputs if alike else (source,)

    def _free(self, name: str) -> str:
        number, wanted = 1, name
        while wanted in self._units:
            number += 1
            wanted = f"{name} ({number})"
        return wanted


def _sharing(units: Iterable[Unit]) -> Iterator[Unit]:
    """Units that say how many of them have the same tensors, where several do."""
    units = tuple(units)
    uses = Counter(slot.name for unit in units for slot in unit.slots.values())
    for unit in units:
        count = max((uses[slot.name] for slot in unit.slots.values()), default=1)
        yield unit if count == 1 else replace(unit, facts={**unit.facts, "uses of its weights": str(count)})


def first_uses(units: Iterable[Unit]) -> Iterator[Unit]:
    """Those whose tensors are no earlier one's."""
    seen: set[str] = set()
    for unit in units:
        names = {slot.name for slot in unit.slots.values()}
        if seen.isdisjoint(names):
            yield unit
        seen |= names
