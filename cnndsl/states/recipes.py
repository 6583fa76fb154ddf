"""Recipes as numbers: from an original state dict to the weights of a rewritten network.

Arithmetic is in float64 whatever the weights are, and a result takes the dtype of what it was made of; folding a
batch norm so costs one rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any

from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.recipe import Original, Recipe, originals
from cnndsl.states import eight_bits, packing

if TYPE_CHECKING:
    from torch import Tensor


def recipes_of(node: Node, graph: Graph) -> dict[str, Recipe]:
    """How each tensor of a node follows from the original ones, by the node's own parameter and buffer names."""
    inputs = graph.input_shapes(node)
    names = [*node.op.parameters(*inputs), *node.op.buffers(*inputs)]
    return {name: node.recipe(name) for name in names}


def graph_recipes(graph: Graph) -> dict[str, Recipe]:
    """The recipes of every tensor of a network, by its name in the rewritten network's state dict."""
    return {node.key(name): recipe for node in graph for name, recipe in recipes_of(node, graph).items()}


def derive(graph: Graph, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of a rewritten network from the one of the network as it was written.

    Raises `KeyError` with the name of an original tensor that is not in `state`.
    """
    return {name: evaluate(recipe, state) for name, recipe in graph_recipes(graph).items()}


def evaluate(recipe: Recipe, state: Mapping[str, Tensor]) -> Tensor:
    """One tensor by its recipe; an original one is handed through as it is."""
    if isinstance(recipe, Original):
        return state[recipe.name]
    dtype = state[next(originals(recipe))].dtype
    result: Tensor = _compute(recipe, state).to(dtype)
    return result


def _compute(recipe: Recipe, state: Mapping[str, Tensor]) -> Any:
    if isinstance(recipe, Original):
        return state[recipe.name].detach().double()
    values = [each if isinstance(each, int | float) else _compute(each, state) for each in recipe.arguments]
    return FUNCTIONS[recipe.function](*values)


def _scale_rows(weight: Tensor, scale: Tensor) -> Tensor:
    return weight * scale.reshape(-1, *[1] * (weight.dim() - 1))


def _scale_transposed(weight: Tensor, scale: Tensor, groups: int) -> Tensor:
    """Scale output channels of a transposed convolution: its weight is (in, out / groups, height, width)."""
    grouped = weight.reshape(groups, -1, *weight.shape[1:])
    return (grouped * scale.reshape(groups, 1, -1, 1, 1)).reshape(weight.shape)


def _concat(*parts: Tensor) -> Tensor:
    import torch

    return torch.cat(parts)


def _concat_columns(*parts: Tensor) -> Tensor:
    import torch

    return torch.cat(parts, dim=1)


def _standardized(weight: Tensor, eps: float) -> Tensor:
    """Each filter with mean 0 and variance 1."""
    axes = (1, 2, 3)
    deviation = weight - weight.mean(axes, keepdim=True)
    return deviation / (deviation.square().mean(axes, keepdim=True) + eps).sqrt()


def _centred(weight: Tensor, height: int, width: int) -> Tensor:
    """Filters of 1x1 as the centres of larger ones."""
    import torch.nn.functional as F

    return F.pad(weight, (width // 2, width // 2, height // 2, height // 2))


# What recipes may apply. Rows are output channels: axis 0 of a weight.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "bn_scale": lambda weight, variance, eps: weight / (variance + eps).sqrt(),
    "bn_shift": lambda bias, mean, scale: bias - mean * scale,
    "scale_rows": _scale_rows,
    "scale_transposed": _scale_transposed,
    "times": lambda tensor, factor: tensor * factor,
    "mul": lambda one, other: one * other,
    "add": lambda *terms: reduce(lambda one, other: one + other, terms),
    "rows": lambda tensor, start, stop: tensor[start:stop],
    "concat": _concat,
    "concat_columns": _concat_columns,
    "centred": _centred,
    "standardized": _standardized,
    "pixels_last": packing.pixels_last,
    "blocked": packing.blocked,
    "over_map": packing.over_map,
    "taps_first": packing.taps_first,
    "bundle": packing.bundle,
    "columns": packing.columns,
    "step": eight_bits.step,
    "inverse": lambda step: 1 / step,
    "ratio": lambda one, other: (one / other).reshape(1),
    "filter_scales": eight_bits.filter_scales,
    "scaled_filters": eight_bits.scaled_filters,
    "whole": lambda numbers: numbers.round(),
    "factors": eight_bits.factors,
}
