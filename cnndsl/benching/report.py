"""Measurements as a table, as CSV, and as JSON whose schema is `bench.schema.json`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from cnndsl.benching.case import Case, Measured
from cnndsl.table import Table

COLUMNS = ("alone", "in turns", "p10 to p90", "ratio", "95 % interval", "error", "memory", "ready")


def bench_table(case: Case) -> Table:
    """A row for each engine. Times are in milliseconds."""
    setting, base = case.setting, case.setting.engines[0]
    said = f"batch {setting.batch}, {setting.dtype}, {len(case.engines[0].seconds)} rounds"
    threads = f"{setting.threads} thread{'s' * (setting.threads > 1)}"
    notes = [f"{name} is left out: {why}" for name, why in case.left_out.items()]
    return Table(
        title=f"{case.network}, {said}, {threads}",
        heads=["engine", *COLUMNS],
        rows=[_cells(each) for each in case.engines],
        notes=[*notes, f"times in ms; ratio: time over that of {base} in the same round", *_busy(case)],
    )


def _cells(of: Measured) -> list[str]:
    return [
        of.engine,
        _ms(of.alone.median),
        _ms(of.turns.median),
        f"{_ms(of.turns.p10)} to {_ms(of.turns.p90)}",
        f"{of.ratio.median:.2f}",
        f"{of.ratio.low:.2f} to {of.ratio.high:.2f}",
        "other weights" if of.error is None else f"{of.error:.0e}",
        "" if of.memory is None else f"{of.memory / 1e6:.0f} MB",
        f"{of.ready:.1f} s",
    ]


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.2f}"


def _busy(case: Case) -> list[str]:
    """A word of warning where others were at work."""
    if case.load is None or case.load < case.setting.threads + 1:
        return []
    return [f"the machine was busy (load {case.load:.1f}): alone and in turns may differ by that"]


def bench_csv(cases: Sequence[Case]) -> str:
    """An engine a line; times in milliseconds, memory in bytes."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    heads = ["network", "batch", "dtype", "threads", "rounds", "engine", "alone_ms", "alone_p10_ms", "alone_p90_ms"]
    heads += ["turns_ms", "turns_p10_ms", "turns_p90_ms", "ratio", "ratio_low", "ratio_high"]
    writer.writerow([*heads, "error", "memory", "ready_s", "left_out"])
    for case in cases:
        setting = case.setting
        common = [case.network, setting.batch, setting.dtype, setting.threads]
        for each in case.engines:
            times = (*asdict(each.alone).values(), *asdict(each.turns).values())
            ratio = asdict(each.ratio).values()
            figures = [*(1000 * time for time in times), *ratio, each.error, each.memory, each.ready]
            writer.writerow([*common, len(each.seconds), each.engine, *figures, ""])
        for name, why in case.left_out.items():
            writer.writerow([*common, 0, name, *[""] * 12, why])
    return out.getvalue()


def bench_json(cases: Sequence[Case], environment: Mapping[str, object]) -> str:
    said = {"schema": "cnndsl.bench/1", "environment": environment, "cases": [as_json(case) for case in cases]}
    return json.dumps(said, indent=1) + "\n"


def as_json(case: Case) -> dict[str, object]:
    """Times in seconds, of each round as well."""
    setting = case.setting
    return {
        "network": case.network,
        "batch": setting.batch,
        "dtype": setting.dtype,
        "threads": setting.threads,
        "clock": setting.clock,
        "rest": setting.rest,
        "load": case.load,
        "base": setting.engines[0],
        "engines": [asdict(each) for each in case.engines],
        "left_out": dict(case.left_out),
    }
