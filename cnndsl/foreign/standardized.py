"""Weights that are standardised whenever they are used, known by their values, however that is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnndsl.foreign.draft import Kept

if TYPE_CHECKING:
    from torch import Tensor

# What people add to the variance.
USUAL = (1e-6, 1e-5, 1e-10, 1e-8, 1e-3, 1e-12)
TOLERANCE = 1e-10


def standardized(weight: Kept, eps: float | None) -> tuple[Kept, float, Kept | None] | None:
    """The kept weight whose filters were brought to mean 0 and variance 1, and by what each was multiplied, if it was.

    `eps` is what is likely added to the variance. With a factor for each filter any number would do.
    """
    found = [
        (origin, number, gains)
        for origin in _kept_before(weight)
        if origin.shape == weight.shape
        for number in ((eps, *USUAL) if eps else USUAL)
        if (gains := _gains(weight.value, origin.value, number)) is not None
    ]
    for origin, number, gains in found:
        if float((gains - 1).abs().max()) < TOLERANCE:
            return origin, number, None
    for origin, number, gains in found:
        return origin, number, Kept(gains, origins=(weight,), learned=True)
    return None


def _gains(weight: Tensor, origin: Tensor, eps: float) -> Tensor | None:
    """By what each filter of a standardised weight was multiplied; None if it is not one."""
    import torch

    variance, mean = torch.var_mean(origin, dim=(1, 2, 3), correction=0, keepdim=True)
    standard = ((origin - mean) * torch.rsqrt(variance + eps)).flatten(1)
    flat = weight.flatten(1)
    square = (standard * standard).sum(1)
    if not bool((square > 0).all()):
        return None
    gains = (flat * standard).sum(1) / square
    error = (flat - gains[:, None] * standard).abs().max()
    exact = abs(float(gains.abs().max())) > 0 and float(error) <= TOLERANCE * float(flat.abs().max())
    return gains if exact else None


def _kept_before(kept: Kept) -> Iterator[Kept]:
    """The named tensors that one is computed from."""
    pending = [*kept.origins]
    while pending:
        origin = pending.pop()
        if origin.name:
            yield origin
        pending += origin.origins
