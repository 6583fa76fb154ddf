"""A summary as a table for people, in plain text or for papers and pages, and as JSON and CSV for programs."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from cnndsl.analysis.columns import COLUMNS, SHOWN, axes_in_words, bytes_in_words, cells, totals
from cnndsl.analysis.cost import FLOAT32
from cnndsl.analysis.rows import Floor, Row
from cnndsl.analysis.summary import Summary
from cnndsl.analysis.wording import SHORT
from cnndsl.ops.base import show_shape
from cnndsl.table import GAP, Table, aligned

SCHEMA = "cnndsl.summary/1"
LAYER_WIDTH = SHORT  # a longer text goes on in the next line


def summary_text(summary: Summary, names: Sequence[str] = SHOWN) -> str:
    """The table in aligned columns, then the totals. Lines are never cut; there is no final line end."""
    layer = names.index("layer") if "layer" in names else None
    body = [line for row in cells(summary, names) for line in _wrapped(row, layer)]
    heads, *table, last = aligned([_heads(names), *body, totals(summary, names)], left=_words(names))
    rule = "-" * max(map(len, (heads, *table, last)))
    return "\n".join([_title(summary), "", heads, rule, *table, rule, last, "", *_totals(summary)])


def summary_table(summary: Summary, names: Sequence[str] = SHOWN) -> Table:
    """The same for a paper or a page."""
    return Table(
        title=_title(summary),
        heads=_heads(names),
        rows=list(cells(summary, names)),
        total=totals(summary, names),
        left=_words(names),
        notes=[
            f"{name.strip()}: {value}{meaning and f' ({meaning})'}" for name, value, meaning in _total_cells(summary)
        ],
    )


def _heads(names: Sequence[str]) -> list[str]:
    return [COLUMNS[name].head for name in names]


def _words(names: Sequence[str]) -> list[int]:
    """The columns that are aligned to the left."""
    return [index for index, name in enumerate(names) if not COLUMNS[name].to_right]


def summary_json(summary: Summary) -> str:
    """An object with the totals and, under `rows`, the table, whose form `summary.schema.json` says.

    Shapes and (height, width) pairs are lists. Every total and every row has a line of its own.
    """
    totals = {
        "schema": SCHEMA,
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
        "memory_rule": summary.memory.rule,
        "memory": summary.memory.bytes,
        "memory_at": summary.memory.peak,
        **dict(zip(("unfused", "fused"), map(_floor, summary.floors or (None, None)), strict=True)),
        "levels": summary.depth,
    }
    lines = [f"  {json.dumps(name)}: {json.dumps(value)},\n" for name, value in totals.items()]
    rows = ",".join(f"\n    {json.dumps(_fields(row))}" for row in summary.rows)
    return f'{{\n{"".join(lines)}  "rows": [{rows}\n  ]\n}}'


def _fields(row: Row) -> dict[str, object]:
    """A row, with the window of its first layer as three entries."""
    found = asdict(row)
    window = found.pop("slide") or (None, None, None)
    found |= {"unfused": _floor(row.unfused), "fused": _floor(row.fused)}
    return found | dict(zip(("kernel", "stride", "pad"), window, strict=True))


def _floor(floor: Floor | None) -> dict[str, float] | None:
    return None if floor is None else floor._asdict()


FIRST = {"level": "level", "block": "block", "last": "last", "count": "count", "runs": "runs"}


def summary_csv(summary: Summary, names: Sequence[str] = ()) -> str:
    """The rows, one a line under a header; without names, all columns and what places a row.

    What spans two axes is written `3x5` (height, width).
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    placed = () if names else tuple(FIRST)
    names = names or tuple(COLUMNS)
    writer.writerow([*placed, *names])
    for row in summary.rows:
        writer.writerow(
            [*(getattr(row, name) for name in placed), *(COLUMNS[name].value(row, summary) for name in names)]
        )
    return out.getvalue().rstrip("\n")


def _title(summary: Summary) -> str:
    inputs = ", ".join(map(show_shape, summary.inputs)) or "no input"
    outputs = ", ".join(show_shape(shape) for output, shape in summary.outputs if not output.train_only)
    return f"{summary.network}: {inputs} -> {outputs if summary.complete else '(broken off at a mistake)'}"


def _wrapped(row: list[str], layer: int | None) -> Iterator[list[str]]:
    """A row as one line of cells, or more where its layer is long: broken before `->` and after commas."""
    if layer is None:
        yield row
        return
    text, *more = _filled(re.split(r" (?=-> )|(?<=,) ", row[layer]))
    yield [*row[:layer], text, *row[layer + 1 :]]
    for text in more:
        yield [*[""] * layer, GAP + text, *[""] * (len(row) - layer - 1)]


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
    yield "parameters", f"{cost.params:,}", f"{bytes_in_words(cost.weight_bytes)} of weights in float32{buffers}"
    if training.params != cost.params:
        yield "  in training", f"{training.params:,}", "with train-only heads"
    yield "MACs", f"{cost.macs:,}", "multiply-accumulates for one sample (FLOPs are twice as many)"
    if training.macs != cost.macs:
        yield "  in training", f"{training.macs:,}", "with train-only heads"
    yield "depth", f"{summary.weighted_layers:,}", "layers with weights on the longest path"
    pixels = "pixels" if summary.receptive_field_exact else "pixels at most"
    yield (
        "receptive field",
        axes_in_words(summary.receptive_field),
        f"{pixels}, but for layers that see the whole input",
    )
    if summary.floors is not None:
        unfused, fused = (f"{1e3 * floor.seconds:,.3f} ms" for floor in summary.floors)
        yield "roofline", unfused, f"at least for 32 pictures in half precision, a kernel for each layer; {fused} fused"
    yield f"memory, {summary.memory.rule}", bytes_in_words(summary.memory.bytes), _memory_in_words(summary)


def _memory_in_words(summary: Summary) -> str:
    """What the column counts, for one sample in float32."""
    memory = summary.memory
    if memory.rule == "maps":
        return f"{memory.bytes // FLOAT32:,} values: the input and what convolutions, pools and linear layers put out"
    if memory.rule == "inference":
        return f"the most held at once{f', at {memory.peak}' if memory.peak else ''}; tensors that share memory are one"
    state = bytes_in_words(memory.learned // 3)
    kept = bytes_in_words(memory.bytes - memory.learned)
    return f"{kept} kept for backward by one sample; weights, gradients and SGD's momentum, {state} each"
