"""The canonical form of `.arch` files: one layout, whatever the text looked like, and every comment in its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnndsl.diagnostics import Report
from cnndsl.source import Source
from cnndsl.syntax.format.columns import text_of
from cnndsl.syntax.format.documents import Row, printed
from cnndsl.syntax.format.nesting import Part, first_of, nested
from cnndsl.syntax.format.statements import statement
from cnndsl.syntax.format.words import Word, words
from cnndsl.syntax.parser import parse

__all__ = ["format_source"]


def format_source(source: Source) -> tuple[str, Report]:
    """The text in canonical form, or as it is if it has syntax errors, and the report of these.

    The form has the same syntax tree, and its own canonical form is itself. Raises `SourceError` for a file of too many
    words.
    """
    _, report = parse(source)
    return (_formatted(source.text) if report.ok else source.text), report


def _formatted(text: str) -> str:
    definitions = [*_definitions(text)]
    if definitions:
        definitions[0][0].blank = False
    return "".join(map(text_of, definitions))


def _definitions(text: str) -> Iterator[list[Row]]:
    """The rows of each definition, with the comments above it; at last the comments behind all."""
    *items, (end,) = nested(words(text))
    rows: list[Row] = []
    is_long = False
    for parts in items:
        word = first_of(parts[0])
        above = _remarks(word, rows)
        if rows:
            yield rows
        rows = [*above, *printed(statement(parts))]
        rows[len(above)].blank = word.blank
        was_long, is_long = is_long, _defines(parts) and len(rows) > len(above) + 1
        rows[0].blank |= was_long or is_long  # but never between a definition and the comment that documents it
    assert isinstance(end, Word)
    last = _remarks(end, rows)
    yield from filter(None, (rows, last))


def _remarks(word: Word, before: Sequence[Row]) -> list[Row]:
    """The comments above a definition, as rows; one that stands behind the definition before goes to its last row."""
    rows: list[Row] = []
    for comment in word.comments:
        if comment.trailing:
            before[-1].comment = comment.text
        else:
            rows.append(Row(0, comment.blank, comment=comment.text))
    return rows


def _defines(parts: Sequence[Part]) -> bool:
    """Whether it is a block or a network, perhaps behind the version of the language."""
    return any(first_of(part).kind in ("BLOCK", "NETWORK") for part in parts[:3])
