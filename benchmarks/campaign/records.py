"""Results as lines of JSON, each written as soon as it is there, so that a run that is cut loses one at most."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Records:
    """A file of results; several processes may add to it.

    gpu  where it is known, the only card whose results are seen
    """

    def __init__(self, folder: Path) -> None:
        self.path, self.gpu = folder / "results.jsonl", None

    def take_card(self) -> None:
        """See results of the card alone that was measured last."""
        self.gpu = None
        cards = [record["gpu"] for record in self.all() if record.get("stage") == "card" and "gpu" in record]
        self.gpu = cards[-1] if cards else None

    def add(self, **record: Any) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = f"\n{json.dumps(record)}\n"  # begun anew, behind a line that may have been cut
        with self.path.open("ab") as file:
            file.write(line.encode())  # in one piece: lines of several processes do not mix
            file.flush()
            os.fsync(file.fileno())

    def all(self) -> Iterator[Record]:
        """Every result, without lines that were cut."""
        if not self.path.exists():
            return
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and self.gpu in (None, record.get("gpu")):
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
