"""Everything that could run a problem: configurations of our kernels, and the library's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cnndsl.backends.triton import library
from cnndsl.backends.triton.building import Choice
from cnndsl.kernels.families import FAMILIES, conv_gemm
from cnndsl.kernels.targets import Target

MOST = {name: family.most for name, family in FAMILIES.items() if family.most}


def candidates(kernel: str, problem: Any, target: Target) -> tuple[Choice, ...]:
    """Each kernel and configuration that takes a problem which is posed to `kernel`, the cost model's choice first."""
    found: dict[Choice, None] = {(kernel, FAMILIES[kernel].suggest(problem, target)): None}
    for name, family in FAMILIES.items():
        if kernel in (name, *family.rivals) and family.refusal(problem) is None:
            found |= {(name, config): None for config in family.configurations(problem, target)}
    if kernel == "conv_gemm" and target.nvidia:
        found |= {("cudnn", config): None for config in library.configurations(problem)}
    return tuple(found)


def promising(kernel: str, problem: Any, target: Target) -> tuple[Choice, ...]:
    """The candidates that may be the fastest: of the many of a matrix product those that a model likes best.

    The first of `candidates`, which is chosen where nothing was measured, is always one of them.
    """
    every = candidates(kernel, problem, target)
    kept = {choice for name, most in MOST.items() for choice in _best(every, name, most, problem, target)}
    return tuple(choice for choice in every if choice[0] not in MOST or choice in kept | {every[0]})


def other_tiles(kernel: str, problem: Any, config: Any, target: Target) -> list[Any]:
    """What can take the place of a configuration in a plan: of the same kernel, in as many parts, the best first."""
    every = [choice for choice in candidates(kernel, problem, target) if choice[0] == kernel]
    ordered = _best(every, kernel, len(every), problem, target) if kernel in MOST else every
    return [other for _, other in ordered if other != config and _parts(other) == _parts(config)]


def _parts(config: Any) -> int:
    return config.splits if isinstance(config, conv_gemm.Config) else 1


def _best(every: Iterable[Choice], kernel: str, most: int, problem: Any, target: Target) -> list[Choice]:
    own, tiling = [choice for choice in every if choice[0] == kernel], FAMILIES[kernel].tiling
    assert tiling is not None, f"{kernel} has more configurations than are measured, and no model to choose by"
    return sorted(own, key=lambda choice: tiling(problem, choice[1]).seconds(target))[:most]
