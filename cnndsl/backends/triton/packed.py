"""Packed weights of a plan from the state dict of the network as it was written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cnndsl.backends.triton.plan import Plan
from cnndsl.states.recipes import evaluate

if TYPE_CHECKING:
    from torch import Tensor


def pack_weights(plan: Plan, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Every packed weight by its name in the plan, folded in float64 and rounded once to its type.

    Raises `KeyError` with the name of an original tensor that is not in `state`.
    """
    from cnndsl.kernels.specialization import TORCH_DTYPES

    return {
        weight.name: evaluate(weight.recipe, state).to(TORCH_DTYPES[weight.dtype]).contiguous()
        for weight in plan.weights
    }
