"""What a plan must move and compute at least, and the time that takes on a GPU: its floor."""

from __future__ import annotations

from dataclasses import replace

from cnndsl.backends.triton.plan import Launch, Plan, Scratch
from cnndsl.kernels.families import FAMILIES
from cnndsl.kernels.targets import Target
from cnndsl.kernels.tiling import Tiling
from cnndsl.kernels.work import Work


def launch_work(launch: Launch) -> Work:
    """What one launch moves and computes; the parts of a split sum are written and read once more."""
    if launch.kernel not in FAMILIES:
        work: Work = launch.problem.work()
        return work
    work = FAMILIES[launch.kernel].work(launch.problem)
    scratch = sum(tensor.elements for tensor in launch.tensors.values() if isinstance(tensor, Scratch))
    return replace(work, bytes=work.bytes + 8 * scratch)


def cached(launch: Launch) -> int:
    """Bytes that one launch reads through the L2 cache: a tile of a matrix product reads its operands for itself."""
    if launch.kernel not in FAMILIES:
        return launch_work(launch).bytes
    return FAMILIES[launch.kernel].cached(launch.problem, launch.config)


def tiling_of(launch: Launch) -> Tiling | None:
    """The blocks of a launch that multiplies matrices in tiles; None of another."""
    tiling = FAMILIES[launch.kernel].tiling if launch.kernel in FAMILIES else None
    return tiling(launch.problem, launch.config) if tiling else None


def modelled(launch: Launch, target: Target) -> float:
    """Seconds of one launch: the slowest of arithmetic, device memory and L2 cache."""
    work = launch_work(launch)
    return max(target.seconds(work.bytes, work.halves), cached(launch) / target.l2)


def total_work(plan: Plan) -> Work:
    every = [launch_work(launch) for launch in plan.launches]
    bytes_, flops = sum(work.bytes for work in every), sum(work.flops for work in every)
    return Work(bytes_, flops, sum(work.eights for work in every))


def floor(plan: Plan, target: Target) -> float:
    """Seconds that the plan takes at least on a GPU, launch after launch."""
    every = map(launch_work, plan.launches)
    return sum(target.seconds(work.bytes, work.halves) for work in every)
