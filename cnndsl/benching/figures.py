"""Numbers about many runs: where most of them lie, and how sure a ratio is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from statistics import median, quantiles

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Spread:
    """The median of runs, and between what four of five lie."""

    median: float
    p10: float
    p90: float


@dataclass(frozen=True)
class Ratio:
    """A median of ratios, and an interval that holds the true one with 95 %."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    tenths = quantiles(values, n=10, method="inclusive")
    return Spread(median(values), tenths[0], tenths[-1])


def ratio(values: Sequence[float], base: Sequence[float]) -> Ratio:
    """Of two engines in the same rounds: what slows a round down hits both alike."""
    ratios = sorted(a / b for a, b in zip(values, base, strict=True))
    at = _rank(len(ratios))
    return Ratio(median(ratios), ratios[at], ratios[-1 - at])


def _rank(count: int) -> int:
    """How many of the sorted values may be left out at each end.

    Whatever their distribution, each is below its median or above with equal chances, so how many are below is
    binomial. Of fewer than six the whole range is less sure than wanted.
    """
    most, tail = (1 - CONFIDENCE) / 2 * 2**count, 0
    for left_out in range(count):
        tail += comb(count, left_out)
        if tail > most:
            return max(0, left_out - 1)
    return 0
