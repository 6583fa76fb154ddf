"""What a plan must move and compute at least, and the time that takes on a GPU: its floor."""

from __future__ import annotations

from dataclasses import dataclass

from cnndsl.backends.triton.plan import Launch, Plan, Scratch
from cnndsl.kernels.families import FAMILIES
from cnndsl.kernels.specialization import Work


@dataclass(frozen=True)
class Card:
    """A GPU as a roofline: bytes per second of its memory, and half-precision floating point operations per second."""

    name: str
    bandwidth: float
    flops: float

    def seconds(self, work: Work) -> float:
        """A launch takes as long as the slower of its traffic and its arithmetic."""
        return max(work.bytes / self.bandwidth, work.flops / self.flops)


def launch_work(launch: Launch) -> Work:
    """What one launch moves and computes; the parts of a split sum are written and read once more."""
    if launch.kernel in ("torch", "cudnn"):
        work: Work = launch.problem.work()
        return work
    work = FAMILIES[launch.kernel].work(launch.problem)
    scratch = sum(tensor.elements for tensor in launch.tensors.values() if isinstance(tensor, Scratch))
    return Work(work.bytes + 4 * scratch, work.flops)


def total_work(plan: Plan) -> Work:
    every = [launch_work(launch) for launch in plan.launches]
    return Work(sum(work.bytes for work in every), sum(work.flops for work in every))


def floor(plan: Plan, card: Card) -> float:
    """Seconds that the plan takes at least, launch after launch."""
    return sum(card.seconds(launch_work(launch)) for launch in plan.launches)
