"""Everything that could run a problem: configurations of our kernels, and the library's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from cnndsl.backends.triton import library
from cnndsl.backends.triton.building import Choice
from cnndsl.kernels.families import FAMILIES, conv_gemm
from cnndsl.kernels.targets import Target
from cnndsl.kernels.work import ceil_div

SPLITS = (2, 4, 8, 16)
PASS = 2000.0  # products in the time of writing and reading one part of a sum
FEWEST_STEPS = 2  # of a split sum, in each part
MOST = {name: family.most for name, family in FAMILIES.items() if family.most}


def candidates(kernel: str, problem: Any, target: Target) -> tuple[Choice, ...]:
    """Each kernel and configuration that takes a problem which is posed to `kernel`, the cost model's choice first."""
    found: dict[Choice, None] = {(kernel, FAMILIES[kernel].suggest(problem, target)): None}
    for name, family in FAMILIES.items():
        if kernel in (name, *family.rivals) and family.refusal(problem) is None:
            found |= {(name, config): None for config in family.configurations(problem, target)}
    if kernel == "conv_gemm":
        found |= {("conv_gemm", config): None for config in _split(problem, target)}
        if target.nvidia:
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
    own = [choice for choice in every if choice[0] == kernel]
    return sorted(own, key=lambda choice: _modelled(problem, choice[1], target))[:most]


def _modelled(problem: conv_gemm.Problem, config: Any, target: Target) -> float:
    """The time of one multiprocessor, in products; parts of a split sum are written and read again."""
    ours = isinstance(config, conv_gemm.Config)  # the only one to split sums, and to leave zeros out
    splits, computed = (config.splits, problem.computed(config.block_n)) if ours else (1, 1.0)
    tiles = ceil_div(problem.pixels, config.block_m) * ceil_div(problem.filters, config.block_n) * problem.bundles
    steps = ceil_div(ceil_div(problem.depth, config.block_k), splits)
    size = config.block_m * config.block_n
    reuse = 1 + 64 * (config.block_m + config.block_n) / size
    passes = PASS * splits * problem.pixels * problem.filters / target.units if splits > 1 else 0.0
    products = size * reuse * steps * config.block_k * computed
    return float(ceil_div(tiles * splits, target.units) * products + passes)


def _split(problem: conv_gemm.Problem, target: Target) -> Iterator[conv_gemm.Config]:
    """Every tile with its sum in so many parts that they fill the GPU at most twice."""
    if problem.second or problem.bundles > 1:
        return
    for shipped in conv_gemm.configurations(target, problem.dtype):
        config = conv_gemm.fit(shipped, problem)
        tiles = ceil_div(problem.pixels, config.block_m) * ceil_div(problem.filters, config.block_n)
        steps = ceil_div(problem.depth, config.block_k)
        for splits in SPLITS:
            if tiles < target.units and tiles * splits <= 2 * target.units and steps >= splits * FEWEST_STEPS:
                yield replace(config, splits=splits)
