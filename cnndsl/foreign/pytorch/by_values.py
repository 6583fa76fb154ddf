"""Modules known by their values: norms that are written out, of which each step alone is no layer.

A module without parts is run on random images, and layers whose values it gives are it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cnndsl.foreign.pytorch.whole_modules import ROLES
from cnndsl.foreign.standardized import USUAL
from cnndsl.ops.base import Op, Shape
from cnndsl.ops.normalization import Grn, LayerNorm

if TYPE_CHECKING:
    from torch import Tensor, nn

TOLERANCE = 1e-10


def layer_by_values(module: nn.Module, shape: Shape) -> Op | None:
    """The layer with weights that computes what a module does of images of `shape`; None if there is none."""
    import torch

    tensors = {ROLES.get(name): tensor for name, tensor in module.named_parameters(recurse=False)}
    weight, bias = tensors.get("weight"), tensors.get("bias")
    if len(shape) != 3 or weight is None or bias is None or any(module.children()):
        return None
    image = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    try:
        with torch.no_grad():
            theirs = module(image)
    except Exception:  # whatever foreign code raises for an image
        return None
    for op, ours in _candidates(image, weight.flatten(), bias.flatten(), getattr(module, "eps", None)):
        if getattr(theirs, "shape", None) == ours.shape and float((theirs - ours).abs().max()) < TOLERANCE:
            return op
    return None


def _candidates(x: Tensor, weight: Tensor, bias: Tensor, eps: Any) -> Iterator[tuple[Op, Tensor]]:
    from torch.nn import functional

    if not weight.numel() == bias.numel() == x.shape[1]:
        return
    for number in (float(eps), *USUAL) if isinstance(eps, int | float) and eps > 0 else USUAL:
        last = x.movedim(1, -1)
        yield LayerNorm(eps=number), functional.layer_norm(last, weight.shape, weight, bias, number).movedim(-1, 1)
        norms = x.norm(p=2, dim=(2, 3), keepdim=True)
        relative = norms / (norms.mean(dim=1, keepdim=True) + number)
        yield Grn(eps=number), x + weight[:, None, None] * x * relative + bias[:, None, None]
