"""The front of a sweep as a table, and what became of all the other variants in a line or two."""

from __future__ import annotations

from collections.abc import Sequence

from cnndsl.comparison.measures import MEASURES
from cnndsl.sweeping.condition import Condition
from cnndsl.sweeping.rows import Goals, Row
from cnndsl.sweeping.sweep import Sweep
from cnndsl.table import Table

UNITS = {"G": 10**9, "M": 10**6, "K": 10**3}


def front_table(sweep: Sweep, rows: Sequence[Row], where: Condition | None, goals: Goals) -> Table:
    """A row for each variant of the front, by the first goal."""
    first, order = goals.all[0], 1 if goals.least else -1
    best = sorted((row for row in rows if row.front), key=lambda row: order * row.numbers[first])
    names = sweep.varied or list(sweep.texts)
    at = [list(sweep.texts).index(name) for name in names]
    body = [
        [*(row.variant[index] for index in at), *(in_short(name, row.numbers[name]) for name in MEASURES)]
        for row in best
    ]
    return Table(
        title=f"{sweep.ground.network}: {_count(len(best), 'variant')} of {goals.in_words()}",
        heads=[*names, *MEASURES],
        rows=body,
        left=range(len(names)),
        notes=[*_notes(sweep, rows, where)],
    )


def in_short(measure: str, value: int) -> str:
    """`11.69M`, as a condition would have it."""
    if MEASURES[measure].unit == 1:
        return f"{value}"
    suffix, unit = next(((suffix, unit) for suffix, unit in UNITS.items() if value >= unit), ("", 1))
    return f"{value / unit:.2f}{suffix}" if suffix else f"{value}"


def _notes(sweep: Sweep, rows: Sequence[Row], where: Condition | None) -> list[str]:
    """How many there are of which kind, and the first error."""
    wrong = [row for row in rows if row.error]
    kept = sum(row.kept for row in rows)
    said = [f"{_count(len(rows), 'variant')} of {sweep.ground.network}"]
    said += [f"{len(wrong):,} with errors"] if wrong else []
    said += [f"{kept:,} where {where.text}"] if where else []
    first = [f"{sweep.named(wrong[0].variant)}: {wrong[0].error}"] if wrong else []
    return [", ".join(said), *first]


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
