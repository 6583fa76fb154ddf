"""What is measured: a network, the engines that run it, and on what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cnndsl.checking import Request
from cnndsl.models import Model

Dtype = Literal["fp32", "bf16"]
DTYPES: tuple[Dtype, ...] = ("fp32", "bf16")
LEAST_ROUNDS = 6  # of fewer no interval can be told


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often something is timed, and by what.

    rounds   in each every engine runs once, and alone it runs as often
    seconds  after which no further round begins, if there were the least
    rest     seconds before each turn, in which the threads of the engine before come to rest
    clock    the time that passes, or the processor's, for one thread on a machine that is not quiet
    """

    rounds: int = 30
    seconds: float = 60.0
    rest: float = 0.02
    clock: Literal["wall", "cpu"] = "wall"


@dataclass(frozen=True)
class Setting(Pace):
    """One row of measurements; the first of the engines is what the others are compared with."""

    model: Model
    request: Request
    engines: tuple[str, ...]
    batch: int = 1
    dtype: Dtype = "fp32"
    threads: int = 1
