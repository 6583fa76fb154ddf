"""Who may use the device now: jobs that prepare share it, one that measures is alone on it.

Locks on files, so that a process that dies gives its turn up.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


class Turns:
    """A process's part in the turns of a run; it shares the device from here on.

    inherited  the file that it was started with, if its parent took the part for it
    """

    def __init__(self, folder: Path, inherited: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.candidate = folder / "candidate.lock"
        self.held: IO[str] = (folder / "device.lock").open("w") if inherited is None else os.fdopen(inherited, "w")
        self.depth = 0
        fcntl.flock(self.held, fcntl.LOCK_SH)

    def close(self) -> None:
        """Leave the device to others."""
        self.held.close()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nothing else of this run is on the device meanwhile."""
        if not self.depth:
            fcntl.flock(self.held, fcntl.LOCK_EX)
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1
            if not self.depth:
                fcntl.flock(self.held, fcntl.LOCK_SH)

    @contextmanager
    def one_candidate(self) -> Iterator[None]:
        """No other process tries candidates of a compiler meanwhile, though it may prepare other things."""
        with self.candidate.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
