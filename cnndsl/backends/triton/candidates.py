"""Everything that could run a problem: configurations of our kernels, and libraries'."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cnndsl.backends.triton import library
from cnndsl.backends.triton.building import Choice
from cnndsl.kernels import choice
from cnndsl.kernels.families import FAMILIES, conv_gemm
from cnndsl.kernels.targets import Target

MOST = {name: family.most for name, family in FAMILIES.items() if family.most}


def candidates(kernel: str, problem: Any, target: Target) -> tuple[Choice, ...]:
    """Each kernel and configuration that takes a problem which is posed to `kernel`, the cost model's choice first."""
    found: dict[Choice, None] = {choice.suggest(kernel, problem, target): None}
    for family in choice.taking(kernel, problem, target):
        own = (family.suggest(problem, target), *family.configurations(problem, target))
        found |= {(family.name, config): None for config in own}
    if target.nvidia and kernel in library.POSED:
        found |= dict.fromkeys(library.candidates(problem))
    return tuple(found)


def promising(kernel: str, problem: Any, target: Target) -> tuple[Choice, ...]:
    """The candidates that may be the fastest: of the many of a matrix product those that a model likes best.

    The first of `candidates`, which is chosen where nothing was measured, is always one of them.
    """
    every = candidates(kernel, problem, target)
    kept = {each for name, most in MOST.items() for each in _best(every, name, most, problem, target)}
    return tuple(each for each in every if each[0] not in MOST or each in kept | {every[0]})


def other_tiles(kernel: str, problem: Any, config: Any, target: Target) -> list[Any]:
    """What can take the place of a configuration in a plan: of the same kernel, in as many parts, the best first."""
    every = [each for each in candidates(kernel, problem, target) if each[0] == kernel]
    ordered = _best(every, kernel, len(every), problem, target) if kernel in MOST else every
    return [other for _, other in ordered if other != config and _parts(other) == _parts(config)]


def _parts(config: Any) -> int:
    return config.splits if isinstance(config, conv_gemm.Config) else 1


def _best(every: Iterable[Choice], kernel: str, most: int, problem: Any, target: Target) -> list[Choice]:
    own = [each for each in every if each[0] == kernel]
    return sorted(own, key=lambda each: choice.seconds(each, problem, target))[:most]
