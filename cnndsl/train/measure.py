"""How a network that learns does on pictures that it does not learn from."""

from __future__ import annotations

import torch

from cnndsl.photographs.preprocessing import Preprocessing
from cnndsl.train.answers import answers, batches_of
from cnndsl.train.data.images import Pictures
from cnndsl.train.learner import Learner
from cnndsl.train.pixels import Measured
from cnndsl.train.progress import Tally


def held_out(learner: Learner, pictures: Pictures, preprocessing: Preprocessing, workers: int) -> Tally:
    """Loss and errors on all of them, which the processes share out among themselves."""
    accelerator = learner.accelerator
    indices = range(accelerator.process_index, len(pictures.labels), accelerator.num_processes)
    batches = batches_of(indices, learner.recipe.batch)
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
