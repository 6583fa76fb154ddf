"""Our network and another one in forms that can be compared: both read as graphs, and reduced to skeletons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnndsl.alignment.align import Alignment, align
from cnndsl.alignment.difference import differences
from cnndsl.alignment.graph_skeleton import foreign_skeleton, skeleton_of
from cnndsl.alignment.skeleton import Skeleton
from cnndsl.backends.torch import build
from cnndsl.errors import Unmatched
from cnndsl.foreign.network import ForeignNetwork
from cnndsl.foreign.pytorch.reader import read_module
from cnndsl.ir.graph import Graph

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Counterparts:
    """Two networks: with their train-only heads if both have them, else without.

    `heads` says whether they are there; then our module has to run in training mode, but none of its parts.
    `left_out` are our layers with tensors that are in heads which theirs lacks.
    """

    graph: Graph
    ours: Skeleton
    theirs: Skeleton
    network: ForeignNetwork
    heads: bool
    left_out: tuple[str, ...] = ()

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


def counterparts(graph: Graph, network: ForeignNetwork) -> Counterparts:
    """The two with as many of their outputs as both have. Theirs may give its heads outside of training too."""
    has_heads = graph.inference() is not graph
    if has_heads and len(network.graph.outputs) == len(graph.outputs):
        return Counterparts(graph, own_skeleton(graph), foreign_skeleton(network), network, heads=True)
    ours = own_skeleton(graph.inference())
    left_out = {unit.name for unit in skeleton_of(graph).units if unit.slots} - {unit.name for unit in ours.units}
    theirs = foreign_skeleton(network, heads=False)
    return Counterparts(graph.inference(), ours, theirs, network, False, tuple(sorted(left_out)))


def own_skeleton(graph: Graph) -> Skeleton:
    """Ours. A layer that no reader knows, as it is a third party's, is read of our module, as theirs is of theirs."""
    if all(type(node.op).__module__.startswith("cnndsl.") for node in graph):
        return skeleton_of(graph)
    module = build(graph)
    module.training = False
    return foreign_skeleton(read_module(module.double(), [node.shape for node in graph.inputs], graph.name))
