"""From an alignment to a state dict: which of their tensors becomes which of ours, and which of ours stay."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cnndsl.alignment.align import Alignment, align
from cnndsl.alignment.difference import differences
from cnndsl.alignment.graph_skeleton import skeleton_of
from cnndsl.alignment.skeleton import COLOURS, Skeleton, Slot, Unit, first_uses
from cnndsl.alignment.trace import Traced, trace
from cnndsl.errors import Unmatched, WeightsError
from cnndsl.ir.graph import Graph
from cnndsl.ops.base import Shape
from cnndsl.weights.adapt import Move, stem_steps, steps_between, with_rgb
from cnndsl.weights.check import check_shapes
from cnndsl.weights.wrappers import some

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Transfer:
    """What an import does.

    moves  in the order of our network
    kept   our layers that keep their initial weights
    """

    moves: tuple[Move, ...]
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Counterparts:
    """Two networks in forms that can be compared: with their train-only heads if both have them, else without.

    `heads` says whether they are there; then both modules have to run in training mode, but none of their parts.
    `left_out` are our layers with tensors that are in heads which theirs lacks.
    """

    graph: Graph
    ours: Skeleton
    traced: Traced
    heads: bool
    left_out: tuple[str, ...] = ()

    @property
    def theirs(self) -> Skeleton:
        return self.traced.skeleton

    def alignment(self) -> Alignment:
        """Raises `Unmatched` with the differences if the networks do not align. One may be for grey images."""
        found = align(self.ours, self.theirs, colours=True)
        if found is None:
            lines = map(str, differences(self.ours, self.theirs))
            raise Unmatched(f"{self.ours.title} and {self.theirs.title} differ", lines)
        return found

    def set_mode(self, module: nn.Module) -> nn.Module:
        """Inference, but for heads that exist in training alone."""
        module.eval()
        module.training = self.heads
        return module


def counterparts(graph: Graph, module: nn.Module, title: str, *, colours: bool = False) -> Counterparts:
    """Trace a module for the inputs of a graph, of which with `colours` one may be grey. Raises `WeightsError`."""
    shapes = [_as_theirs(node.shape, module) if colours else node.shape for node in graph.inputs]
    if graph.inference() is not graph:
        module.eval()
        module.training = True
        try:
            traced = trace(module, shapes, title)
        except WeightsError:
            pass  # its training needs more than our heads do
        else:
            if len(traced.skeleton.outputs) == len(graph.outputs):
                return Counterparts(graph, skeleton_of(graph), traced, True)
    ours = skeleton_of(graph.inference())
    left_out = {unit.name for unit in skeleton_of(graph).units if unit.slots} - {unit.name for unit in ours.units}
    traced = trace(module.eval(), shapes, title)
    return Counterparts(graph.inference(), ours, traced, False, tuple(sorted(left_out)))


def _as_theirs(shape: Shape, module: nn.Module) -> Shape:
    """An image with as many channels as a module's first convolution reads, if one of the two is for grey images."""
    from torch import nn

    first = next((each for each in module.modules() if isinstance(each, nn.Conv2d)), None)
    colours = first is not None and len(shape) == 3 and {shape[0], first.in_channels} == set(COLOURS)
    return (first.in_channels, *shape[1:]) if first is not None and colours else shape


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
