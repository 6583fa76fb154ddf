"""The effective receptive field: how much each pixel counts for the middle of a map (Luo et al. 2016, section 3)."""

from __future__ import annotations

from cnndsl.backends.torch import build
from cnndsl.features.forms import up_to
from cnndsl.ir.graph import Graph

PICTURES = 20  # as many draws of weights and pictures, averaged


def effective_field(graph: Graph, at: str) -> dict[tuple[float, float], float]:
    """What pixels count, the most being 1, by (row, column) from the middle of where the layer looks.

    It is the mean size of the gradient that the middle of the layer's map, all channels alike, has to each pixel, with
    weights as they are drawn and pictures of noise. Of several pictures that go in, the first.
    """
    import torch

    part = up_to(graph, [at])
    total = None
    for seed in range(PICTURES):
        module = build(part, seed=seed).eval()
        noise = torch.Generator().manual_seed(seed)
        pictures = [torch.randn(1, *node.shape, generator=noise).requires_grad_() for node in part.inputs]
        seen = module(*pictures)
        seen[0, :, seen.shape[2] // 2, seen.shape[3] // 2].sum().backward()
        gradient = pictures[0].grad
        strength = gradient.abs().sum(dim=(0, 1)) if gradient is not None else torch.zeros(part.inputs[0].shape[1:])
        total = strength if total is None else total + strength
    assert total is not None
    return _around_the_middle(total / total.max().clamp(min=1e-30))


def _around_the_middle(counts: object) -> dict[tuple[float, float], float]:
    """The pixels that count at all, from the middle of those."""
    import torch

    assert isinstance(counts, torch.Tensor)
    rows, columns = (counts > 0).nonzero(as_tuple=True)
    middle = (int(rows.min() + rows.max()) / 2, int(columns.min() + columns.max()) / 2) if len(rows) else (0, 0)
    return {
        (row - middle[0], column - middle[1]): float(counts[row, column])
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
    }
