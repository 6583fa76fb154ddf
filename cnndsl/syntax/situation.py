"""Where the parser stands when it meets a mistake: what it has read, what it found, what it could have taken."""

from __future__ import annotations

from collections.abc import Set

from cnndsl.records import dataclass
from cnndsl.source import Source, Span
from cnndsl.syntax.layout import Layout, end_of, line_of, start_of
from cnndsl.syntax.tokens import Token


@dataclass(frozen=True)
class Situation:
    """`token` is what comes next in `layout`, or None at the end of the file; `accepted` are the terminals that fit."""

    source: Source
    layout: Layout
    token: Token | None
    accepted: Set[str] = frozenset()

    @property
    def found(self) -> str:
        """The terminal of what was found."""
        return self.token.type if self.token is not None else "$END"

    @property
    def previous(self) -> Token | None:
        """The last word that was read."""
        return self.layout.before()

    @property
    def words(self) -> list[Token]:
        """The words of the current statement that were read."""
        return self.layout.words()

    @property
    def first(self) -> str:
        """The terminal that the current statement begins with; "" before its first word."""
        words = self.layout.tokens[self.layout.statement : self.layout.at][:1]
        return words[0].type if words else ""

    def after(self, count: int = 1) -> list[str]:
        """The terminals of the next words, without the found one."""
        return [token.type for token in self.layout.following(count + 1)[1:]]

    @property
    def outside(self) -> bool:
        """Whether no brace is open: where definitions stand."""
        return not any(bracket.type == "LBRACE" for bracket in self.layout.open)

    @property
    def lacks_brace(self) -> bool:
        """Whether a body must follow and does, but without its `{`: after `:`, or by indentation alone."""
        if "LBRACE" not in self.accepted or "_NL" in self.accepted or self.previous is None:
            return False
        if self.found == "_COLON":
            return True
        body = self.layout.following(1)
        return self.found == "_NL" and bool(body) and (body[0].column or 1) > self.layout.indent(self.previous)

    @property
    def line_ended(self) -> bool:
        """Whether what was found stands on another line than what came before, or nothing does."""
        if self.previous is None or self.token is None:
            return True
        return self.token.type == "_NL" or line_of(self.token) != line_of(self.previous)

    @property
    def at_line_end(self) -> bool:
        """Whether the line ended here, as far as a reader is concerned."""
        return self.previous is not None and self.line_ended and self.found in ("_NL", "RBRACE", "BAR", "$END")

    @property
    def place(self) -> Span:
        """The found word; for a line end, the place right after the last word."""
        if self.at_line_end and self.previous is not None:
            return self.source.span(end_of(self.previous), end_of(self.previous))
        if self.token is None:
            return self.source.span(len(self.source.text), len(self.source.text))
        return self.span(self.token)

    @property
    def word(self) -> Span:
        """The found word, wherever it stands."""
        assert self.token is not None
        return self.span(self.token)

    def span(self, token: Token) -> Span:
        return self.source.span(start_of(token), end_of(token))
