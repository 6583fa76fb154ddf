"""A run from its beginning or its state to its end: epochs of steps, each measured and written down."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from torch import nn
from tqdm import tqdm

from cnndsl.architecture import Architecture
from cnndsl.errors import ParameterError, TrainingError, reason
from cnndsl.photographs.preprocessing import Preprocessing
from cnndsl.train.board import board
from cnndsl.train.data.images import Data
from cnndsl.train.data.named import read_data
from cnndsl.train.folder import (
    BEST,
    LAST,
    begun_folder,
    open_folder,
    read_state,
    write_bundle,
    write_curve,
    write_state,
)
from cnndsl.train.job import Job
from cnndsl.train.learner import Learner, accelerator_for, learner_of, quiet_libraries, step
from cnndsl.train.measure import held_out, summed
from cnndsl.train.pixels import Item, Key, Learned, change, loader, order, preparation, require_square
from cnndsl.train.progress import Epoch, Progress, Tally
from cnndsl.train.recipe import Recipe
from cnndsl.train.schedule import learning_rate
from cnndsl.train.start import given_preparation, started
from cnndsl.train.stopping import Wish, noticed_signals

SAVE_SECONDS = 600.0  # after which the state is written in the middle of an epoch, too

Tell = Callable[[str], None]
End = Literal["done", "stopped"]


@dataclass
class Run:
    """All that a run has in hand."""

    folder: Path
    network: Architecture
    job: Job
    data: Data
    preprocessing: Preprocessing
    learner: Learner
    progress: Progress
    tell: Tell

    @property
    def steps(self) -> int:
        """In an epoch."""
        return len(self.data.train.labels) // self.job.recipe.batch


def begin(network: Architecture, job: Job, data: Data, folder: Path, tell: Tell) -> End:
    """Train from the first step. Raises `TrainingError`, `DataError`, `WeightsError` and `OutputError`."""
    module, notes = started(network.graph, job)
    accelerator = accelerator_for(job.recipe)
    recipe, less = _with_batch(job.recipe, len(data.train.labels), accelerator.num_processes)
    job = replace(job, recipe=recipe)
    require_square(network.input_shape)
    given = given_preparation(network.graph, job)
    preprocessing = given or preparation(data.train, network.input_shape)
    prepared = [] if given is None else [f"pictures are prepared as is said beside the weights, {job.weights}"]
    learner = learner_of(network.graph, module, recipe, job.seed, job.layout, accelerator)
    run = Run(folder, network, job, data, preprocessing, learner, Progress(), _only_first(learner, tell))
    for note in (*data.notes, *notes, *prepared, *less):
        run.tell(f"note: {note}")
    if learner.accelerator.is_main_process:
        with begun_folder(folder, job, learner):
            write_bundle(folder / LAST, network, learner.kept, preprocessing, data.classes)
            write_state(folder, learner, run.progress)
    return _to_the_end(run)


def resume(folder: Path, epochs: int | None, tell: Tell) -> End:
    """Go on with a run where its state was written, perhaps to another number of epochs. Raises as `begin`."""
    job, bundle = open_folder(folder)
    if epochs is not None:
        job = replace(job, recipe=replace(job.recipe, epochs=epochs))
    network = bundle.architecture
    data = read_data(job.data, network.output_shape[0])
    if bundle.preprocessing is None or bundle.classes is None or len(data.classes) != len(bundle.classes):
        raise TrainingError(f"{folder} was trained on other classes than those of {job.data}")
    module, _ = started(network.graph, replace(job, weights=None))
    accelerator = accelerator_for(job.recipe)
    learner = learner_of(network.graph, module, job.recipe, job.seed, job.layout, accelerator)
    progress = read_state(folder, learner)
    run = Run(folder, network, job, data, bundle.preprocessing, learner, progress, _only_first(learner, tell))
    _require_same_steps(run)
    run.tell(f"{folder} goes on at step {progress.step + 1:,}")
    return _to_the_end(run)


def _require_same_steps(run: Run) -> None:
    """Raise `TrainingError` if an epoch has other steps than when the state was written."""
    done = [epoch.step for epoch in run.progress.history]
    ends = [run.steps * epoch for epoch in range(1, len(done) + 2)]
    if done != ends[:-1] or not ends[-1] - run.steps <= run.progress.step <= ends[-1]:
        now = f"the {len(run.data.train.labels):,} that {run.job.data} has now"
        raise TrainingError(f"{run.folder} learned from another number of pictures than {now}")


def _only_first(learner: Learner, tell: Tell) -> Tell:
    """Of several processes one speaks."""
    return tell if learner.accelerator.is_main_process else lambda line: None


def _with_batch(recipe: Recipe, count: int, processes: int) -> tuple[Recipe, list[str]]:
    """With a batch of equal parts that there are pictures for, and what is told of it. Raises `ParameterError`."""
    parts = processes * recipe.accumulate
    if recipe.batch % parts:
        raise ParameterError(f"a batch of {recipe.batch} does not come apart into {parts} equal parts")
    if recipe.batch <= count:
        return recipe, []
    batch = count // parts * parts
    if not batch:
        raise ParameterError(f"{count} pictures are too few for batches of {parts} parts")
    return replace(recipe, batch=batch), [f"batches of {batch} and not {recipe.batch}: there are no more pictures"]


def _to_the_end(run: Run) -> End:
    quiet_libraries()
    first = run.learner.accelerator.is_main_process
    shown = board(run.folder, len(run.progress.history)) if first else nullcontext(lambda epoch: None)
    with noticed_signals() as wish, shown as show:
        while len(run.progress.history) < run.job.recipe.epochs:
            stopped = _steps(run, wish)
            if run.progress.step == (len(run.progress.history) + 1) * run.steps:
                _close(run)
                show(run.progress.history[-1])
            else:
                _save(run)
            if stopped and len(run.progress.history) < run.job.recipe.epochs:
                run.tell(f"stopped after step {run.progress.step:,}; `cnndsl train --resume {run.folder}` goes on")
                return "stopped"
    return "done"


def _steps(run: Run, wish: Wish) -> bool:
    """Those of an epoch that are left; True if the run is to end after the last that was done."""
    progress, recipe = run.progress, run.job.recipe
    saved = began = time.monotonic()
    for item in _items(run):
        for line in item.unread:
            run.tell(f"note: {line}; the next picture stands for it")
        rate = learning_rate(recipe, progress.step / run.steps, progress.errors)
        loss, wrong = _step(run, item, rate)
        progress.tally.add(loss, wrong, len(item.labels))
        progress.step += 1
        now = time.monotonic()
        progress.seconds, began = progress.seconds + now - began, now
        if _wanted(run, wish):
            return True
        if now - saved > SAVE_SECONDS:
            _save(run)
            saved = now
    return False


def _step(run: Run, item: Item, rate: float) -> tuple[float, float]:
    try:
        return step(run.learner, item, run.progress.step, rate)
    except (RuntimeError, ValueError) as error:  # memory, and what a batch norm says of a single value
        raise TrainingError(f"step {run.progress.step + 1:,} fails: {reason(error)}") from error


def _items(run: Run) -> Iterator[Item]:
    """The batches of this process that are left in the epoch."""
    epoch, done = divmod(run.progress.step, run.steps)
    recipe, accelerator, seed = run.job.recipe, run.learner.accelerator, run.job.seed
    dataset = Learned(run.data.train, run.preprocessing, change(recipe.augment, run.preprocessing), seed)
    keys: Sequence[Key] = [(epoch, index) for index in order(len(run.data.train.labels), seed, epoch)]
    parts = [keys[at * recipe.batch :][: recipe.batch] for at in range(done, run.steps)]
    mine = [part[accelerator.process_index :: accelerator.num_processes] for part in parts]
    silent = not accelerator.is_main_process or not sys.stderr.isatty()
    label = f"epoch {epoch + 1}/{recipe.epochs}"
    yield from tqdm(loader(dataset, mine, run.job.workers), label, run.steps, initial=done, disable=silent, leave=False)


def _wanted(run: Run, wish: Wish) -> bool:
    """Does a process want the run to end? Then all do so after the same step."""
    if run.learner.accelerator.num_processes == 1:
        return wish.stop
    if wish.stop:
        run.learner.accelerator.set_trigger()
    return bool(run.learner.accelerator.check_trigger())


def _save(run: Run) -> None:
    """The state in the middle of an epoch, with what all processes have counted."""
    counted = summed(run.learner, run.progress.tally)
    if run.learner.accelerator.is_main_process:
        write_state(run.folder, run.learner, replace(run.progress, tally=counted))
    run.learner.accelerator.wait_for_everyone()


def _close(run: Run) -> None:
    """Measure and write down an epoch; the state last."""
    progress, began = run.progress, time.monotonic()
    learned = summed(run.learner, progress.tally)
    measured = held_out(run.learner, run.data.held_out, run.preprocessing, run.job.workers)
    if not measured.seen:
        raise TrainingError("no held-out picture can be read any more")
    progress.seconds += time.monotonic() - began
    progress.history.append(_row(run, learned, measured))
    progress.tally, progress.seconds = Tally(), 0.0
    run.tell(_line(progress.history[-1], run.job.recipe.epochs))
    if run.learner.accelerator.is_main_process:
        kept: nn.Module = run.learner.kept
        for name in (LAST, BEST) if progress.is_best else (LAST,):
            write_bundle(run.folder / name, run.network, kept, run.preprocessing, run.data.classes)
        write_curve(run.folder, progress.history)
        write_state(run.folder, run.learner, progress)
    run.learner.accelerator.wait_for_everyone()


def _row(run: Run, learned: Tally, measured: Tally) -> Epoch:
    progress = run.progress
    rate = learning_rate(run.job.recipe, (progress.step - 1) / run.steps, progress.errors)
    losses = (learned.mean_loss, learned.error, measured.mean_loss, measured.error)
    return Epoch(len(progress.history) + 1, progress.step, rate, *losses, round(progress.seconds, 3))


def _line(row: Epoch, epochs: int) -> str:
    return (
        f"epoch {row.epoch}/{epochs}  lr {row.lr:.3g}  loss {row.train_loss:.4f}  error {100 * row.train_error:.2f} %"
        f"  held out: loss {row.held_out_loss:.4f}  error {100 * row.held_out_error:.2f} %  {row.seconds:.1f} s"
    )
