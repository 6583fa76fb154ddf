"""A difference as plain text, and as tables of Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from cnndsl.diff.difference import Difference
from cnndsl.diff.tables import CHANGES, NONE, PARTS, Row, change_rows, part_rows, title, whole_head, whole_rows
from cnndsl.table import aligned


def diff_text(difference: Difference) -> str:
    """The changes, a line each, and what they cost; there is no final line end."""
    if not difference:
        return f"{title(difference)}\n\n{NONE}"
    tables = [
        aligned(list(change_rows(difference)), left=range(4)),
        aligned([whole_head(difference), *whole_rows(difference)]),
    ]
    parts = list(part_rows(difference))
    if parts:
        tables.append(aligned([PARTS, *parts]))
    return "\n\n".join([title(difference), *("\n".join(table) for table in tables)])


def diff_markdown(difference: Difference) -> str:
    """The same as tables of GitHub's Markdown; there is no final line end."""
    heading = f"### {title(difference)}"
    if not difference:
        return f"{heading}\n\n{NONE}"
    tables = [
        _table(CHANGES, ((sign, f"`{change}`", *rest) for sign, change, *rest in change_rows(difference)), range(4)),
        _table(whole_head(difference), whole_rows(difference), (0,)),
    ]
    parts = [(f"`{name}`", *rest) for name, *rest in part_rows(difference)]
    if parts:
        tables.append(_table(PARTS, parts, (0,)))
    return "\n\n".join([heading, *tables])


def _table(head: Row, rows: Iterable[Row], left: Collection[int]) -> str:
    rule = tuple(":--" if column in left else "--:" for column in range(len(head)))
    escaped = (tuple(cell.replace("|", "\\|") for cell in row) for row in rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *escaped))
