"""Large numbers as pictures write them: three digits and a unit."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from cnndsl.ops.base import Shape


def memory(shapes: Iterable[Shape]) -> str:
    """`602KB`: what tensors of such shapes take in float32."""
    return f"{count(4 * sum(map(prod, shapes)))}B"


def count(number: int) -> str:
    """Three digits and a unit: `61.0M`, `1.58G`; a number below ten thousand as it is."""
    for unit, size in (("T", 10**12), ("G", 10**9), ("M", 10**6), ("K", 10**3)):
        if number >= size and number >= 10_000:
            scaled = number / size
            return f"{scaled:.{max(0, 3 - len(str(int(scaled))))}f}{unit}"
    return str(number)
