"""Several networks that learn, each in a folder of its own: beside each other by Ray where it is installed.

A run that is there goes on, and one that is done stays as it is, so that the same command ends what was interrupted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cnndsl.architecture import ArchError, Architecture
from cnndsl.checking import Request, check_model
from cnndsl.errors import Error, TrainingError, reason
from cnndsl.extras import missing
from cnndsl.models import Model
from cnndsl.train.data.named import read_data
from cnndsl.train.folder import open_folder
from cnndsl.train.job import Job
from cnndsl.train.progress import read_metrics
from cnndsl.train.run import begin, resume


@dataclass(frozen=True)
class Task:
    """A network, what it is asked to learn, and where that goes."""

    model: Model
    request: Request
    job: Job
    folder: Path


@dataclass(frozen=True)
class Learned:
    """The least error on what is held out, as a part of 1; None if the run was stopped or failed, for which `why`."""

    error: float | None
    why: str = ""


def learn_all(tasks: Sequence[Task], tell: Callable[[str], None]) -> Iterator[tuple[int, Learned]]:
    """What becomes of each, by its number: as it becomes known, or when all are done that Ray lets learn.

    One that fails does not end the others, and one that is stopped does. `tell` hears of each epoch and note.
    """
    if missing("ray"):
        for at, task in enumerate(tasks):
            found = learn(task, tell)
            yield at, found
            if found.error is None and not found.why:
                return
    else:
        yield from _by_ray(tasks, tell)


def learn(task: Task, tell: Callable[[str], None]) -> Learned:
    """Begin with a run, or go on."""
    try:
        network = _network(task.model, task.request)
        data = read_data(task.job.data, network.output_shape[0])
        if network.output_shape != (len(data.classes),):
            classes = {"classes": len(data.classes)}
            network = _network(task.model, replace(task.request, parameters={**task.request.parameters, **classes}))
        if task.folder.exists():
            _require_same(task, network)
            end = resume(task.folder, None, tell)
        else:
            end = begin(network, task.job, data, task.folder, tell)
    except Error as error:
        return Learned(None, reason(error))
    if end == "stopped":
        return Learned(None)
    return Learned(min(each.held_out_error for each in read_metrics(task.folder / "metrics.csv")))


def _network(model: Model, request: Request) -> Architecture:
    checked = check_model(model, request)
    if not checked.report.ok:
        raise ArchError(checked.report)
    return Architecture.of(checked)


def _require_same(task: Task, network: Architecture) -> None:
    """Raise `TrainingError` for a folder of another network, or of one that learns otherwise."""
    job, bundle = open_folder(task.folder)
    recipe = replace(task.job.recipe, batch=job.recipe.batch)  # fewer pictures make it smaller
    asked = replace(task.job, recipe=recipe, model=job.model, workers=job.workers)  # which may be said otherwise
    if job != asked or str(bundle.architecture.graph) != str(network.graph):
        raise TrainingError(f"{task.folder} is of another network, data or recipe")


def _by_ray(tasks: Sequence[Task], tell: Callable[[str], None]) -> Iterator[tuple[int, Learned]]:
    """By Ray Tune, each on one processor and, where there are GPUs, one of them; a line that is told is a report."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it sends word of what it does to its makers
    os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")  # data and runs are named from here
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # the other one prints tables, however little is asked for
    import ray
    import torch
    from ray import tune

    def trial(config: dict[str, Any]) -> None:
        folder = tasks[config["at"]].folder
        tune.report(asdict(learn(tasks[config["at"]], lambda line: tune.report({"line": f"{folder.name}: {line}"}))))

    class Told(tune.Callback):  # type: ignore[misc]
        def on_trial_result(self, *, result: dict[str, Any], **_: object) -> None:
            if "line" in result:
                tell(result["line"])

    resources = {"cpu": 1, "gpu": 1 if torch.cuda.is_available() else 0}
    grid = {"at": tune.grid_search([*range(len(tasks))])}
    ours = not ray.is_initialized()
    if ours:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level="error")
    try:
        with TemporaryDirectory() as folder:
            settings = tune.RunConfig(storage_path=folder, callbacks=[Told()], verbose=0)
            tuner = tune.Tuner(tune.with_resources(trial, resources), param_space=grid, run_config=settings)
            found = [(result.config["at"], _learned(result)) for result in tuner.fit()]
    finally:
        if ours:
            ray.shutdown()
    yield from found


def _learned(result: Any) -> Learned:
    if result.error is not None:
        return Learned(None, reason(result.error))
    if "error" not in (result.metrics or ()):  # Ray was told to end
        return Learned(None)
    return Learned(result.metrics["error"], result.metrics["why"])
