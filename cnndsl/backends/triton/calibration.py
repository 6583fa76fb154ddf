"""Ranges of tensors of 8 bits: their largest magnitudes while pictures go through the network in float32.

They belong to weights as much as to pictures: for other weights they are taken anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from cnndsl.backends.torch.loading import plain_defaults
from cnndsl.backends.torch.steps import Steps
from cnndsl.backends.triton.eight_bits import RANGE
from cnndsl.backends.triton.lower import rewritten
from cnndsl.backends.triton.plan import Plan
from cnndsl.errors import WeightsError
from cnndsl.ir.graph import Graph
from cnndsl.ir.recipe import originals
from cnndsl.kernels.precision import dtype_of, eight_bits_of
from cnndsl.ops.base import Shape, show_shape
from cnndsl.states.recipes import derive

Calibration: TypeAlias = Tensor | Sequence[Tensor]  # what a network takes; several for several inputs

AT_ONCE = 8  # pictures


@dataclass(frozen=True)
class Pictures:
    """What a network takes, N x channels x height x width for each of its inputs."""

    inputs: tuple[Tensor, ...]

    def batches(self) -> Iterator[tuple[Tensor, ...]]:
        return zip(*(torch.split(each, AT_ONCE) for each in self.inputs), strict=True)


def pictures_of(graph: Graph, precision: str, calibration: Calibration | None) -> Pictures | None:
    """What a precision is calibrated with; None for one that needs nothing.

    Raises ValueError for pictures that are missing, of no use, or not what the network takes.
    """
    dtype_of(precision)  # which raises for one that there is not
    narrow = eight_bits_of(precision)
    if (narrow is None) != (calibration is None):
        why = "needs calibration with pictures as the network takes them" if narrow else "takes no calibration"
        raise ValueError(f"the precision {precision} {why}")
    if calibration is None:
        return None
    inputs = (calibration,) if isinstance(calibration, torch.Tensor) else tuple(calibration)
    if not all(isinstance(each, torch.Tensor) and each.dim() and each.is_floating_point() for each in inputs):
        raise ValueError("calibration is a tensor of floating point numbers, or several for several inputs")
    if len(inputs) != len(graph.inputs) or len({len(each) for each in inputs}) != 1 or not len(inputs[0]):
        raise ValueError(f"calibration is as many pictures, one or more, for each of {len(graph.inputs)} inputs")
    for node, each in zip(graph.inputs, inputs, strict=True):
        if tuple(each.shape[1:]) != node.shape:
            found, wanted = show_shape(tuple(each.shape)), show_shape(node.shape)
            raise ValueError(f"pictures for calibration of {node.name} must be N x {wanted}, not {found}")
        if not bool(each.isfinite().all()):
            raise ValueError(f"pictures for calibration of {node.name} have values that are not finite")
    return Pictures(tuple(each.detach().float() for each in inputs))


def with_ranges(
    graph: Graph, plan: Plan, state: Mapping[str, Tensor], pictures: Pictures | None
) -> Mapping[str, Tensor]:
    """A state dict of the network as it was written, and beside its weights the ranges that a plan of it needs."""
    if pictures is None:
        return state
    return {**state, **ranges(rewritten(graph, precision=plan.precision), ranged(plan), state, pictures)}


def ranges(lowered: Graph, names: Iterable[str], state: Mapping[str, Tensor], pictures: Pictures) -> dict[str, Tensor]:
    """The ranges of tensors of a rewritten graph, by their names among weights; `state` is that of the original.

    Raises `WeightsError` with the first of all tensors that has values which are not finite.
    """
    _require_finite(state)  # a layer that is fused with its ReLU may lose what is no number
    device = next((tensor.device for tensor in state.values()), torch.device("cpu"))
    with plain_defaults():
        steps = Steps(lowered, derive(lowered, state)).to(device)
    found = {name: torch.zeros((), device=device) for name in names}
    with torch.inference_mode():
        for batch in pictures.batches():
            tensors = steps.tensors(*(each.to(device) for each in batch))
            found = {name: largest.maximum(tensors[name].abs().amax()) for name, largest in found.items()}
    _require_finite(found)
    return {f"{RANGE}{name}": largest.clone() for name, largest in found.items()}


def _require_finite(tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        if not bool(tensor.isfinite().all()):
            raise WeightsError(f"{name} has values that are not finite, and 8 bits have none")


def ranged(plan: Plan) -> list[str]:
    """The tensors whose ranges the weights of a plan follow from."""
    names = dict.fromkeys(name for weight in plan.weights for name in originals(weight.recipe))
    return [name.removeprefix(RANGE) for name in names if name.startswith(RANGE)]


@dataclass(frozen=True)
class Calibrating:
    """Adds ranges to a state dict of the network as it was written, when a module loads it whole.

    names   of the tensors that have one
    needed  the shapes of all weights that they follow from
    """

    graph: Graph
    names: Sequence[str]
    needed: Mapping[str, Shape]
    pictures: Pictures

    def __call__(self, module: nn.Module, state: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        given = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        if all(name in given and tuple(given[name].shape) == shape for name, shape in self.needed.items()):
            found = ranges(self.graph, self.names, given, self.pictures)
            state.update({prefix + name: largest for name, largest in found.items()})
