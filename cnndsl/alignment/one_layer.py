"""Modules that are one layer to us and many operators to PyTorch, known by the name of their class.

A name alone proves nothing, nor does it have to: outputs are compared after every transfer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cnndsl.alignment import units
from cnndsl.alignment.exported_program import Held
from cnndsl.alignment.units import Description
from cnndsl.ops.base import Shape
from cnndsl.ops.images import same_sides

# Whoever writes such a module calls its learned tensors so.
ROLES = {"weight": "weight", "gamma": "weight", "bias": "bias", "beta": "bias"}


def _response_norm(module: Any, shape: Shape) -> Description | None:
    return units.response_norm(module.size, module.alpha, module.beta, module.k)


def _global_response_norm(module: Any, shape: Shape) -> Description | None:
    weight = module.weight if hasattr(module, "weight") else module.gamma
    return units.norm("grn", weight.numel(), {"eps": getattr(module, "eps", 1e-6)})


def _weighted_add(module: Any, shape: Shape) -> Description | None:
    return units.plain("weighted_add", {"normalize": module.normalize})


def _blur_pool(module: Any, shape: Shape) -> Description | None:
    """Ours, or timm's if it mirrors its edges as ours does."""
    if getattr(module, "pad_mode", "reflect") != "reflect":
        return None
    kernel = module.kernel_size if hasattr(module, "kernel_size") else module.filt_size
    return units.blur_pool(kernel, module.stride)


def _same_avgpool(module: Any, shape: Shape) -> Description | None:
    size, kernel, stride = (shape[1], shape[2]), module.kernel_size, module.stride
    sides = same_sides(size, kernel, stride)
    return units.pool("avgpool", kernel, stride, sides, size, ceil=False, include_pad=not module.real_pixels)


# By the class's name, from the module and the shape of its input; None says that this one is another layer after all,
# and is read operator by operator.
ONE_LAYER: Mapping[str, Callable[[Any, Shape], Description | None]] = {
    "LocalResponseNorm": _response_norm,
    "GlobalResponseNorm": _global_response_norm,
    "GRN": _global_response_norm,
    "WeightedAdd": _weighted_add,
    "BlurPool": _blur_pool,
    "BlurPool2d": _blur_pool,
    "SameAvgPool2d": _same_avgpool,
}

# Layers of several inputs, each of which one operator reads.
MERGES = frozenset({"weighted_add"})
# Convolutions that bring their weights to mean 0 and variance 1: timm's, and ours.
STANDARDIZED = frozenset({"StdConv2d", "StandardizedConv2d"})


def roles(held: Iterable[Held]) -> dict[str, Held]:
    """Learned tensors by role; what is only computed with, such as a fixed kernel, has none."""
    names = {each: each.name.rpartition(".")[2] for each in held}
    return {ROLES[name]: each for each, name in names.items() if name in ROLES and not each.computed}
