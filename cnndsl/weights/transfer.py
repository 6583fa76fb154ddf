"""From an alignment to a state dict: which of their tensors becomes which of ours, and which of ours stay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnndsl.errors import Unmatched, WeightsError
from cnndsl.ir.graph import Graph
from cnndsl.weights.adapt import Move, steps_between, with_rgb
from cnndsl.weights.align import Alignment, align
from cnndsl.weights.check import check_shapes
from cnndsl.weights.difference import differences
from cnndsl.weights.skeleton import Skeleton, Slot, Unit
from cnndsl.weights.trace import Traced, trace
from cnndsl.weights.written import skeleton_of

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
        """Raises `Unmatched` with the differences if the networks do not align."""
        found = align(self.ours, self.theirs)
        if found is None:
            lines = map(str, differences(self.ours, self.theirs))
            raise Unmatched(f"{self.ours.title} and {self.theirs.title} differ", lines)
        return found

    def set_mode(self, module: nn.Module) -> nn.Module:
        """Inference, but for heads that exist in training alone."""
        module.eval()
        module.training = self.heads
        return module


def counterparts(graph: Graph, module: nn.Module, title: str) -> Counterparts:
    """Trace a module for the inputs of a graph. Raises `WeightsError`."""
    shapes = [node.shape for node in graph.inputs]
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
    units = [unit for unit in both.ours.units if unit.slots and unit.name not in resized]
    moves = (move for unit in units for move in _moves(unit, both.theirs[alignment.pairs[unit.name]]))
    transfer = Transfer(tuple(moves), (*resized, *both.left_out))
    return in_rgb(both.ours, transfer) if bgr else transfer


def check_heads(ours: Skeleton, resized: Iterable[tuple[str, str]], new_head: bool) -> None:
    """Raise `Unmatched` for heads of another size, unless new ones are wanted."""
    lines = [f"{name} has {ours[name].facts['filters']} filters or features, theirs {other}" for name, other in resized]
    if lines and not new_head:
        raise Unmatched("heads differ in size; --new-head keeps the initial weights of ours", lines)


def _moves(ours: Unit, theirs: Unit) -> Iterator[Move]:
    for role, slot in ours.slots.items():
        steps = steps_between(theirs.slots[role].shape, slot.shape)
        if steps is None:
            shapes = f"{slot.name} is {slot.shape}, {theirs.slots[role].name} is {theirs.slots[role].shape}"
            raise WeightsError(f"no layout makes one of the other: {shapes}")
        yield Move(slot, theirs.slots[role], steps)


def in_rgb(ours: Skeleton, transfer: Transfer) -> Transfer:
    """The transfer, with theirs read as weights for images whose channels are blue, green, red."""
    first = {unit.slots["weight"].name for unit in ours.units if _reads_colours(ours, unit)}
    if not first:
        raise WeightsError(f"no convolution of {ours.title} reads an image of three channels")
    moves = (with_rgb(move) if move.ours.name in first else move for move in transfer.moves)
    return Transfer(tuple(moves), transfer.kept)


def _reads_colours(skeleton: Skeleton, unit: Unit) -> bool:
    if unit.kind not in ("conv", "dense") or unit.facts["channels"] != "3":
        return False
    return skeleton[skeleton.joint_before(unit.inputs[0])[0]].kind == "input"
