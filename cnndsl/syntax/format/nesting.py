"""What brackets hold: the words of a file as a tree of brackets and statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from cnndsl.records import dataclass
from cnndsl.syntax.format.words import CLOSING, OPENING, Word


@dataclass(frozen=True, slots=True)
class Brackets:
    """( ) or [ ] and what is between them."""

    opening: Word
    parts: list[Part]
    closing: Word


@dataclass(frozen=True, slots=True)
class Body:
    """{ } and the statements and branches between them; `lines` if something stands on several lines there."""

    opening: Word
    statements: list[list[Part]]
    closing: Word
    lines: bool


Part: TypeAlias = Word | Brackets | Body


def first_of(part: Part) -> Word:
    return part if isinstance(part, Word) else part.opening


def last_of(part: Part) -> Word:
    return part if isinstance(part, Word) else part.closing


def nested(words: Sequence[Word]) -> list[list[Part]]:
    """The definitions of a file; the last one holds the empty word alone."""
    return _statements(_parts(words))


def _parts(words: Sequence[Word]) -> list[Part]:
    open_: list[tuple[Word, list[Part], int]] = []  # what was opened, the parts around it, and the line
    parts: list[Part] = []
    line = 0
    for word in words:
        line += word.below
        if word.kind in OPENING:
            open_.append((word, parts, line))
            parts = []
        elif word.kind in CLOSING:
            opening, around, start = open_.pop()
            around.append(_closed(opening, parts, word, line > start))
            parts = around
        else:
            parts.append(word)
    return parts


def _closed(opening: Word, parts: list[Part], closing: Word, lines: bool) -> Part:
    if opening.kind == "LBRACE":
        return Body(opening, _statements(parts), closing, lines and bool(parts or closing.comments))
    return Brackets(opening, parts, closing)


def _statements(parts: Sequence[Part]) -> list[list[Part]]:
    found: list[list[Part]] = []
    for part in parts:
        if first_of(part).begins:
            found.append([])
        found[-1].append(part)
    return found
