"""Tokens: the words of a file with their places."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from cnndsl.records import dataclass


class Token(str):
    """A word, and its kind; offsets count from 0, lines and columns from 1."""

    __slots__ = ("column", "end_pos", "line", "start_pos", "type")

    type: str
    start_pos: int
    end_pos: int
    line: int
    column: int

    def __new__(cls, type: str, text: str, *, start_pos: int, end_pos: int, line: int, column: int) -> Token:
        token = str.__new__(cls, text)
        token.type, token.start_pos, token.end_pos, token.line, token.column = type, start_pos, end_pos, line, column
        return token

    def of_type(self, type: str) -> Token:
        """The same word as another kind."""
        places = {"start_pos": self.start_pos, "end_pos": self.end_pos, "line": self.line, "column": self.column}
        return Token(type, self, **places)


@dataclass(frozen=True)
class Lexer:
    """How text is cut into tokens.

    pattern   alternatives of which one fits at any place; its groups are called as the kinds of tokens
    words     what is a kind of its own, in place of that of the group: keywords and signs
    ignored   kinds that are left out
    line_end  the one kind that a line end is
    """

    pattern: re.Pattern[str]
    words: Mapping[str, str]
    ignored: frozenset[str]
    line_end: str = "_NL"

    def tokens(self, text: str) -> Iterator[Token]:
        words, ignored, line_end = self.words, self.ignored, self.line_end
        line, line_start = 1, 0
        for match in self.pattern.finditer(text):
            kind = match.lastgroup
            assert kind is not None
            if kind in ignored:
                continue
            word, (start, end) = match[0], match.span()
            kind = words.get(word, kind)
            yield Token(kind, word, start_pos=start, end_pos=end, line=line, column=start - line_start + 1)
            if kind == line_end:
                line, line_start = line + 1, end
