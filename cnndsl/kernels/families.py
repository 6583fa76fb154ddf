"""All kernels by name, alike from outside: which problems each takes, what ships for it, and how it is specialized.

A plan names a kernel, a problem and a configuration, which is all plain data; here that becomes something to launch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cnndsl.kernels import across, chain, conv1x1_pre, conv_gemm, conv_grouped, conv_tma, move, pack, pointwise, pool
from cnndsl.kernels.specialization import Specialization, Work
from cnndsl.kernels.targets import Target

Problem = Any  # a dataclass of the kernel's module, with `work()`
Config = Any  # a dataclass of the kernel's module


@dataclass(frozen=True)
class Family:
    """One kernel.

    suggest         the configuration for a problem where nothing was measured
    configurations  every one that may be tried for it
    refusal         why it does not take a problem, if it does not
    work            what one launch must move and compute
    """

    specialize: Callable[[Problem, Config], Specialization]
    suggest: Callable[[Problem, Target], Config]
    configurations: Callable[[Problem, Target], tuple[Config, ...]]
    refusal: Callable[[Problem], str | None] = lambda problem: None
    work: Callable[[Problem], Work] = lambda problem: problem.work()


def _plain(module: Any) -> Family:
    return Family(
        module.specialize, module.suggest, lambda problem, target: module.configurations(target, _dtype(problem))
    )


def _dtype(problem: Problem) -> Any:
    return problem.y_dtype if isinstance(problem, pack.Problem) else problem.dtype


def _gemm_configurations(problem: conv_gemm.Problem, target: Target) -> tuple[conv_gemm.Config, ...]:
    """Those that ship, cut to the problem, and the suggested one with its splits."""
    shipped = (conv_gemm.fit(config, problem) for config in conv_gemm.configurations(target, problem.dtype))
    return tuple(dict.fromkeys((conv_gemm.suggest(problem, target), *shipped)))


def _chain_configurations(problem: chain.Problem, target: Target) -> tuple[chain.Config, ...]:
    shipped = (chain.fit(config, problem) for config in chain.configurations(target, problem.first.dtype))
    return tuple(dict.fromkeys((chain.suggest(problem, target), *shipped)))


def _only_tma(problem: conv_gemm.Problem, target: Target) -> conv_tma.Config:
    return min(
        conv_tma.configurations(target, problem.dtype),
        key=lambda config: conv_gemm.padded_work(problem, config.block_m, config.block_n, target),
    )


def _reduction_work(problem: conv_gemm.Problem) -> Work:
    return Work(0, 0)  # counted with the product that it finishes


FAMILIES: dict[str, Family] = {
    "conv_gemm": Family(conv_gemm.specialize, conv_gemm.suggest, _gemm_configurations),
    "conv_reduce": Family(conv_gemm.reduction, conv_gemm.suggest, lambda problem, target: (), work=_reduction_work),
    "conv_tma": Family(
        conv_tma.specialize,
        _only_tma,
        lambda problem, target: conv_tma.configurations(target, problem.dtype),
        conv_tma.refusal,
    ),
    "depthwise": Family(
        conv_grouped.specialize_depthwise,
        conv_grouped.suggest_depthwise,
        lambda problem, target: conv_grouped.configurations(target, problem.dtype),
        work=conv_grouped.depthwise_work,
    ),
    "chain": Family(
        chain.specialize,
        chain.suggest,
        _chain_configurations,
        chain.refusal,
    ),
    "conv1x1_pre": _plain(conv1x1_pre),
    "pool": _plain(pool),
    "pointwise": _plain(pointwise),
    "move": _plain(move),
    "pack": _plain(pack),
    "across": _plain(across),
}
