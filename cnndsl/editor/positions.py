"""Places as editors count them: lines and columns from 0, columns in UTF-16 units. Ours are offsets in characters."""

from __future__ import annotations

from typing import NamedTuple

from cnndsl.source import Source, Span

_ONE_UNIT = 0xFFFF  # the last character that takes one unit of UTF-16; others take two


class Position(NamedTuple):
    line: int
    column: int


def units(text: str) -> int:
    """How long a text is in UTF-16."""
    return len(text) if text.isascii() else len(text) + sum(ord(each) > _ONE_UNIT for each in text)


def position_at(source: Source, offset: int) -> Position:
    line, column = source.position(offset)
    start = offset - column + 1
    return Position(line - 1, units(source.text[start:offset]))


def offset_at(source: Source, position: Position) -> int:
    """The offset of a place; one that lies behind the end of a line, or of the text, is that end."""
    if position.line >= source.line_count:
        return len(source.text)
    return source.start_of(position.line + 1) + offset_of_units(source.line(position.line + 1), position.column)


def offset_of_units(text: str, count: int) -> int:
    """The offset behind so many UTF-16 units of a text, at most its end."""
    if text.isascii():
        return min(count, len(text))
    for at, each in enumerate(text):
        count -= units(each)
        if count < 0:
            return at
    return len(text)


def ends_of(span: Span) -> tuple[Position, Position]:
    """Where a stretch of text begins and ends."""
    return position_at(span.source, span.start), position_at(span.source, span.end)
