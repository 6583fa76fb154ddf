"""A sweep from beginning to end: counts what is not known yet, and keeps what it has, whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from functools import partial
from time import monotonic

from cnndsl.sweeping.outcome import Costing, Outcome
from cnndsl.sweeping.sweep import Ground, Sweep, Variant

PAUSE = 5.0  # seconds between two times that the record is written
WORTH_A_PROCESS = 16  # variants, which take as long as to start one
KILLED = Outcome(error="the process that counted it was killed: is there enough memory?")

Outcomes = dict[Variant, Outcome]


def perform(
    sweep: Sweep,
    known: Mapping[Variant, Outcome],
    processes: int,
    *,
    keep: Callable[[Outcomes], None],
    tell: Callable[[int], None],
) -> Outcomes:
    """The outcomes of all variants. `keep` is given all so far, at first, every few seconds, and at the end.

    That is also after Ctrl-C, before it goes on its way.
    """
    found = {**known}
    keep(found)
    kept = monotonic()
    try:
        with closing(_outcomes(sweep, [each for each in sweep.variants() if each not in found], processes)) as coming:
            for variant, outcome in coming:
                found[variant] = outcome
                tell(len(found))
                if monotonic() - kept > PAUSE:
                    keep(found)
                    kept = monotonic()
    finally:
        keep(found)
    return found


def _outcomes(sweep: Sweep, todo: list[Variant], processes: int) -> Generator[tuple[Variant, Outcome], None, None]:
    tasks = [dict(zip(sweep.texts, variant, strict=True)) for variant in todo]
    for index, outcome in _counted(sweep.ground, tasks, min(processes, len(todo) // WORTH_A_PROCESS)):
        yield todo[index], outcome


def _counted(ground: Ground, tasks: list[dict[str, str]], processes: int) -> Generator[tuple[int, Outcome], None, None]:
    if processes > 1:
        from cnndsl.processes import in_processes

        with closing(in_processes(partial(Costing, ground), tasks, processes)) as coming:
            for index, outcome in coming:
                yield index, outcome or KILLED
    elif tasks:
        costing = Costing(ground)
        for index, task in enumerate(tasks):
            yield index, costing(task)
