"""What a run is to do, where it keeps results, and how much time is left."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

RESERVE = 15.0  # seconds before the end in which nothing is started


@dataclass(frozen=True)
class Settings:
    """One run.

    until  when it must be over, by `time.time`
    dry    on the CPU: kernels in Triton's interpreter, tiny networks, stand-ins for what only a GPU's machine has
    small  of a dry run: one network, and `torch.compile` without Inductor
    """

    results: str
    docs: str
    networks: tuple[str, ...]
    batches: tuple[int, ...]
    precisions: tuple[str, ...]
    until: float
    dry: bool = False
    small: bool = False

    @property
    def left(self) -> float:
        return self.until - time.time()

    @property
    def over(self) -> bool:
        return self.left < RESERVE

    @property
    def folder(self) -> Path:
        return Path(self.results)


@dataclass(frozen=True)
class Job:
    """What one process does: `run` is a name in `jobs.RUN`, `arguments` are its own.

    units  of results that it adds, as in `Records.has`
    alone  whether nothing else may run beside it
    timed  whether it measures: such jobs come in waves, all of which prepare before the first is alone on the device
    limit  seconds after which it is ended
    """

    run: str
    arguments: dict[str, Any]
    units: tuple[dict[str, Any], ...] = ()
    alone: bool = False
    timed: bool = False
    limit: float = 240.0

    def __str__(self) -> str:
        return " ".join([self.run, *(str(value) for value in self.arguments.values())])[:100]


def to_text(settings: Settings, job: Job) -> str:
    return json.dumps([asdict(settings), asdict(job)])


def from_text(text: str) -> tuple[Settings, Job]:
    settings, job = json.loads(text)
    lists = {name: tuple(settings[name]) for name in ("networks", "batches", "precisions")}
    return replace(Settings(**settings), **lists), Job(**{**job, "units": tuple(job["units"])})


__all__ = ["RESERVE", "Job", "Settings", "field", "from_text", "to_text"]
