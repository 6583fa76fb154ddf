"""A summary as a table for people, and as JSON and CSV for programs."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import NamedTuple

from cnndsl.analysis.receptive import Axes
from cnndsl.analysis.summary import Row, Runs, Summary
from cnndsl.analysis.wording import SHORT, show_shapes
from cnndsl.ir.scopes import own_name
from cnndsl.ops.base import show_shape
from cnndsl.records import fields
from cnndsl.table import GAP, aligned

LAYER_WIDTH = SHORT  # a longer text goes on in the next line


class Column(NamedTuple):
    head: str
    cell: Callable[[Row], str]
    to_right: bool = True


def summary_text(summary: Summary) -> str:
    """The table in aligned columns, then the totals. Lines are never cut; there is no final line end."""
    lines = [line for cells in _cells(summary.rows) for line in _wrapped(cells)]
    lines = [[column.head for column in COLUMNS], *lines]
    heads, *table = aligned(lines, left=[index for index, column in enumerate(COLUMNS) if not column.to_right])
    rule = "-" * max(map(len, (heads, *table)))
    return "\n".join([_title(summary), "", heads, rule, *table, rule, *_totals(summary)])


def summary_json(summary: Summary) -> str:
    """An object with the totals and, under `rows`, the table; shapes and (height, width) pairs are lists.

    Every total and every row has a line of its own.
    """
    totals = {
        "network": summary.network,
        "complete": summary.complete,
        "inputs": summary.inputs,
        "outputs": [asdict(output) | {"shape": shape} for output, shape in summary.outputs],
        "params": summary.cost.params,
        "macs": summary.cost.macs,
        "buffers": summary.cost.buffers,
        "weight_bytes": summary.cost.weight_bytes,
        "training_params": summary.training_cost.params,
        "training_macs": summary.training_cost.macs,
        "depth": summary.weighted_layers,
        "receptive_field": summary.receptive_field,
        "receptive_field_exact": summary.receptive_field_exact,
        "memory": summary.peak.bytes,
        "memory_at": summary.peak.node,
        "levels": summary.depth,
    }
    lines = [f"  {json.dumps(name)}: {json.dumps(value)},\n" for name, value in totals.items()]
    rows = ",".join(f"\n    {json.dumps(asdict(row))}" for row in summary.rows)
    return f'{{\n{"".join(lines)}  "rows": [{rows}\n  ]\n}}'


def summary_csv(summary: Summary) -> str:
    """The rows, one a line under a header; what spans two axes is written `3x5` (height, width)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(field.name for field in fields(Row))
    for row in summary.rows:
        axes = {"receptive_field": _axes(row.receptive_field), "jump": _axes(row.jump)}
        shapes = {"shape": show_shape(row.shape), "bundle": "; ".join(map(show_shape, row.bundle))}
        writer.writerow((asdict(row) | shapes | axes).values())
    return out.getvalue().rstrip("\n")


def _title(summary: Summary) -> str:
    inputs = ", ".join(map(show_shape, summary.inputs)) or "no input"
    outputs = ", ".join(show_shape(shape) for output, shape in summary.outputs if not output.train_only)
    return f"{summary.network}: {inputs} -> {outputs if summary.complete else '(broken off at a mistake)'}"


def _name(row: Row) -> str:
    """`conv1`, `bottleneck2-6 x5`, under its scope."""
    own, last = own_name(row.name), own_name(row.last)
    stem, number = _numbered(last)
    if row.count > 1:
        own += f"-{number if number and _numbered(own)[0] == stem else last} x{row.count}"
    return GAP * row.level + own


def _numbered(name: str) -> tuple[str, str]:
    """A name and the number at its end: ("bottleneck", "6")."""
    stem = name.rstrip("0123456789")
    return stem, name[len(stem) :]


def _axes(pair: Axes | None) -> str:
    """`7`, or `1x7` where height and width differ; nothing where everything is seen."""
    if pair is None:
        return ""
    rows, columns = (f"{value:.4g}" if value % 1 else f"{value:.0f}" for value in pair)
    return rows if rows == columns else f"{rows}x{columns}"


def _field(row: Row) -> str:
    """`7`, `<=7` where it is a bound, `all`."""
    if row.receptive_field is None:
        return "all"
    return f"{'' if row.receptive_field_exact else '<='}{_axes(row.receptive_field)}"


def _count(value: int) -> str:
    return f"{value:,}" if value else ""


def _bytes(value: int) -> str:
    """Three digits and a decimal unit: `3.21 MB` is 3.21 million bytes."""
    amount, unit = float(value), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 999.5:
            break
        amount, unit = amount / 1000, larger
    digits = 0 if unit == "B" or amount >= 99.95 else 1 if amount >= 9.995 else 2
    return f"{amount:.{digits}f} {unit}"


COLUMNS = (
    Column("name", _name, to_right=False),
    Column("layer", lambda row: row.layer, to_right=False),
    Column("output", lambda row: show_shapes(row.bundle or (row.shape,)), to_right=False),
    Column("params", lambda row: _count(row.params)),
    Column("MACs", lambda row: _count(row.macs)),
    Column("memory", lambda row: _bytes(row.activation_bytes)),
    Column("field", _field),
    Column("jump", lambda row: _axes(row.jump)),
)
LAYER = 1
MARKS: dict[Runs, str] = {"always": "(used)", "training": "(training)", "never": "(unused)"}


def _cells(rows: Iterable[Row]) -> Iterator[list[str]]:
    """The cells of each row. What does not always run is marked at its name, once for all that is inside."""
    around: dict[int, Runs] = {-1: "always"}
    for row in rows:
        name, *cells = (column.cell(row) for column in COLUMNS)
        mark = "" if row.runs == around[row.level - 1] else MARKS[row.runs]
        around[row.level] = row.runs
        yield [f"{name} {mark}".rstrip(), *cells]


def _wrapped(cells: list[str]) -> Iterator[list[str]]:
    """A row as one line of cells, or more where its layer is long: broken before `->` and after commas."""
    text, *more = _filled(re.split(r" (?=-> )|(?<=,) ", cells[LAYER]))
    yield [*cells[:LAYER], text, *cells[LAYER + 1 :]]
    for text in more:
        yield ["", GAP + text, *[""] * (len(cells) - 2)]


def _filled(pieces: list[str]) -> list[str]:
    lines = [pieces[0]]
    for piece in pieces[1:]:
        if len(lines[-1]) + 1 + len(piece) <= LAYER_WIDTH:
            lines[-1] += f" {piece}"
        else:
            lines.append(piece)
    return lines


def _totals(summary: Summary) -> list[str]:
    """Each total with its meaning in words."""
    return aligned(list(_total_cells(summary)), left=(0, 2))


def _total_cells(summary: Summary) -> Iterator[tuple[str, str, str]]:
    cost, training = summary.cost, summary.training_cost
    buffers = f", with {cost.buffers:,} buffer values" if cost.buffers else ""
    yield "parameters", f"{cost.params:,}", f"{_bytes(cost.weight_bytes)} of weights in float32{buffers}"
    if training.params != cost.params:
        yield "  in training", f"{training.params:,}", "with train-only heads"
    yield "MACs", f"{cost.macs:,}", "multiply-accumulates for one sample (FLOPs are twice as many)"
    if training.macs != cost.macs:
        yield "  in training", f"{training.macs:,}", "with train-only heads"
    yield "depth", f"{summary.weighted_layers:,}", "layers with weights on the longest path"
    pixels = "pixels" if summary.receptive_field_exact else "pixels at most"
    yield "receptive field", _axes(summary.receptive_field), f"{pixels}, but for layers that see the whole input"
    where = f"at {summary.peak.node}, for one sample in float32" if summary.peak.node else ""
    yield "peak activations", _bytes(summary.peak.bytes), where
