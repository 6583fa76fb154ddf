"""Weights of a network for one that differs from it in the channels of its input or its classes, as in timm.

Filters for more channels than three repeat those for red, green and blue, and are scaled so that an input whose
channels are all alike gives what it gave before.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.alignment.graph_skeleton import skeleton_of
from cnndsl.ir.graph import Graph
from cnndsl.ir.scopes import in_state
from cnndsl.ops.base import Shape
from cnndsl.states import check_shapes, expected_shapes, load_weights

if TYPE_CHECKING:
    from torch import Tensor


def fitted(graph: Graph, file: Path, initial: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """The state dict of a network from a file of its weights, and the layers of classes that keep their `initial` ones.

    Raises `WeightsError` for weights that differ in more than that.
    """
    found, expected = load_weights(file), expected_shapes(graph)
    heads = skeleton_of(graph).heads()
    kept = [name for name in heads if _has_other_classes(name, expected, found)]
    state = {name: _fit(tensor, expected.get(name, ()), graph) for name, tensor in found.items()}
    for name in expected:
        if name.rpartition(".")[0] in map(in_state, kept) and name in found:
            state[name] = initial[name]
    check_shapes(graph, {name: tuple(tensor.shape) for name, tensor in state.items()})
    return {**initial, **state}, kept


def _has_other_classes(layer: str, expected: Mapping[str, Shape], found: Mapping[str, Tensor]) -> bool:
    """Do the tensors of a layer differ from what is expected in the number of classes, and in nothing else?"""
    names = [name for name in (f"{in_state(layer)}.weight", f"{in_state(layer)}.bias") if name in expected]
    pairs = [(expected[name], tuple(found[name].shape)) for name in names if name in found]
    others = {(ours[0], theirs[0]) for ours, theirs in pairs if theirs and ours[1:] == theirs[1:]}
    return len(pairs) == len(names) and len(others) == 1 and all(one != other for one, other in others)


def _fit(weight: Tensor, expected: Shape, graph: Graph) -> Tensor:
    """The weight of a convolution that reads the input, for as many channels as that has; others as they are."""
    shape, channels = tuple(weight.shape), graph.inputs[0].shape[0]
    if len(shape) != 4 or len(expected) != 4 or shape == expected or expected[1] != channels:
        return weight
    if (shape[0], *shape[2:]) != (expected[0], *expected[2:]) or shape[1] not in (1, 3):
        return weight
    exact = weight.double()
    if channels == 1:
        return exact.sum(1, keepdim=True).to(weight.dtype)
    times = -(-channels // shape[1])
    return (exact.repeat(1, times, 1, 1)[:, :channels] * (shape[1] / channels)).to(weight.dtype)
