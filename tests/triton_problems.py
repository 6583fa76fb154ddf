"""The small problems of every kernel, for tests that hold for all of them."""

from __future__ import annotations

from typing import Any

from cnndsl.backends.triton.building import Chosen, suggested
from cnndsl.kernels.families import FAMILIES, conv_tma
from cnndsl.kernels.targets import Target

PROBLEMS: dict[str, tuple[str, Any]] = {
    f"{family.name}, {label}" if label else family.name: (family.name, problem)
    for family in FAMILIES.values()
    for label, problem in family.examples.items()
}


def by_boxes(kernel: str, problem: Any, target: Target) -> Chosen:
    """`conv_tma` wherever it serves."""
    if kernel == "conv_gemm" and conv_tma.refusal(problem) is None:
        return Chosen("conv_tma", conv_tma.suggest(problem, target))
    return suggested(kernel, problem, target)
