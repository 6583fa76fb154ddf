"""`cnndsl sweep --train DATA`: the variants of the front learn, each in a folder of its own, and are compared."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.cli.arguments import max_nodes_of
from cnndsl.cli.train import DEFAULT, PACKAGES, STOPPED, recipe_named

if TYPE_CHECKING:
    from cnndsl.models import Model
    from cnndsl.sweeping.sweep import Sweep, Variant
    from cnndsl.train.recipe import Recipe
    from cnndsl.train.several import Learned, Task


def recipe_of(options: argparse.Namespace) -> Recipe:
    """What they learn by. Raises `MissingExtra` before any work, and `UsageError`."""
    from cnndsl.extras import require

    require(*PACKAGES, extra="train")
    return recipe_named(options.recipe, {})


def train_variants(
    options: argparse.Namespace, model: Model, sweep: Sweep, variants: Sequence[Variant], recipe: Recipe
) -> int:
    """Let them learn; prints how each does, and gives the exit code."""
    from cnndsl.table import aligned
    from cnndsl.train.several import learn_all

    tasks = [_task(options, model, sweep, variant, recipe) for variant in variants]
    found = dict(learn_all(tasks, lambda line: print(line, flush=True)))
    rows = [
        (sweep.named(variants[at]), _cell(found[at]), str(tasks[at].folder))
        for at in sorted(found, key=lambda at: _rank(found[at]))
    ]
    print("\n".join(aligned([("variant", "held-out error", "run"), *rows], left=(0, 2))))
    if len(found) < len(tasks) or any(each.error is None and not each.why for each in found.values()):
        print("stopped; the same command goes on")
        return STOPPED
    return int(any(each.why for each in found.values()))


def _cell(learned: Learned) -> str:
    return learned.why or "stopped" if learned.error is None else f"{100 * learned.error:.2f} %"


def _rank(learned: Learned) -> float:
    return 2.0 if learned.error is None else learned.error


def _task(options: argparse.Namespace, model: Model, sweep: Sweep, variant: Variant, recipe: Recipe) -> Task:
    from cnndsl.checking import Request
    from cnndsl.train.job import Job, workers_for
    from cnndsl.train.several import Task

    texts = dict(zip(sweep.texts, variant, strict=True))
    job = Job(
        model=options.model,
        data=options.train,
        recipe_name=options.recipe or DEFAULT,
        recipe=recipe,
        seed=0,
        workers=workers_for(options.train),
        layout="channels_last",
    )
    request = Request(texts, sweep.ground.input, max_nodes_of(options))
    shown = ",".join(f"{name}={text}" for name, text in texts.items() if name in (sweep.varied or sweep.texts))
    name = f"{sweep.ground.network}-{shown}".replace(" ", "").replace("/", "_")
    return Task(model, request, job, Path("runs") / name)
