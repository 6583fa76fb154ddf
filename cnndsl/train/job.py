"""What a run is asked to do, as plain data: `arguments.json` of its folder, whose form is in `train.schema.json`."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import Any

from cnndsl.errors import TrainingError
from cnndsl.train.recipe import Recipe

SCHEMA = "cnndsl.train/1"
LAYOUTS = ("channels_last", "contiguous")


@dataclass(frozen=True)
class Job:
    """Everything but the network, which the folder keeps as a bundle.

    `recipe` is what became of the one called `recipe_name`; `layout` is that of maps in memory, and `freeze` names
    parts that keep their weights. `weights` say where those at the start are from, if they were not drawn from `seed`.
    """

    model: str
    data: str
    recipe_name: str
    recipe: Recipe
    seed: int
    workers: int
    layout: str
    weights: str | None = None
    freeze: tuple[str, ...] = ()

    def text(self) -> str:
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=2) + "\n"


def workers_for(data: str) -> int:
    """How many processes read pictures: none of those that are in memory."""
    in_memory = data == "fake" or data.startswith(("fashionmnist:", "cifar10:"))
    return 0 if in_memory else min(8, os.cpu_count() or 1)


def parse_job(text: str) -> Job:
    """Raises `TrainingError` for what no run of this version wrote."""
    try:
        said: dict[str, Any] = json.loads(text)
        if said.pop("schema") != SCHEMA:
            raise ValueError("another schema")
        recipe = said.pop("recipe")
        milestones = tuple(recipe.pop("milestones"))
        job = Job(recipe=Recipe(**recipe, milestones=milestones), freeze=tuple(said.pop("freeze")), **said)
        _require_kinds(job)
        return job
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError("arguments.json is not one that this version of cnndsl has written") from error


def _require_kinds(job: Job) -> None:
    """Raise `ValueError` for values that no command line gives."""
    texts, numbers = (job.model, job.data, job.weights or "", *job.freeze), (job.seed, job.workers)
    right = {*map(type, texts)} == {str} and {*map(type, numbers)} == {int} and min(numbers) >= 0
    if not right or job.layout not in LAYOUTS:
        raise ValueError("another kind of value")
