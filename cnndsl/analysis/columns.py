"""The columns of a summary by name: their heads and cells for people, and their values for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from cnndsl.analysis.receptive import Axes
from cnndsl.analysis.rows import Floor, Row, Runs
from cnndsl.analysis.summary import Summary
from cnndsl.analysis.wording import show_shapes
from cnndsl.ir.scopes import own_name
from cnndsl.ops.base import show_shape
from cnndsl.ops.images import Sides
from cnndsl.table import GAP


class Column(NamedTuple):
    """What a row says to people and to programs, which also need the totals of the summary that it is in."""

    head: str
    cell: Callable[[Row, Summary], str]
    value: Callable[[Row, Summary], object]
    total: Callable[[Summary], str] = lambda summary: ""
    to_right: bool = True


def bytes_in_words(value: int) -> str:
    """Three digits and a decimal unit: `3.21 MB` is 3.21 million bytes."""
    amount, unit = float(value), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 999.5:
            break
        amount, unit = amount / 1000, larger
    digits = 0 if unit == "B" or amount >= 99.95 else 1 if amount >= 9.995 else 2
    return f"{amount:.{digits}f} {unit}"


def axes_in_words(pair: Axes | None) -> str:
    """`7`, or `1x7` where height and width differ; nothing where everything is seen."""
    if pair is None:
        return ""
    rows, columns = (f"{value:.4g}" if value % 1 else f"{value:.0f}" for value in pair)
    return rows if rows == columns else f"{rows}x{columns}"


def _name(row: Row, summary: Summary) -> str:
    """`conv1`, `bottleneck2-6 x5`, under its scope; of rows that stand alone the whole path."""
    alone = row.level == 0
    own, last = (row.name, row.last) if alone else (own_name(row.name), own_name(row.last))
    if row.count > 1 and last != own:
        stem, number = _numbered(last)
        own += f"-{number if number and _numbered(own)[0] == stem else last}"
    return GAP * row.level + own + (f" x{row.count}" if row.count > 1 else "")


def _numbered(name: str) -> tuple[str, str]:
    """A name and the number at its end: ("bottleneck", "6")."""
    stem = name.rstrip("0123456789")
    return stem, name[len(stem) :]


def _pad(sides: Sides) -> str:
    """`1`, `0x3`, or `[top, bottom, left, right]` as the language writes it."""
    top, bottom, left, right = sides
    return axes_in_words((top, left)) if (top, left) == (bottom, right) else f"[{', '.join(map(str, sides))}]"


def _field(row: Row) -> str:
    """`7`, `<=7` where it is a bound, `all`."""
    if row.receptive_field is None:
        return "all"
    return f"{'' if row.receptive_field_exact else '<='}{axes_in_words(row.receptive_field)}"


def _count(value: int) -> str:
    return f"{value:,}" if value else ""


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _percent(part: int, whole: int) -> str:
    return f"{_share(part, whole):.1%}" if part else ""


def _counted(head: str, of: Callable[[Row], int], whole: Callable[[Summary], int]) -> Column:
    return Column(head, lambda row, _: _count(of(row)), lambda row, _: of(row), lambda summary: f"{whole(summary):,}")


def _shared(head: str, of: Callable[[Row], int], whole: Callable[[Summary], int]) -> Column:
    return Column(
        head,
        lambda row, summary: _percent(of(row), whole(summary)),
        lambda row, summary: round(_share(of(row), whole(summary)), 6),
        lambda summary: _percent(whole(summary), whole(summary)),
    )


def _microseconds(floor: Floor | None) -> str:
    return f"{1e6 * floor.seconds:,.1f} us" if floor is not None and floor.seconds else ""


def _timed(head: str, of: Callable[[Row], Floor | None], way: int) -> Column:
    return Column(
        head,
        lambda row, _: _microseconds(of(row)),
        lambda row, _: floor.seconds if (floor := of(row)) is not None else "",
        lambda summary: _microseconds(summary.floors[way] if summary.floors else None),
    )


def _bounded(head: str, of: Callable[[Row], Floor | None], way: int) -> Column:
    return Column(
        head,
        lambda row, _: floor.bound if (floor := of(row)) is not None else "",
        lambda row, _: floor.bound if (floor := of(row)) is not None else "",
        lambda summary: summary.floors[way].bound if summary.floors else "",
        to_right=False,
    )


def _shapes(row: Row) -> tuple[tuple[int, ...], ...]:
    return row.bundle or (row.shape,)


COLUMNS: dict[str, Column] = {
    "name": Column("name", _name, lambda row, _: row.name, lambda summary: "total", to_right=False),
    "layer": Column("layer", lambda row, _: row.layer, lambda row, _: row.layer, to_right=False),
    "kernel": Column(
        "kernel",
        lambda row, _: "x".join(map(str, row.slide.kernel)) if row.slide else "",
        lambda row, _: "x".join(map(str, row.slide.kernel)) if row.slide else "",
    ),
    "stride": Column(
        "stride",
        lambda row, _: axes_in_words(row.slide.stride) if row.slide else "",
        lambda row, _: axes_in_words(row.slide.stride) if row.slide else "",
    ),
    "pad": Column(
        "pad",
        lambda row, _: _pad(row.slide.pad) if row.slide else "",
        lambda row, _: _pad(row.slide.pad) if row.slide else "",
    ),
    "output": Column(
        "output",
        lambda row, _: show_shapes(_shapes(row)),
        lambda row, _: "; ".join(map(show_shape, _shapes(row))),
        to_right=False,
    ),
    "params": _counted("params", lambda row: row.params, lambda summary: summary.cost.params),
    "params_share": _shared("params %", lambda row: row.params, lambda summary: summary.cost.params),
    "macs": _counted("MACs", lambda row: row.macs, lambda summary: summary.cost.macs),
    "macs_share": _shared("MACs %", lambda row: row.macs, lambda summary: summary.cost.macs),
    "memory": Column(
        "memory",
        lambda row, _: bytes_in_words(row.memory) if row.memory else "",
        lambda row, _: row.memory,
        lambda summary: bytes_in_words(summary.memory.bytes),
    ),
    "memory_share": _shared("memory %", lambda row: row.memory, lambda summary: summary.memory.bytes),
    "field": Column("field", lambda row, _: _field(row), lambda row, _: axes_in_words(row.receptive_field)),
    "jump": Column("jump", lambda row, _: axes_in_words(row.jump), lambda row, _: axes_in_words(row.jump)),
}
TIMES: dict[str, Column] = {
    "unfused": _timed("unfused", lambda row: row.unfused, 0),
    "unfused_bound": _bounded("bound", lambda row: row.unfused, 0),
    "fused": _timed("fused", lambda row: row.fused, 1),
    "fused_bound": _bounded("bound", lambda row: row.fused, 1),
}
COLUMNS |= TIMES
SHOWN_TIMES = ("name", "layer", "output", "macs", *TIMES)
SHOWN = ("name", "layer", "output", "params", "macs", "memory", "field", "jump")
MARKS: dict[Runs, str] = {"always": "(used)", "training": "(training)", "never": "(unused)"}


def cells(summary: Summary, names: Iterable[str]) -> Iterator[list[str]]:
    """The cells of each row. What does not always run is marked at its name, once for all that is inside."""
    columns, around = [(name, COLUMNS[name]) for name in names], {-1: "always"}
    for row in summary.rows:
        mark = "" if row.runs == around[row.level - 1] else MARKS[row.runs]
        around[row.level] = row.runs
        found = ((name, column.cell(row, summary)) for name, column in columns)
        yield [f"{cell} {mark}".rstrip() if name == "name" else cell for name, cell in found]


def totals(summary: Summary, names: Iterable[str]) -> list[str]:
    """The cells of the last row."""
    return [COLUMNS[name].total(summary) for name in names]
