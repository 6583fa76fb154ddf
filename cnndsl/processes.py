"""Work in processes of its own, a task at a time each, so that the quick do not wait for the slow.

A process that is killed, for memory perhaps, costs the one task that it had. When this process ends, in whatever way,
the pipes to the others end, and so do they.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import TypeVar

PATIENCE = 5.0  # seconds for an idle process to tidy up

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_processes(
    make: Callable[[], Callable[[Task], Result]], tasks: Sequence[Task], count: int
) -> Generator[tuple[int, Result | None], None, None]:
    """The result of each task with its index, in the order in which they come; None if its process was killed.

    Each of `count` processes calls `make` once, for what does the work. All that goes there and back is pickled.
    """
    pending = iter(enumerate(tasks))
    crew: dict[Connection, SpawnProcess] = {}
    busy: dict[Connection, int] = {}

    def give(connection: Connection) -> None:
        """The next task, if there is one; that a process is gone is noticed when its result is awaited."""
        for index, task in pending:
            busy[connection] = index
            with suppress(OSError):
                connection.send(task)
            return

    try:
        for _ in range(min(count, len(tasks))):
            give(_started(make, crew))
        while busy:
            for ready in wait([*busy]):
                assert isinstance(ready, Connection)
                index = busy.pop(ready)
                result = None
                try:
                    result = ready.recv()
                except (EOFError, OSError):
                    crew.pop(ready).join()
                    ready = _started(make, crew)
                if isinstance(result, _Fault):
                    raise RuntimeError(result.text)
                yield index, result
                give(ready)
    finally:
        for connection, process in crew.items():
            connection.close()  # which an idle one takes for the end
            if connection not in busy:
                process.join(PATIENCE)
            process.terminate()
            process.join()


class _Fault:
    """An exception that nobody has caught, in words."""

    def __init__(self, error: Exception) -> None:
        self.text = f"{type(error).__name__}: {error}"


def _started(make: Callable[[], Callable[[Task], Result]], crew: dict[Connection, SpawnProcess]) -> Connection:
    """The pipe to a new process, which is entered in `crew`."""
    context = get_context("spawn")  # a fork copies whatever threads the caller has, in whatever state
    here, there = context.Pipe()
    process = context.Process(target=_work, args=(make, there), daemon=True)
    process.start()
    there.close()
    crew[here] = process
    return here


def _work(make: Callable[[], Callable[[Task], Result]], connection: Connection) -> None:
    """Do what comes until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the one that asked decides
    work = make()
    with suppress(EOFError, OSError):
        while True:
            task = connection.recv()
            result: object
            try:
                result = work(task)
            except Exception as error:
                result = _Fault(error)
            connection.send(result)
