"""Tables: cells in columns of plain text, two spaces apart, and the same in Markdown, LaTeX and HTML."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cnndsl.records import dataclass

GAP = "  "


def aligned(rows: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> list[str]:
    """A line for each row; the columns with an index in `left` are aligned to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        GAP.join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Table:
    """Heads, rows and perhaps a last row of totals; `left` are the columns of words, `notes` stand below it.

    Leading spaces of a first cell say how deep it is nested.
    """

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    total: Sequence[str] = ()
    left: Collection[int] = (0,)
    notes: Sequence[str] = ()


def markdown(table: Table) -> str:
    """A table of GitHub's Markdown under a heading; there is no final line end."""
    rule = [":--" if column in table.left else "--:" for column in range(len(table.heads))]
    body = [[_nested_in_markdown(cell) for cell in row] for row in table.rows]
    bold = [[f"**{cell}**" if cell else "" for cell in map(_plain_in_markdown, table.total)]] if table.total else []
    lines = (f"| {' | '.join(row)} |" for row in (table.heads, rule, *body, *bold))
    return "\n\n".join([f"### {table.title}", "\n".join(lines), *map(_plain_in_markdown, table.notes)])


def _nested_in_markdown(cell: str) -> str:
    own = cell.lstrip(" ")
    return "&emsp;" * ((len(cell) - len(own)) // len(GAP)) + _plain_in_markdown(own)


def _plain_in_markdown(text: str) -> str:
    for sign in "\\`*_|<[":
        text = text.replace(sign, f"\\{sign}")
    return text


TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
} | {sign: f"\\{sign}" for sign in "&%$#_"}


def latex(table: Table) -> str:
    """A `tabular` in the style of booktabs, whose package it needs; there is no final line end."""
    kinds = "".join("l" if column in table.left else "r" for column in range(len(table.heads)))
    lines = [f"% {_one_line(table.title)}; needs \\usepackage{{booktabs}}", f"\\begin{{tabular}}{{{kinds}}}"]
    lines += ["\\toprule", _tex_row(table.heads), "\\midrule", *map(_tex_row, table.rows)]
    lines += ["\\midrule", _tex_row(table.total)] if table.total else []
    lines += ["\\bottomrule", "\\end{tabular}"]
    return "\n".join([*lines, *(f"% {_one_line(note)}" for note in table.notes)])


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _tex_row(cells: Sequence[str]) -> str:
    return " & ".join(map(tex, cells)) + r" \\"


def tex(text: str) -> str:
    """A cell as LaTeX writes it, deeper by a quad for each level."""
    own = text.lstrip(" ")
    return r"\quad " * ((len(text) - len(own)) // len(GAP)) + "".join(TEX.get(sign, sign) for sign in own)


PAGE = """\
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1.5rem 0; display: block; overflow-x: auto; }
th, td { padding: 0.2rem 0.8rem; text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
svg { max-width: 100%; height: auto; }
th, tbody tr:last-child td, tfoot td { border-bottom: 1px solid; }
tfoot td { font-weight: bold; }
.words { text-align: left; }"""


def html(table: Table, picture: str = "") -> str:
    """A page that needs nothing from elsewhere, with an SVG above the table; there is no final line end."""
    title = _escaped(table.title)
    head = f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    return f"{head}\n<style>\n{PAGE}\n</style></head><body>\n{html_body(table, picture)}\n</body></html>"


def html_body(table: Table, picture: str = "") -> str:
    """What stands on such a page: the title, the picture, the table and its notes."""
    notes = "\n".join(f"<p>{_escaped(note)}</p>" for note in table.notes)
    return "\n".join(filter(None, (f"<h1>{_escaped(table.title)}</h1>", picture, html_table(table), notes)))


def html_table(table: Table) -> str:
    """The table alone, as a part of a page."""
    parts = [f"<thead>{_html_row(table, table.heads, 'th')}</thead>"]
    parts.append("<tbody>\n" + "\n".join(_html_row(table, row, "td") for row in table.rows) + "\n</tbody>")
    parts += [f"<tfoot>{_html_row(table, table.total, 'td')}</tfoot>"] if table.total else []
    return "<table>\n" + "\n".join(parts) + "\n</table>"


def _html_row(table: Table, cells: Sequence[str], tag: str) -> str:
    return "<tr>" + "".join(_html_cell(cell, tag, column in table.left) for column, cell in enumerate(cells)) + "</tr>"


def _html_cell(text: str, tag: str, words: bool) -> str:
    own = text.lstrip(" ")
    deep = f' style="padding-left: {0.8 + 1.2 * ((len(text) - len(own)) // len(GAP)):.1f}rem"' if own != text else ""
    kind = ' class="words"' if words else ""
    return f"<{tag}{kind}{deep}>{_escaped(own)}</{tag}>"


def _escaped(text: str) -> str:
    for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(sign, name)
    return text
