"""Processes that count variants, each one at a time, so that the quick do not wait for the slow.

A process that is killed, for memory perhaps, costs the one variant that it had. When this process ends, in whatever
way, the pipes to the others end, and so do they.
"""

from __future__ import annotations

import signal
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import TypeAlias

from cnndsl.sweeping.outcome import Costing, Outcome
from cnndsl.sweeping.sweep import Ground

Parameters: TypeAlias = Mapping[str, str]


def in_processes(ground: Ground, tasks: Sequence[Parameters], count: int) -> Generator[tuple[int, Outcome], None, None]:
    """The outcome of each task with its index, in the order in which they come."""
    pending = iter(enumerate(tasks))
    crew: dict[Connection, SpawnProcess] = {}
    busy: dict[Connection, int] = {}

    def give(connection: Connection) -> None:
        """The next task, if there is one; a process that is gone is noticed when its outcome is awaited."""
        index, task = next(pending, (-1, {}))
        if index >= 0:
            busy[connection] = index
            with suppress(OSError):
                connection.send(task)

    try:
        for _ in range(count):
            give(_started(ground, crew))
        while busy:
            for ready in wait([*busy]):
                assert isinstance(ready, Connection)
                index = busy.pop(ready)
                try:
                    outcome = ready.recv()
                except (EOFError, OSError):
                    outcome = Outcome(error="the process that counted it was killed: is there enough memory?")
                    crew.pop(ready).join()
                    ready = _started(ground, crew)
                yield index, outcome
                give(ready)
    finally:
        for connection, process in crew.items():
            connection.close()
            process.terminate()
            process.join()


def _started(ground: Ground, crew: dict[Connection, SpawnProcess]) -> Connection:
    """The pipe to a new process, which is entered in `crew`."""
    context = get_context("spawn")  # a fork copies whatever threads the caller has, in whatever state
    here, there = context.Pipe()
    process = context.Process(target=_work, args=(ground, there), daemon=True)
    process.start()
    there.close()
    crew[here] = process
    return here


def _work(ground: Ground, connection: Connection) -> None:
    """Count what comes until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the one that asked decides
    costing = Costing(ground)
    with suppress(EOFError, OSError):
        while True:
            connection.send(costing(connection.recv()))
