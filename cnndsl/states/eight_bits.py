"""Weights and scales of 8 bits, as functions that recipes may apply; a number of 8 bits stands for so many steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def step(largest_magnitude: Tensor, largest: int) -> Tensor:
    """What one step stands for, so that the largest magnitude is the largest number; 1 where all was 0."""
    return (largest_magnitude / largest).masked_fill(largest_magnitude == 0, 1.0)


def filter_scales(largest: int, *pairs: Tensor) -> Tensor:
    """By filter, what the largest of its weights is divided by to be the largest number.

    Pairs are the step of each source and the weights that multiply it, which are counted times that step.
    """
    import torch

    sources = zip(pairs[::2], pairs[1::2], strict=True)
    magnitudes = torch.stack([weight.flatten(1).abs().amax(1) * step for step, weight in sources]).amax(0)
    return step(magnitudes, largest)


def scaled_filters(step: Tensor, weight: Tensor, scales: Tensor) -> Tensor:
    """The weights of one source times its step, each filter divided by its scale."""
    return weight * step / scales.reshape(-1, *[1] * (weight.dim() - 1))


def factors(sums: Tensor | int, residual: Tensor | int, *results: Tensor | int) -> Tensor:
    """Three rows with a number for each filter: of sums, of the residual, and of results.

    The latter come in pairs: how many filters have a factor, and that one.
    """
    import torch

    known = next(each for each in (sums, residual, *results) if isinstance(each, torch.Tensor))
    counts = [int(count) for count in results[::2]]
    row = [known.new_tensor(float(factor)).expand(count) for count, factor in zip(counts, results[1::2], strict=True)]
    others = [torch.as_tensor(each).to(known).expand(sum(counts)) for each in (sums, residual)]
    return torch.stack([*others, torch.cat(row)])
