"""An axis of a chart: from numbers to pixels, with round numbers as its ticks."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, floor, log10
from typing import NamedTuple


class Scale(NamedTuple):
    """From numbers to pixels along an axis."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> Iterator[float]:
        """Round numbers, four to ten of them."""
        rough = (self.high - self.low) / 6
        power = 10.0 ** floor(log10(rough))
        step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
        for index in range(ceil(self.low / step), floor(self.high / step) + 1):
            yield index * step
