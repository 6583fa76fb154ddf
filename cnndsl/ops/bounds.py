"""Between which numbers the values of a tensor lie, whatever is learned."""

from __future__ import annotations

from math import inf

Bounds = tuple[float, float]
"""The least and the largest that a value can be."""

ANY: Bounds = (-inf, inf)
POSITIVE: Bounds = (0.0, inf)
"""From 0 on."""


def hull(*bounds: Bounds) -> Bounds:
    """The narrowest that hold all of them."""
    return min(low for low, _ in bounds), max(high for _, high in bounds)


def within(inner: Bounds, outer: Bounds) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def scaled(bounds: Bounds, factor: float) -> Bounds:
    """Those of the values times a factor that is not 0."""
    ends = bounds[0] * factor, bounds[1] * factor
    return min(ends), max(ends)
