"""What a network says of pictures that it does not learn from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cnndsl.photographs.preprocessing import Preprocessing
from cnndsl.train.data.images import Pictures
from cnndsl.train.learner import Learner
from cnndsl.train.objective import Objective
from cnndsl.train.pixels import Measured, loader
from cnndsl.train.progress import Tally


class Answers(NamedTuple):
    """Of one batch: which pictures, their labels, and the logits of the main result."""

    indices: Tensor
    labels: Tensor
    logits: Tensor
    unread: tuple[str, ...]


def answers(
    module: nn.Module, objective: Objective, dataset: Measured, batches: list[list[int]], workers: int
) -> Iterator[Answers]:
    """In eval mode, batch after batch."""
    module.eval()
    device = next((each.device for each in module.parameters()), torch.device("cpu"))
    for item in loader(dataset, batches, workers):
        logits = torch.empty(0)
        if len(item.pixels):
            with torch.inference_mode():
                logits = objective.logits(module(item.pixels.to(device)))[0].cpu()
        yield Answers(item.indices, item.labels, logits, item.unread)


def held_out(learner: Learner, pictures: Pictures, preprocessing: Preprocessing, workers: int) -> Tally:
    """Loss and errors on all of them, which the processes share out among themselves."""
    accelerator, batch = learner.accelerator, learner.recipe.batch
    indices = list(range(len(pictures.labels)))[accelerator.process_index :: accelerator.num_processes]
    batches = [indices[at : at + batch] for at in range(0, len(indices), batch)]
    tally = Tally()
    for each in answers(learner.kept, learner.objective, Measured(pictures, preprocessing), batches, workers):
        if len(each.labels):
            loss = torch.nn.functional.cross_entropy(each.logits, each.labels)
            tally.add(float(loss), float((each.logits.argmax(1) != each.labels).sum()), len(each.labels))
    return summed(learner, tally)


def summed(learner: Learner, tally: Tally) -> Tally:
    """Over all processes."""
    if learner.accelerator.num_processes == 1:
        return tally
    sums = torch.tensor([tally.loss, tally.wrong, tally.seen], dtype=torch.float64, device=learner.accelerator.device)
    return Tally(*learner.accelerator.reduce(sums, "sum").tolist())
