"""Independent implementations to compare with: torchvision and timm models, importable beside a CPU build of torch."""

from __future__ import annotations

from functools import cache
from types import ModuleType

import torch

# torchvision's compiled operators are not built for every torch; declaring the two that its import asks for is enough
# for the models. The object must live as long as the declarations.
_LIBRARY = torch.library.Library("torchvision", "FRAGMENT")


@cache
def torchvision_models() -> ModuleType:
    """`torchvision.models`."""
    for operator in (
        "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
        "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    ):
        if not hasattr(torch.ops.torchvision, operator.partition("(")[0]):
            _LIBRARY.define(operator)
    from torchvision import models

    return models


def relative_error(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """|ours - theirs| / |theirs| over all elements; NaN counts as infinite."""
    error = ((ours - theirs).norm() / theirs.norm()).item()
    return error if error == error else float("inf")
