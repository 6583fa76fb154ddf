"""How two networks differ, as a list of edits: what differs in a pair of layers, and which layers one of them lacks.

Where the joints of both align, only what stands between them is compared. Otherwise all layers are put in an order that
does not depend on their definition, and paired so that as much as possible agrees (Needleman and Wunsch 1970).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha1
from typing import TypeAlias

from cnndsl.alignment.align import Alignment, align
from cnndsl.alignment.skeleton import NOT_TRACED, TRAINING, Facts, Skeleton, Unit
from cnndsl.ir.side_by_side import side_by_side

Pair: TypeAlias = tuple[Unit | None, Unit | None]

# Kinds that may stand for each other: a pair of them is one difference, not two.
FAMILIES = {
    **dict.fromkeys(("conv", "dense"), "convolution"),
    **dict.fromkeys(("maxpool", "avgpool"), "pool"),
    **dict.fromkeys((f"{how}_{kind}" for how in ("global", "adaptive") for kind in ("maxpool", "avgpool")), "pool"),
    **dict.fromkeys(("bn", "layer_norm", "group_norm"), "norm"),
    **dict.fromkeys(("relu", "relu6", "leaky_relu", "prelu", "elu", "gelu", "silu", "hardswish"), "activation"),
    **dict.fromkeys(("sigmoid", "hardsigmoid", "tanh"), "activation"),
    **dict.fromkeys(("add", "concat", "mul"), "merge"),
}
# A linear layer as the convolution it is.
ONE_PIXEL = {"kernel": "1x1", "stride": "1", "pad": "half", "dilation": "1", "groups": "1"}
# What a short description leaves out, always or where it is as usual, and what needs no name in it.
UNSAID = frozenset({"channels", "bias", "inputs"})
USUAL = {("stride", "1"), ("dilation", "1"), ("groups", "1"), ("pad", "half"), ("pad", "0"), ("round", "floor")} | {
    ("mode", "element"),
    ("approximate", "none"),
}
BARE = frozenset({"kernel", "filters", "size", "p", "factor"})


@dataclass(frozen=True)
class Difference:
    """One kind of difference, and all places where it is: names of ours and theirs, "" where there is none."""

    what: str
    places: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        """`9 times: conv: kernel 5x5, theirs 3x3 (a <-> b, c <-> d, ...)`."""
        shown = [" <-> ".join(name for name in place if name) for place in self.places[:2]]
        count = f"{len(self.places)} times: " if len(self.places) > 1 else ""
        return f"{count}{self.what} ({', '.join([*shown, *['...'] * (len(self.places) > 2)])})"


def differences(ours: Skeleton, theirs: Skeleton) -> list[Difference]:
    """All differences, in the order of their first places."""
    alignment = align(ours, theirs)
    if alignment is None:
        pairs = _paired(_in_order(ours), _in_order(theirs))
        found = [*_edits(pairs), *_wiring(ours, theirs, pairs)]
    else:
        found = list(_edits(_along(ours, theirs, alignment)))
    groups: dict[str, list[tuple[str, str]]] = {}
    for what, place in found:
        groups.setdefault(what, []).append(place)
    return [Difference(what, tuple(places)) for what, places in groups.items()]


def _along(ours: Skeleton, theirs: Skeleton, alignment: Alignment) -> list[Pair]:
    """Every joint with its partner, after what stands before the two."""
    found: dict[tuple[str, str], Pair] = {}

    def take(pairs: Sequence[Pair]) -> None:
        for one, other in pairs:
            found.setdefault((one.name if one else "", other.name if other else ""), (one, other))

    for unit in ours.units:
        if unit.joint:
            partner = theirs[alignment.pairs[unit.name]]
            for mine, yours in _edges(ours, unit, theirs, partner, alignment):
                take(_paired(ours.joint_before(mine)[1], theirs.joint_before(yours)[1]))
            take([(unit, partner)])
    for mine, yours in _outputs(ours, theirs, alignment):
        take(_paired(ours.joint_before(mine)[1], theirs.joint_before(yours)[1]))
    paired = {other.name for one, other in found.values() if one and other}
    return [pair for pair in found.values() if not _is_alias(*pair, paired)]


def _is_alias(one: Unit | None, other: Unit | None, paired: Collection[str]) -> bool:
    """Whether theirs reads a tensor of its own through a dropout that stands elsewhere.

    Outside of training `dropout2d` gives back the very tensor it got, and a trace then takes the two for one.
    """
    return one is None and other is not None and other.kind in TRAINING and other.name in paired


def _edges(
    ours: Skeleton, unit: Unit, theirs: Skeleton, partner: Unit, alignment: Alignment
) -> Iterator[tuple[str, str]]:
    """The inputs of a joint with those of its partner; of a sum, those of one joint, best by the same way."""
    if unit.ordered:
        yield from zip(unit.inputs, partner.inputs, strict=True)
        return

    def way(skeleton: Skeleton, source: str) -> tuple[str, list[str]]:
        joint, passed = skeleton.joint_before(source)
        return alignment.pairs[joint] if skeleton is ours else joint, [*map(str, passed)]

    left, waiting = list(unit.inputs), list(partner.inputs)
    for count in (2, 1):
        for source in tuple(left):
            wanted = way(ours, source)[:count]
            chosen = next((each for each in waiting if way(theirs, each)[:count] == wanted), None)
            if chosen is not None:
                left.remove(source)
                waiting.remove(chosen)
                yield source, chosen


def _outputs(ours: Skeleton, theirs: Skeleton, alignment: Alignment) -> Iterator[tuple[str, str]]:
    """Our outputs with theirs; several may have the last joint in common, as a level of a pyramid and its pool have."""
    for output, number in zip(ours.outputs, alignment.outputs, strict=True):
        yield output, theirs.outputs[number]


def _in_order(skeleton: Skeleton) -> list[Unit]:
    """Depth first from the outputs, so that a branch stands together; of a sum's branches the longer goes first."""
    length, looks = _lengths(skeleton), _looks(skeleton)
    done: dict[str, Unit] = {}
    main, *heads = skeleton.outputs
    for output in (main, *sorted(heads, key=lambda name: (length[name], looks[name]))):
        pending = [output]
        while pending:
            unit = skeleton[pending[-1]]
            inputs = list(unit.inputs)
            if not unit.ordered:
                inputs.sort(key=lambda name: (-length[name], looks[name]))
            left = [name for name in inputs if name not in done]
            if left:
                pending.append(left[0])
            else:
                done.setdefault(pending.pop(), unit)
    return list(done.values())


def _lengths(skeleton: Skeleton) -> dict[str, int]:
    """The units on the longest path to each."""
    lengths: dict[str, int] = {}
    for unit in skeleton.units:
        lengths[unit.name] = 1 + max((lengths[source] for source in unit.inputs), default=0)
    return lengths


def _looks(skeleton: Skeleton) -> dict[str, str]:
    """A digest of everything that leads to each unit, the same in every network."""
    digests: dict[str, str] = {}
    for unit in skeleton.units:
        sources = [digests[source] for source in unit.inputs]
        text = "\n".join([str(unit), *(sources if unit.ordered else sorted(sources))])
        digests[unit.name] = sha1(text.encode(), usedforsecurity=False).hexdigest()
    return digests


def _paired(ours: Sequence[Unit], theirs: Sequence[Unit]) -> list[Pair]:
    """Two sequences side by side, the best way."""
    mine, yours = ({unit.name: str(unit) for unit in units} for units in (ours, theirs))
    known: dict[tuple[str, str], int] = {}

    def same(one: Unit, other: Unit) -> bool:
        return mine[one.name] == yours[other.name]

    def score(one: Unit, other: Unit) -> int:
        key = mine[one.name], yours[other.name]
        if key not in known:
            known[key] = likeness(one, other)
        return known[key]

    return side_by_side(ours, theirs, same, score)


def likeness(one: Unit, other: Unit) -> int:
    """How much two layers agree; 0 if one cannot stand for the other."""
    if _family(one) != _family(other):
        return 0
    facts, others = _facts(one, other), _facts(other, one)
    agreeing = sum(others.get(name) == value for name, value in facts.items())
    return 4 + 4 * (one.kind == other.kind) + (4 * agreeing // len(facts) if facts else 4)


def _family(unit: Unit) -> str:
    return FAMILIES.get(unit.kind, unit.kind)


def _facts(unit: Unit, beside: Unit) -> Facts:
    return {**ONE_PIXEL, **unit.facts} if (unit.kind, beside.kind) == ("dense", "conv") else unit.facts


def _edits(pairs: Sequence[Pair]) -> Iterator[tuple[str, tuple[str, str]]]:
    for one, other in pairs:
        if one is not None and other is not None:
            for what in _changes(one, other):
                yield what, (one.name, other.name)
        elif one is not None and one.kind != NOT_TRACED:
            yield f"{describe(one)}: theirs has none", (one.name, "")
        elif other is not None and other.kind != NOT_TRACED:
            yield f"{describe(other)}: ours has none", ("", other.name)


def _changes(one: Unit, other: Unit) -> Iterator[str]:
    facts, others = _facts(one, other), _facts(other, one)
    if one.kind != other.kind and facts.keys() != others.keys():
        yield f"{describe(one)}, theirs {describe(other)}"
        return
    if _word(one) != _word(other):
        yield f"{_word(one)}, theirs {_word(other)}"
    for name in dict.fromkeys((*facts, *others)):
        if facts.get(name) != others.get(name):
            mine, yours = (_shown(each, name) for each in (facts, others))
            yield f"{_word(one)}: {name} {mine}, theirs {yours}"


def _shown(facts: Facts, name: str) -> str:
    """Padding by half of the kernel in pixels, since the other side has something else."""
    if facts.get(name) != "half":
        return facts.get(name, "none")
    kernel, dilation = facts["kernel"].split("x"), facts["dilation"].split("x")
    rows, columns = (int(step) * (int(extent) // 2) for step, extent in zip((dilation * 2), kernel, strict=False))
    return str(rows) if rows == columns else f"{rows}x{columns}"


def describe(unit: Unit) -> str:
    """A layer much as the language writes it; a normalisation without numbers, so that all sizes are one difference."""
    if unit.kind in ("bn", "layer_norm"):
        return unit.kind
    facts = {**ONE_PIXEL, **unit.facts} if unit.kind == "dense" and len(unit.shape) > 1 else unit.facts
    said = [(name, value) for name, value in facts.items() if name not in UNSAID and (name, value) not in USUAL]
    texts = [value if name in BARE else f"/{value}" if name == "stride" else f"{name}={value}" for name, value in said]
    return " ".join([_word(unit), ", ".join(texts)]).strip()


def _word(unit: Unit) -> str:
    """`dense` is no word of the language."""
    if unit.kind != "dense":
        return unit.kind
    return "linear" if len(unit.shape) == 1 else "conv"


def _wiring(ours: Skeleton, theirs: Skeleton, pairs: Sequence[Pair]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Pairs that read what is not paired."""
    partner = {one.name: other.name for one, other in pairs if one is not None and other is not None}
    known = set(partner.values())
    for one, other in pairs:
        if one is None or other is None:
            continue
        mine = _read(ours, one, partner)
        yours = _read(theirs, other, known)
        if None in mine or None in yours:
            continue
        expected = [partner[name] for name in mine if name is not None]
        if (expected if one.ordered else sorted(expected)) != (yours if other.ordered else sorted(map(str, yours))):
            shown = (f"{unit.name} of {', '.join(unit.inputs)}" for unit in (one, other))
            yield f"{_word(one)} of other layers", (next(shown), next(shown))


def _read(skeleton: Skeleton, unit: Unit, paired: dict[str, str] | set[str]) -> list[str | None]:
    """The nearest paired units that a unit reads; None where there is a merge between."""
    found: list[str | None] = []
    for source in unit.inputs:
        name: str | None = source
        while name is not None and name not in paired:
            inputs = skeleton[name].inputs
            name = inputs[0] if len(inputs) == 1 else None
        found.append(name)
    return found
