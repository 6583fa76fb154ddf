"""Results as lines of JSON, each written as soon as it is there, so that a run that is cut loses one at most."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Records:
    """A file of results; several processes may add to it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "results.jsonl"

    def add(self, **record: Any) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(record) + "\n"
        with self.path.open("ab") as file:
            file.write(line.encode())  # in one piece: lines of several processes do not mix
            file.flush()
            os.fsync(file.fileno())

    def all(self) -> Iterator[Record]:
        """Every result, without a last line that was cut."""
        if not self.path.exists():
            return
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                yield record

    def latest(self, **wanted: Any) -> list[Record]:
        """Those that agree with what is wanted; of several of the same unit the last."""
        found = {_unit(record): record for record in self.all() if _agrees(record, wanted)}
        return list(found.values())

    def has(self, **wanted: Any) -> bool:
        """Whether there is such a result that is no failure."""
        return any("error" not in record for record in self.latest(**wanted))


UNIT = ("stage", "network", "batch", "precision", "runner", "name")


def _unit(record: Record) -> tuple[Any, ...]:
    return tuple(record.get(name) for name in UNIT)


def _agrees(record: Record, wanted: Record) -> bool:
    return all(record.get(name) == value for name, value in wanted.items())
