"""Which layer of theirs is which of ours: an isomorphism of the two skeletons, names not looked at.

Layers without tensors are first left out, so that weights can move between networks that differ in an activation; they
count where they alone tell two places apart. What remains open is a symmetry, which does no harm, or is said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from cnndsl.ir.isomorphism import Match, Network, Vertex, match, refine
from cnndsl.weights.skeleton import TRAINING, Skeleton, Unit

# Facts that decide numbers but not whether weights fit: they are compared by running both.
SOFT = frozenset({"eps", "momentum"})
OUTPUT = "output"


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


def align(ours: Skeleton, theirs: Skeleton) -> Alignment | None:
    """The alignment of two networks that are the same but for names and for what stands between layers with tensors.

    The last layers of the outputs may differ in size. None if the networks differ in anything else.
    """
    for open_heads in (False, True):
        found = _align(ours, theirs, _heads(ours, open_heads), _heads(theirs, open_heads))
        if found is not None:
            return found
    return None


def _heads(skeleton: Skeleton, wanted: bool) -> Collection[str]:
    return skeleton.heads() if wanted else ()


def _align(
    ours: Skeleton, theirs: Skeleton, our_heads: Collection[str], their_heads: Collection[str]
) -> Alignment | None:
    strict = network(ours, our_heads, strict=True), network(theirs, their_heads, strict=True)
    found = match(*strict)
    if found is not None:
        return _alignment(ours, theirs, found, our_heads)
    found = match(network(ours, our_heads), network(theirs, their_heads))
    if found is None:
        return None
    return _alignment(ours, theirs, found, our_heads, told_apart=_told_apart(found, *strict))


def network(skeleton: Skeleton, heads: Collection[str] = (), *, strict: bool = False) -> Network:
    """The joints of a skeleton; the filters of `heads` are left open.

    With `strict`, what stands between joints counts too, as do facts that decide numbers alone.
    """
    vertices: dict[str, Vertex] = {}
    inputs = [unit.name for unit in skeleton.units if unit.kind == "input"]
    for unit in skeleton.units:
        if unit.joint:
            edges = tuple(_edge(skeleton, source, strict) for source in unit.inputs)
            label = (_label(unit, unit.name in heads, strict), inputs.index(unit.name) if not unit.inputs else None)
            vertices[unit.name] = Vertex(label, edges, unit.ordered)
    for number, output in enumerate(skeleton.outputs):
        kind = (OUTPUT, number == 0)  # heads after the main output come in any order
        vertices[_output(number)] = Vertex(kind, (_edge(skeleton, output, strict),))
    return vertices


def _edge(skeleton: Skeleton, source: str, strict: bool) -> tuple[str, tuple[str, ...]]:
    joint, passed = skeleton.joint_before(source)
    return joint, tuple(str(unit) for unit in passed if unit.kind not in TRAINING) if strict else ()


def _label(unit: Unit, is_head: bool, strict: bool) -> tuple[object, ...]:
    left_out = {"momentum"} if strict else SOFT
    facts = [item for item in unit.facts.items() if item[0] not in left_out and not (is_head and item[0] == "filters")]
    return (unit.kind, *sorted(unit.slots), *facts)


def _alignment(
    ours: Skeleton,
    theirs: Skeleton,
    found: Match,
    our_heads: Collection[str],
    told_apart: Collection[tuple[str, ...]] = (),
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
