"""The table of a comparison, for people and as CSV, with who measured each accuracy."""

from __future__ import annotations

import csv
import io

from cnndsl.comparison.measures import Comparison, axis_words, mixed, written
from cnndsl.table import Table


def comparison_table(comparison: Comparison) -> Table:
    """A row for each network, the notes naming the sources."""
    sourced = any(entry.result for entry in comparison.entries)
    rows = []
    for entry in comparison.entries:
        cells = [entry.network, *(written(axis, entry.numbers[axis]) for axis in comparison.axes)]
        rows.append([*cells, *((entry.result.crop, entry.result.by) if entry.result else [""] * 2 * sourced)])
    width = 1 + len(comparison.axes)
    notes = [mixed(comparison)] if mixed(comparison) else []
    notes += dict.fromkeys(f"{each.by}: {each.title}, {each.where}, {each.page}" for each in comparison.sources)
    return Table(
        title=f"{len(rows)} networks: {axis_words(comparison.y)}, {axis_words(comparison.x)}",
        heads=["network", *map(axis_words, comparison.axes), *(["crop", "measured by"] if sourced else [])],
        rows=rows,
        left=(0, width, width + 1),
        notes=notes,
    )


def comparison_csv(comparison: Comparison) -> str:
    """One network a line; numbers in the units of their axes. There is no final line end."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["network", *comparison.axes, "dataset", "crop", "by", "where", "page"])
    for entry in comparison.entries:
        result = entry.result
        source = (result.dataset, result.crop, result.by, result.where, result.page) if result else [""] * 5
        writer.writerow([entry.network, *(entry.numbers[axis] for axis in comparison.axes), *source])
    return out.getvalue().rstrip("\n")
