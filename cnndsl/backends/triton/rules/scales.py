"""Weights of 8 bits and scales, as recipes: they follow from the weights of a checkpoint and the ranges of tensors.

A tensor's step is its range over the largest number. The weights that multiply it are taken times that step, and each
filter of them is divided by a scale, so that its largest becomes the largest number: of two sources both by the same,
as the sum of both is one number. Recipes read ranges first: what follows from them then has the type of these, float32,
and not that of a checkpoint in half precision.
"""

from __future__ import annotations

from itertools import pairwise

from cnndsl.backends.triton.building import Building
from cnndsl.backends.triton.eight_bits import range_of, range_recipe, sources, stretches
from cnndsl.backends.triton.plan import Packed
from cnndsl.ir.graph import Node
from cnndsl.ir.recipe import Argument, Recipe, apply
from cnndsl.kernels.families.conv_gemm import ROWS
from cnndsl.kernels.precision import LARGEST, Dtype
from cnndsl.ops.base import Shape
from cnndsl.ops.fused import Fused

NAMES = ("weight", "weight2")


def weights(building: Building, node: Node, dtype: Dtype, *packed: tuple[Recipe, Shape]) -> list[Packed]:
    """Those of each source of a convolution or linear layer in a type, given how they are packed."""
    found = []
    for index, (recipe, shape) in enumerate(packed):
        numbers = _numbers(building, node, index, recipe) if dtype in LARGEST else recipe
        found.append(building.packed(f"{node.name}.{NAMES[index]}", shape, numbers, dtype))
    return found


def _numbers(building: Building, node: Node, index: int, packed: Recipe) -> Recipe:
    step = _step(building, _sources(building, node)[index])
    scaled = apply("scaled_filters", step, packed, _filter_scales(building, node))
    return apply("whole", scaled) if building.eight_bits == "int8" else scaled


def factors(building: Building, node: Node) -> Packed | None:
    """By filter, what the sum is multiplied by, then the residual, then the result; None if nothing has 8 bits."""
    op, names = node.op, _sources(building, node)
    assert isinstance(op, Fused)
    residual = node.inputs[1:] if op.adds else ()
    if not building.narrow(*names, *residual, node.name):
        return None
    sums = _filter_scales(building, node) if building.narrow(*names) else 1
    beside = [_step(building, name) if building.narrow(name) else 1 for name in residual] or [1]
    results: list[Argument] = []
    for channels, ranged in stretches(building.graph, building.layout, node.name):
        results += [channels, 1 if ranged is None else apply("inverse", _step_of_range(building, ranged))]
    recipe = apply("factors", sums, *beside, *results)
    return building.packed(f"{node.name}.scales", (ROWS, node.shape[0]), recipe, "fp32")


def pool_scale(building: Building, node: Node) -> Packed | None:
    """What a pool multiplies its results by: the step of what it reads over that of what it writes."""
    x, y = node.inputs[0], node.name
    if not building.narrow(x, y):
        return None
    steps = [_step(building, name) if building.narrow(name) else 1 for name in (x, y)]
    return building.packed(f"{node.name}.scale", (1,), apply("ratio", *steps), "fp32")


def _sources(building: Building, node: Node) -> list[str]:
    """The tensors that a convolution multiplies: two if it was joined with a projection shortcut."""
    return sources(building.graph, building.layout, node.inputs[0])


def _filter_scales(building: Building, node: Node) -> Recipe:
    """By filter, what one of its sums stands for."""
    names, whole = _sources(building, node), node.recipe("weight")
    parts = [whole]
    if len(names) > 1:
        stops = [building.view(name).channels for name in names]
        parts = [apply("columns", whole, *pair) for pair in pairwise((0, stops[0], sum(stops)))]
    steps = [_step(building, name) for name in names]
    pairs = (argument for pair in zip(steps, parts, strict=True) for argument in pair)
    return apply("filter_scales", _largest(building), *pairs)


def _step(building: Building, name: str) -> Recipe:
    """What one step of a tensor stands for."""
    return _step_of_range(building, range_of(building.graph, building.layout, name))


def _step_of_range(building: Building, ranged: str) -> Recipe:
    return apply("step", range_recipe(ranged), _largest(building))


def _largest(building: Building) -> int:
    return LARGEST[str(building.eight_bits)]
