"""How far a run is: the epochs that are done, the step, and what was counted in the epoch that is not done."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from cnndsl.draw.learning import Series
from cnndsl.errors import DataError, reason


@dataclass(frozen=True)
class Epoch:
    """One row of `metrics.csv`; errors are parts of 1."""

    epoch: int
    step: int
    lr: float
    train_loss: float
    train_error: float
    held_out_loss: float
    held_out_error: float
    seconds: float


@dataclass
class Tally:
    """Sums over pictures."""

    loss: float = 0.0
    wrong: float = 0.0
    seen: float = 0.0

    def add(self, loss: float, wrong: float, seen: int) -> None:
        """`loss` is the mean of those that were seen."""
        self.loss, self.wrong, self.seen = self.loss + loss * seen, self.wrong + wrong, self.seen + seen

    @property
    def mean_loss(self) -> float:
        return self.loss / self.seen

    @property
    def error(self) -> float:
        return self.wrong / self.seen


@dataclass
class Progress:
    step: int = 0
    seconds: float = 0.0
    tally: Tally = field(default_factory=Tally)
    history: list[Epoch] = field(default_factory=list)

    @property
    def errors(self) -> list[float]:
        return [each.held_out_error for each in self.history]

    @property
    def is_best(self) -> bool:
        """Is the last epoch better than all before it?"""
        *before, last = self.errors
        return all(last < each for each in before)


def metrics_text(history: Sequence[Epoch]) -> str:
    """The CSV file."""
    file = io.StringIO()
    writer = csv.DictWriter(file, [each.name for each in fields(Epoch)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(each) for each in history)
    return file.getvalue()


def read_metrics(path: Path) -> list[Epoch]:
    """Raises `DataError` for what is no such file."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [_epoch(row) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = reason(error) if isinstance(error, OSError) else "it is not what `cnndsl train` writes"
        raise DataError(f"cannot read {path}: {why}") from error


def _epoch(row: dict[str, str]) -> Epoch:
    whole = ("epoch", "step")
    read = Epoch(**{each.name: (int if each.name in whole else float)(row[each.name]) for each in fields(Epoch)})  # type: ignore[arg-type]
    if read.epoch < 1 or not all(0 <= error <= 1 for error in (read.train_error, read.held_out_error)):
        raise ValueError("no such epoch, or no such part of 1")
    return read


def series_of(name: str, history: Sequence[Epoch]) -> Series:
    """Errors in percent by epoch, in training and on what is held out."""
    return Series(
        name,
        tuple((each.epoch, 100 * each.train_error) for each in history),
        tuple((each.epoch, 100 * each.held_out_error) for each in history),
    )
