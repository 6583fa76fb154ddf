"""Which layer of theirs is which of ours: an isomorphism of the two skeletons, names not looked at.

Layers without tensors are first left out, so that weights can move between networks that differ in an activation; they
count where they alone tell two places apart. What remains open is a symmetry, which does no harm, or is said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cnndsl.alignment.skeleton import TRAINING, Skeleton, Unit
from cnndsl.ir.isomorphism import Match, Network, Vertex, match, refine

# Facts that decide numbers but not whether weights fit: they are compared by running both.
SOFT = frozenset({"eps", "momentum"})
OUTPUT = "output"

OpenFacts: TypeAlias = Mapping[str, str]  # by unit, the one fact that need not agree
NOTHING_OPEN: OpenFacts = {}


@dataclass(frozen=True)
class Alignment:
    """What belongs together.

    pairs      their joint (a layer with tensors, a merge, an input, a slice) by ours
    outputs    for each of our outputs the number of theirs
    heads      the pairs among them that end an output and differ in the number of filters
    symmetric  groups of our layers that may change places without changing what the network computes
    ambiguous  groups of our layers that layers without tensors alone tell apart, and where the two networks disagree
               in these
    """

    pairs: dict[str, str]
    outputs: tuple[int, ...] = (0,)
    heads: tuple[tuple[str, str], ...] = ()
    symmetric: tuple[tuple[str, ...], ...] = ()
    ambiguous: tuple[tuple[str, ...], ...] = ()


def align(ours: Skeleton, theirs: Skeleton, *, colours: bool = False) -> Alignment | None:
    """The alignment of two networks that are the same but for names and for what stands between layers with tensors.

    The last layers of the outputs may differ in size, and with `colours` one network may read grey images. None if the
    networks differ in anything else.
    """
    for stems in (False, True) if colours else (False,):
        for heads in (False, True):
            found = _align(ours, theirs, _open(ours, heads, stems), _open(theirs, heads, stems))
            if found is not None:
                return _alignment(ours, theirs, *found, ours.heads() if heads else ())
    return None


def _open(skeleton: Skeleton, heads: bool, stems: bool) -> OpenFacts:
    """What may differ: the filters of heads, the channels of images and of what reads them."""
    found = dict.fromkeys(skeleton.heads(), "filters") if heads else {}
    if stems:
        found |= dict.fromkeys(skeleton.stems(), "channels")
        found |= {unit.name: "shape" for unit in skeleton.units if unit.kind == "input"}
    return found


def _align(
    ours: Skeleton, theirs: Skeleton, our_open: OpenFacts, their_open: OpenFacts
) -> tuple[Match, Collection[tuple[str, ...]]] | None:
    """A match, and the groups of ours in it that layers without tensors alone tell apart."""
    strict = network(ours, our_open, strict=True), network(theirs, their_open, strict=True)
    found = match(*strict)
    if found is not None:
        return found, ()
    found = match(network(ours, our_open), network(theirs, their_open))
    return None if found is None else (found, _told_apart(found, *strict))


def network(skeleton: Skeleton, left_open: OpenFacts = NOTHING_OPEN, *, strict: bool = False) -> Network:
    """The joints of a skeleton; of some, a fact is left open.

    With `strict`, what stands between joints counts too, as do facts that decide numbers alone.
    """
    vertices: dict[str, Vertex] = {}
    inputs = [unit.name for unit in skeleton.units if unit.kind == "input"]
    for unit in skeleton.units:
        if unit.joint:
            edges = tuple(_edge(skeleton, source, strict) for source in unit.inputs)
            label = (
                _label(unit, left_open.get(unit.name), strict),
                inputs.index(unit.name) if not unit.inputs else None,
            )
            vertices[unit.name] = Vertex(label, edges, unit.ordered)
    for number, output in enumerate(skeleton.outputs):
        kind = (OUTPUT, number == 0)  # heads after the main output come in any order
        vertices[_output(number)] = Vertex(kind, (_edge(skeleton, output, strict),))
    return vertices


def _edge(skeleton: Skeleton, source: str, strict: bool) -> tuple[str, tuple[str, ...]]:
    joint, passed = skeleton.joint_before(source)
    return joint, tuple(str(unit) for unit in passed if unit.kind not in TRAINING) if strict else ()


def _label(unit: Unit, left_open: str | None, strict: bool) -> tuple[object, ...]:
    left_out = {left_open, *({"momentum"} if strict else SOFT)}
    facts = [item for item in unit.facts.items() if item[0] not in left_out]
    return (unit.kind, *sorted(unit.slots), *facts)


def _alignment(
    ours: Skeleton,
    theirs: Skeleton,
    found: Match,
    told_apart: Collection[tuple[str, ...]],
    our_heads: Collection[str],
) -> Alignment:
    outputs = tuple(int(found.pairs[_output(number)].split()[1]) for number in range(len(ours.outputs)))
    pairs = {one: other for one, other in found.pairs.items() if not one.startswith(f"{OUTPUT} ")}
    heads = [(head, pairs[head]) for head in our_heads]
    resized = tuple(pair for pair in heads if ours[pair[0]].facts["filters"] != theirs[pair[1]].facts["filters"])
    with_tensors = (tuple(name for name in group if name in pairs and ours[name].slots) for group in found.symmetric)
    symmetric = tuple(group for group in with_tensors if len(group) > 1 and group not in told_apart)
    return Alignment(pairs, outputs, resized, symmetric, tuple(told_apart))


def _output(number: int) -> str:
    return f"{OUTPUT} {number}"


def _told_apart(found: Match, ours: Network, theirs: Network) -> list[tuple[str, ...]]:
    """The symmetric groups that layers without tensors split, on either side."""
    first, second = refine(ours, theirs)
    groups = []
    for group in found.symmetric:
        split = len({first[name] for name in group}) > 1 or len({second[found.pairs[name]] for name in group}) > 1
        if split:
            groups.append(group)
    return groups


def by_place(groups: Collection[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Groups of layers that change places together as one group: the first of each set of places."""
    found: dict[tuple[str, ...], tuple[str, ...]] = defaultdict(tuple)
    for group in groups:
        scopes = tuple(name.rpartition(".")[0] for name in group)
        found[scopes] = found[scopes] or group
    return list(found.values())
