"""From an alignment to a state dict: which of their tensors becomes which of ours, and which of ours stay."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cnndsl.alignment.align import Alignment
from cnndsl.alignment.skeleton import Skeleton, Slot, Unit, first_uses
from cnndsl.errors import Unmatched, WeightsError
from cnndsl.ir.graph import Graph
from cnndsl.states import check_shapes
from cnndsl.weights.adapt import Move, stem_steps, steps_between, with_rgb
from cnndsl.weights.counterparts import Counterparts
from cnndsl.weights.files.wrappers import some


@dataclass(frozen=True)
class Transfer:
    """What an import does.

    moves  in the order of our network
    kept   our layers that keep their initial weights
    """

    moves: tuple[Move, ...]
    kept: tuple[str, ...] = ()


def own(graph: Graph, file: Sequence[Slot]) -> Transfer | None:
    """The transfer from a file that has exactly our names and shapes, if it has them."""
    try:
        check_shapes(graph, {slot.name: slot.shape for slot in file})
    except WeightsError:
        return None
    return Transfer(tuple(Move(slot, slot) for slot in file))


def by_graph(both: Counterparts, alignment: Alignment, *, new_head: bool = False, bgr: bool = False) -> Transfer:
    """Move every tensor along the alignment. Raises `Unmatched` where that would be a guess."""
    if alignment.ambiguous:
        lines = (", ".join(group) for group in alignment.ambiguous)
        raise Unmatched("these could each be several of theirs, since what stands between layers differs", lines)
    resized = dict(alignment.heads)
    check_heads(both.ours, ((one, both.theirs[other].facts["filters"]) for one, other in alignment.heads), new_head)
    units = [unit for unit in first_uses(both.ours.units) if unit.slots and unit.name not in resized]
    stems = both.ours.stems()
    moves = (
        move for unit in units for move in _moves(unit, both.theirs[alignment.pairs[unit.name]], unit.name in stems)
    )
    transfer = Transfer(tuple(moves), (*resized, *both.left_out))
    return in_rgb(both.ours, transfer) if bgr else transfer


def check_heads(ours: Skeleton, resized: Iterable[tuple[str, str]], new_head: bool) -> None:
    """Raise `Unmatched` for heads of another size, unless new ones are wanted."""
    lines = [f"{name} has {ours[name].facts['filters']} filters or features, theirs {other}" for name, other in resized]
    if lines and not new_head:
        raise Unmatched("heads differ; --new-head keeps the initial weights of ours", lines)


def lacking(both: Counterparts, alignment: Alignment, missing: Collection[str]) -> Alignment:
    """The alignment if their file has no heads, which stay ours. Raises `WeightsError` if it lacks anything else."""
    without = [each for each in both.theirs.units if any(slot.name in missing for slot in each.slots.values())]
    ours = {theirs: name for name, theirs in alignment.pairs.items()}
    unfit = [each for each in without if each.name not in both.theirs.classifiers() or each.name not in ours]
    known = {slot.name for each in without for slot in each.slots.values()}
    needed = [slot.name for each in unfit for slot in each.slots.values() if slot.name in missing]
    needed += [name for name in missing if name not in known]
    if needed:
        raise WeightsError(f"these are no weights of {both.theirs.title}: the file has no {some(needed)}")
    heads = dict(alignment.heads) | {ours[each.name]: each.name for each in without}
    return replace(alignment, heads=tuple(heads.items()))


def _moves(ours: Unit, theirs: Unit, stem: bool) -> Iterator[Move]:
    for role, slot in ours.slots.items():
        between = stem_steps if stem and role == "weight" else steps_between
        steps = between(theirs.slots[role].shape, slot.shape)
        if steps is None:
            shapes = f"{slot.name} is {slot.shape}, {theirs.slots[role].name} is {theirs.slots[role].shape}"
            raise WeightsError(f"no layout makes one of the other: {shapes}")
        yield Move(slot, theirs.slots[role], steps)


def in_rgb(ours: Skeleton, transfer: Transfer) -> Transfer:
    """The transfer, with theirs read as weights for images whose channels are blue, green, red."""
    first = {ours[name].slots["weight"].name for name in ours.stems() if ours[name].facts["channels"] == "3"}
    if not first:
        raise WeightsError(f"no convolution of {ours.title} reads an image of three channels")
    moves = (with_rgb(move) if move.ours.name in first else move for move in transfer.moves)
    return Transfer(tuple(moves), transfer.kept)
