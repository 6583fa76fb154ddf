"""What a network says of pictures, batch after batch, without learning from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from cnndsl.train.objective import Objective
from cnndsl.train.pixels import Item, loader

BATCH = 32


class Answers(NamedTuple):
    """Of one batch without what cannot be read: which pictures, their labels, and the logits of the main result."""

    indices: Tensor
    labels: Tensor
    logits: Tensor
    unread: tuple[str, ...]


def answers(
    module: nn.Module, objective: Objective, dataset: Dataset[Item], batches: Sequence[Sequence[int]], workers: int
) -> Iterator[Answers]:
    """In eval mode."""
    module.eval()
    device = next((each.device for each in module.parameters()), torch.device("cpu"))
    for item in loader(dataset, batches, workers):
        logits = torch.empty(0)
        if len(item.pixels):
            with torch.inference_mode():
                logits = objective.logits(module(item.pixels.to(device)))[0].cpu()
        yield Answers(item.indices, item.labels, logits, item.unread)


def batches_of(indices: Sequence[int], size: int = BATCH) -> list[Sequence[int]]:
    return [indices[at : at + size] for at in range(0, len(indices), size)]
