"""Measurements as one HTML page: for each setting a chart of times, and the table under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from cnndsl.benching.case import Case
from cnndsl.benching.report import bench_table
from cnndsl.draw.spans import Span, spans_chart
from cnndsl.records import replace
from cnndsl.table import html, html_table


def bench_chart(case: Case) -> str:
    """An SVG document: the median of each engine in turns, and between what four of five runs lie."""
    spans = [
        Span(
            each.engine,
            1000 * each.turns.p10,
            1000 * each.turns.median,
            1000 * each.turns.p90,
            f"{1000 * each.turns.median:.2f} ms, {each.ratio.median:.2f}x",
        )
        for each in case.engines
    ]
    return spans_chart(bench_table(case).title, "milliseconds: median, 10 % to 90 % of runs", spans)


def bench_page(cases: Sequence[Case], environment: Mapping[str, object]) -> str:
    """All settings, the last one's table at the end, with what it was measured on."""
    parts = []
    for case in cases[:-1]:
        table = bench_table(case)
        parts += [bench_chart(case), html_table(table), *(f"<p>{note}</p>" for note in map(escape, table.notes))]
    last = bench_table(cases[-1])
    notes = [*last.notes, ", ".join(f"{name}: {said}" for name, said in _flat(environment))]
    return html(replace(last, notes=notes), "\n".join([*parts, bench_chart(cases[-1])])) + "\n"


def _flat(environment: Mapping[str, object]) -> list[tuple[str, object]]:
    versions = environment["versions"]
    assert isinstance(versions, Mapping)
    return [(name, said) for name, said in environment.items() if name != "versions"] + [*versions.items()]
