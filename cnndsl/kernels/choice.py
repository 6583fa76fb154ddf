"""Which kernel takes a problem where nothing was measured: of all that can, the fastest by the model of tiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cnndsl.kernels.families import FAMILIES
from cnndsl.kernels.family import Family
from cnndsl.kernels.targets import Target


def taking(kernel: str, problem: Any, target: Target) -> Iterator[Family]:
    """The families that can compute a problem which is posed to `kernel` on a GPU, that one first."""
    yield FAMILIES[kernel]
    for family in FAMILIES.values():
        if kernel in family.rivals and family.refusal(problem) is None and family.configurations(problem, target):
            yield family


def suggest(kernel: str, problem: Any, target: Target) -> tuple[str, Any]:
    """The kernel and its configuration."""
    choices = [(family.name, family.suggest(problem, target)) for family in taking(kernel, problem, target)]
    if len(choices) == 1:
        return choices[0]
    return min(choices, key=lambda choice: seconds(choice, problem, target))


def seconds(choice: tuple[str, Any], problem: Any, target: Target) -> float:
    """How long a launch takes by the model of tiles, which the kernel must have, and at least by device memory."""
    kernel, config = choice
    family = FAMILIES[kernel]
    assert family.tiling is not None, f"{kernel} has no tiles to choose by"
    return max(family.tiling(problem, config).seconds(target), family.work(problem).bytes / target.bandwidth)
