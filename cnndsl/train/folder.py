"""The folder of a run: what it was asked to do and where, its curve, the last and the best bundle, and its state.

Every file is replaced as a whole, and the state last: a run that is killed goes on from the state before.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from cnndsl.bundled import Bundle, load_bundle
from cnndsl.draw.learning import learning_svg
from cnndsl.errors import OutputError, TrainingError, reason
from cnndsl.files import replace_folder, sweep, text_writer, write_together
from cnndsl.photographs.preprocessing import Preprocessing
from cnndsl.train.job import Job, parse_job
from cnndsl.train.learner import Learner
from cnndsl.train.progress import Epoch, Progress, Tally, metrics_text, series_of
from cnndsl.version import __version__

if TYPE_CHECKING:
    from cnndsl.architecture import Architecture

STATE = "state.pt"
LAST, BEST = "last", "best"
VERSION = 1  # of the state


@contextmanager
def begun_folder(folder: Path, job: Job, learner: Learner) -> Iterator[None]:
    """A new folder, which is taken away again if the block fails to write what else a run begins with.

    Raises `OutputError` if there is something.
    """
    if os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"cannot write {folder}: it is there already; `--resume {folder}` goes on with a run")
    try:
        _write_job(folder, job, learner)
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _write_job(folder: Path, job: Job, learner: Learner) -> None:
    environment = json.dumps(_environment(job, learner), indent=2) + "\n"
    write_together(folder, {"arguments.json": text_writer(job.text()), "environment.json": text_writer(environment)})


def _environment(job: Job, learner: Learner) -> dict[str, Any]:
    packages = ("torch", "torchvision", "accelerate", "numpy", "pillow")
    return {
        "cnndsl": __version__,
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
        "platform": platform.platform(),
        "device": str(learner.accelerator.device),
        "processes": learner.accelerator.num_processes,
        "threads": torch.get_num_threads(),
        "layout": job.layout,
        "command": sys.argv,
    }


def open_folder(folder: Path) -> tuple[Job, Bundle]:
    """What a run was asked to do, and its last bundle. Raises `TrainingError`, and what `load_bundle` raises."""
    sweep(folder)
    try:
        job = parse_job((folder / "arguments.json").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{folder} is no folder of a run: {reason(error)}") from error
    return job, load_bundle(folder / LAST)


def write_state(folder: Path, learner: Learner, progress: Progress) -> None:
    scaler = learner.accelerator.scaler
    state = {
        "version": VERSION,
        "step": progress.step,
        "seconds": progress.seconds,
        "tally": vars(progress.tally),
        "history": [vars(each) for each in progress.history],
        "module": learner.module.state_dict(),
        "optimizer": learner.optimizer.state_dict(),
        "average": None if learner.average is None else learner.average.state_dict(),
        "scaler": None if scaler is None else scaler.state_dict(),
    }
    write_together(folder, {STATE: lambda path: _save(state, path)})


def _save(state: dict[str, Any], path: Path) -> None:
    """Of a disk that is full torch says only that it is at another place than it thought; the file says why."""
    try:
        with path.open("wb") as file:
            torch.save(state, file)
    except RuntimeError as error:
        raise error.__context__ or error from None


def read_state(folder: Path, learner: Learner) -> Progress:
    """Put a learner into the state that was written. Raises `TrainingError`."""
    try:
        state = torch.load(folder / STATE, map_location="cpu", weights_only=True)
        if state["version"] != VERSION:
            raise ValueError(f"it is of version {state['version']}")
        learner.module.load_state_dict(state["module"])
        learner.optimizer.load_state_dict(state["optimizer"])
        if learner.average is not None:
            learner.average.load_state_dict(state["average"])
        if learner.accelerator.scaler is not None:
            learner.accelerator.scaler.load_state_dict(state["scaler"])
        first = learner.accelerator.is_main_process  # it alone has what all had counted together
        tally = Tally(**state["tally"]) if first else Tally()
        history = [Epoch(**each) for each in state["history"]]
        return Progress(int(state["step"]), float(state["seconds"]), tally, history)
    except Exception as error:  # a file that is cut short or changed raises anything
        raise TrainingError(f"cannot go on from {folder / STATE}: {reason(error)}") from error


def write_bundle(
    folder: Path, network: Architecture, module: torch.nn.Module, preprocessing: Preprocessing, classes: tuple[str, ...]
) -> None:
    """In the place of the one that is there."""
    state = {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
    named = [" ".join(name.split()) or "?" for name in classes]
    replace_folder(folder, lambda path: network.save(path, state, preprocessing=preprocessing, classes=named))


def write_curve(folder: Path, history: list[Epoch]) -> None:
    picture = learning_svg([series_of(folder.resolve().name, history)])
    write_together(folder, {"metrics.csv": text_writer(metrics_text(history)), "curves.svg": text_writer(picture)})
