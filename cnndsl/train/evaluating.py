"""Evaluating: a module's guesses for all pictures that are held out, and which number of the module each class has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import nn
from tqdm import tqdm

from cnndsl.errors import DataError
from cnndsl.ir.graph import Graph
from cnndsl.photographs.finite import require_finite
from cnndsl.photographs.preprocessing import Preprocessing
from cnndsl.train.answers import Answers, answers, batches_of
from cnndsl.train.data.images import Data
from cnndsl.train.evaluation import Evaluation, Guess
from cnndsl.train.objective import Objective, results_of
from cnndsl.train.pixels import Measured


def evaluate(
    graph: Graph,
    module: nn.Module,
    preprocessing: Preprocessing,
    classes: Sequence[str],
    data: Data,
    named: str,
    *,
    workers: int = 0,
) -> Evaluation:
    """On what is held out of the data called `named`.

    Raises `TrainingError` for a network that does not classify, `DataError` if its classes are others, and
    `WeightsError` for values that are not finite.
    """
    objective = Objective(results_of(graph, 0.0), 0.0)
    numbers = class_numbers(graph, classes, data.classes)
    dataset, batches = Measured(data.held_out, preprocessing), batches_of(range(len(data.held_out.labels)))
    given = answers(module, objective, dataset, batches, workers)
    guesses: list[Guess] = []
    unread: list[str] = []
    for each in tqdm(given, "pictures", len(batches), disable=None, leave=False):
        unread += each.unread
        guesses += _guesses(each, data, numbers)
    if not guesses:
        raise DataError(f"{named} has no picture that can be read")
    return Evaluation(graph.name, named, tuple(classes), tuple(guesses), tuple(unread))


def class_numbers(graph: Graph, classes: Sequence[str], found: Sequence[str]) -> list[int]:
    """Of each class of the data, the number that the network has for it: by its name, else by its place.

    Raises `DataError`.
    """
    (count,) = graph.inference().output.shape
    if len(classes) != count:
        raise DataError(f"{graph.name} puts out {count:,} values, and there are {len(classes):,} names of classes")
    places = {name: number for number, name in enumerate(classes)}
    if len(places) == count and all(name in places for name in found):
        return [places[name] for name in found]
    if len(found) == count:
        return list(range(count))
    unknown = next(name for name in found if name not in places)
    raise DataError(f"{graph.name} has {count:,} classes, and {unknown!r} of the data is none of them")


def _guesses(batch: Answers, data: Data, numbers: list[int]) -> Iterator[Guess]:
    if not len(batch.indices):
        return
    require_finite(batch.logits, [data.held_out.name(index) for index in batch.indices.tolist()])
    probabilities = batch.logits.softmax(1)
    most, best = probabilities.max(1)
    for row, index in enumerate(batch.indices.tolist()):
        label = numbers[int(batch.labels[row])]
        own = probabilities[row, label]
        rank = int((probabilities[row] > own).sum()) + int((probabilities[row, :label] == own).sum())
        picture = data.held_out.name(index)
        yield Guess(picture, label, int(best[row]), float(own), float(most[row]), rank)
