"""The CSV of a sweep: all variants that are counted, from which the next run goes on."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from cnndsl.comparison.measures import MEASURES
from cnndsl.errors import SweepError
from cnndsl.sweeping.outcome import Outcome
from cnndsl.sweeping.rows import Row
from cnndsl.sweeping.sweep import Sweep, Variant

VERDICTS = ("kept", "front", "error", "digest")


def heads(sweep: Sweep) -> list[str]:
    parameters = [f"{name} (parameter)" if name in (*MEASURES, *VERDICTS) else name for name in sweep.texts]
    return [*parameters, *MEASURES, *VERDICTS]


def record(sweep: Sweep, rows: Sequence[Row]) -> str:
    """One variant a line; numbers are whole, memory in bytes. `digest` is that of the text they are of."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heads(sweep))
    digest = sweep.ground.digest
    for row in rows:
        numbers = [row.numbers.get(name, "") for name in MEASURES]
        writer.writerow([*row.variant, *numbers, _word(row.kept), _word(row.front), row.error, digest])
    return out.getvalue()


def _word(truth: bool) -> str:
    return "true" if truth else "false"


def read_record(path: Path, sweep: Sweep) -> dict[Variant, Outcome]:
    """What an earlier run has counted; those that failed are counted anew. Raises `SweepError` for another file.

    So nothing is written over that would be lost: every line must be of a variant of this sweep, and of this text.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file, strict=True))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError, csv.Error):
        raise SweepError(f"{path} cannot be read as CSV; name another file") from None
    if not lines or lines[0] != heads(sweep) or any(len(line) != len(lines[0]) for line in lines):
        raise SweepError(f"{path} is no CSV of a sweep over {', '.join(sweep.texts)}; name another file")
    if any(line[-1] != sweep.ground.digest for line in lines[1:]):
        raise SweepError(f"{path} is of another text of {sweep.ground.network}; delete it, or name another file")
    parameters, known = len(sweep.texts), {*sweep.variants()}
    found = {}
    for line in lines[1:]:
        variant = tuple(line[:parameters])
        if variant not in known:
            raise SweepError(f"{path} has {' '.join(variant)}, which is not in this sweep; name another file")
        if all(number.isdecimal() for number in line[parameters : -len(VERDICTS)]):
            found[variant] = Outcome(dict(zip(MEASURES, map(int, line[parameters:]), strict=False)))
    return found
