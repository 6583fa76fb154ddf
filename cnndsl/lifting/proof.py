"""A lifted text proves itself: it checks, it is the same network, and with the same weights it computes the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnndsl.alignment.difference import differences
from cnndsl.alignment.graph_skeleton import skeleton_of
from cnndsl.architecture import ArchError, Architecture, loads
from cnndsl.errors import LiftError, reason
from cnndsl.foreign.network import ForeignNetwork
from cnndsl.foreign.sources import Foreign, tensors_in
from cnndsl.lifting.writing import Written
from cnndsl.passes.settle_bias import settle_bias

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Proof:
    """The largest relative error of an output, and in which numbers the source was run."""

    error: float
    precision: str


def prove(foreign: Foreign, made: Written) -> tuple[Architecture, dict[str, Tensor], Proof]:
    """The network that a text describes, with the source's weights. Raises `LiftError` if it is not the source's."""
    title = foreign.title
    try:
        architecture = loads(made.text)
    except ArchError as error:
        raise LiftError(f"cannot lift {title}: its text does not check", str(error).split("\n")) from error
    found = differences(skeleton_of(architecture.graph), skeleton_of(foreign.network.graph))
    if found:
        raise LiftError(f"cannot lift {title}: its text is another network", map(str, found))
    weights = _weights(architecture, foreign.network, made.names(architecture.graph))
    largest = _error(architecture, weights, foreign)
    if not largest <= foreign.precision.limit:
        raise LiftError(f"cannot lift {title}: its text computes something else (relative error {largest:.1e})")
    return architecture, weights, Proof(largest, foreign.precision.name)


def _weights(architecture: Architecture, network: ForeignNetwork, names: Mapping[str, str]) -> dict[str, Tensor]:
    """The tensors of the source by the names of the text's network."""
    graph, found = settle_bias(architecture.graph), {}
    for node in graph:
        if node.name in names and not node.again:
            inputs, theirs = graph.input_shapes(node), network.graph[names[node.name]]
            for tensor in (*node.op.parameters(*inputs), *node.op.buffers(*inputs)):
                found[node.key(tensor)] = network.tensors[theirs.key(tensor)]
    return found


def _error(architecture: Architecture, weights: Mapping[str, Tensor], foreign: Foreign) -> float:
    """The largest relative error of an output, of the same random input through both in float64."""
    import torch

    generator = torch.Generator().manual_seed(0)
    shapes = [node.shape for node in architecture.graph.inputs]
    inputs = [torch.randn(foreign.batch, *shape, generator=generator, dtype=torch.float64) for shape in shapes]
    ours = architecture.compile().double().eval()
    ours.load_state_dict(dict(weights))
    ours.training = any(output.train_only for output in architecture.graph.outputs)
    try:
        theirs = foreign.run([each.clone() for each in inputs])
    except Exception as error:  # whatever the foreign code raises
        raise LiftError(f"cannot run {foreign.title} in {foreign.precision.name}: {reason(error)}") from error
    with torch.no_grad():
        mine = tensors_in(ours(*inputs))
    if not all(each.isfinite().all() for each in theirs):
        raise LiftError(f"cannot lift {foreign.title}: on random input it gives what is no number")
    if len(mine) != len(theirs):
        raise LiftError(f"{foreign.title} has {len(theirs)} outputs, and its text {len(mine)}")
    return max((_relative(one, other) for one, other in zip(mine, theirs, strict=True)), default=0.0)


def _relative(ours: Tensor, theirs: Tensor) -> float:
    """|ours - theirs| / |theirs|; NaN counts as infinite, and so do shapes that differ."""
    if ours.shape != theirs.shape:
        return float("inf")
    difference, scale = float((ours - theirs).norm()), float(theirs.norm())
    error = difference / scale if scale else difference
    return error if error == error else float("inf")
