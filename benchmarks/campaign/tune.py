"""The table of this card: the problems of all networks, those first that take the largest share of one of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from campaign.machine import Machine
from campaign.networks import network
from campaign.records import Records
from campaign.settings import RESERVE, Job, Settings
from cnndsl.backends.triton.building import Choice
from cnndsl.backends.triton.lower import rewritten
from cnndsl.backends.triton.table import Table, known_table, save_table
from cnndsl.backends.triton.timing import Step
from cnndsl.backends.triton.tuning import Posed, posed, tune_problems
from cnndsl.errors import DeviceLost
from cnndsl.kernels.targets import Target, target_of

SAVED_EVERY = 20.0  # seconds
SHIPPED = "table.json"  # in the folder of results: what goes to `cnndsl/backends/triton/tuned/`
WEIGHTS = {32: 1.0, 1: 1.0, 256: 0.9}
TRIES = 4  # a lost device ends a process; the next one goes on without the candidate that lost it


def jobs(settings: Settings, records: Records) -> Iterator[Job]:
    for precision in (each for each in settings.precisions if each != "bf16"):  # which takes float16's
        for attempt in range(TRIES):
            arguments = {"precision": precision, "attempt": attempt}
            yield Job("tune", arguments, ({"stage": "tune", "precision": precision},), alone=True, limit=600.0)


def tune(settings: Settings, machine: Machine, records: Records, *, precision: str, attempt: int) -> None:
    """Tune what the table does not know yet; a later attempt finds nothing to do if the first came to its end."""
    target = target_of(None if machine.dry else machine.device)
    problems = by_share(settings, target, precision)
    start = known_table(machine.name)
    waiting = sum(each.key not in start.problems for each in problems)
    if not waiting:
        return
    saving = Saving(settings)
    timer = None if not machine.dry else _counted
    reason = None
    try:
        table = tune_problems(
            problems,
            target,
            start,
            machine.device,
            timer=timer,
            until=settings.until - 2 * RESERVE,
            now=time.time,
            observe=saving,
        )
        saving.save(table)
    except DeviceLost as lost:
        reason = f"the device was lost: {lost}"
    table = known_table(machine.name)
    records.add(
        stage="tune",
        precision=precision,
        gpu=machine.name,
        attempt=attempt,
        problems=len(problems),
        measured=sum(each.key in table.problems for each in problems),
        lost=reason,
        rejected=[[each.problem, each.kernel, str(each.config), each.reason] for each in table.rejected],
        gains=_gains(table, problems, target),
        versions=machine.versions(),
    )


class Saving:
    """Keeps the table in the user's cache and beside the results, now and then and at the end."""

    def __init__(self, settings: Settings) -> None:
        self.path, self.last = settings.folder / SHIPPED, time.time()

    def __call__(self, table: Table) -> None:
        if time.time() - self.last > SAVED_EVERY or table.rejected:
            self.save(table)

    def save(self, table: Table) -> None:
        save_table(table)
        save_table(table, self.path)
        self.last = time.time()


def by_share(settings: Settings, target: Target, precision: str) -> list[Posed]:
    """Problems with their share of the networks' time by the roofline, in place of seconds."""
    shares: dict[str, Posed] = {}
    for name in settings.networks:
        graph = rewritten(network(name, settings.dry).graph)
        for batch in settings.batches:
            found = posed(graph, target, batch=batch, precision=precision)
            whole = sum(each.seconds for each in found)
            for each in found:
                share = WEIGHTS.get(batch, 1.0) * each.seconds / whole
                before = shares[each.key].seconds if each.key in shares else 0.0
                shares[each.key] = replace(each, seconds=before + share)
    found = sorted(shares.values(), key=lambda each: -each.seconds)
    return list({each.kernel: each for each in found}.values()) if settings.dry else found  # of each kernel a small one


def _gains(table: Table, problems: Sequence[Posed], target: Target) -> list[list[Any]]:
    """For each problem the candidates that were the fastest of their kernel, in microseconds."""
    return [
        [
            each.key,
            round(each.seconds, 5),
            [[timing.kernel, timing.microseconds] for timing in table.problems[each.key]],
        ]
        for each in problems
        if each.key in table.problems
    ]


def _counted(choice: Choice, steps: Sequence[Step]) -> float:
    """The clock of a dry run: runs the steps, and prefers the library's kernel, the rarer path."""
    for step in steps[:1]:
        step()
    return 1e-6 if choice[0] == "cudnn" else 2e-6
