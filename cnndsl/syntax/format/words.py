"""The words of a file as the formatter needs them: each with what stood between it and the one before.

Unlike the syntax tree they keep comments and line ends. What a sign means (an operator or a prefix, a call or a group)
is settled here, by the words around it alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.diagnostics.allowances import allows
from cnndsl.records import dataclass, replace
from cnndsl.syntax.layout import Layout
from cnndsl.syntax.tables import tables
from cnndsl.syntax.tokens import Token

_ENDS_VALUE = {"NAME", "NUMBER", "SIZE", "STRING", "TRUE", "FALSE", "IN", "RPAR", "RSQB"}
_BEFORE_COMMAND = {"_NL", "LBRACE", "_ARROW", "BAR"}
_COLONS = {"LBRACE": "SHAPE", "LSQB": "SLICE", "INDEX": "SLICE"}
_AFTER_VALUE = {"LPAR": "CALL", "LSQB": "INDEX"}
_PREFIXES = {"PLUS": "SIGN", "MINUS": "SIGN", "SLASH": "STRIDE"}
OPENING = {"LPAR", "CALL", "LSQB", "INDEX", "LBRACE"}
CLOSING = {"RPAR", "RSQB", "RBRACE"}


@dataclass(frozen=True, slots=True)
class Comment:
    """trailing: it stands behind a word. blank: an empty line stands before it."""

    text: str
    trailing: bool
    blank: bool


@dataclass(frozen=True, slots=True)
class Word:
    """A word and what stands before it; behind the last word of a file comes an empty one, END.

    kind      that of its token; where that leaves open what it means, COMMAND, SIGN, STRIDE, AMONG (the `in` of a
              loop), CALL and INDEX (brackets behind a value), SLICE or SHAPE (colons)
    comments  those between the word before and this one
    begins    whether a statement or a definition does
    below     whether it stands on another line than the word before
    blank     whether an empty line stands right before it
    spaces    how many stand right before it, on its line
    pinned    whether the comment at the end of its line allows a warning there: what is on that line stays on it
    """

    kind: str
    text: str
    comments: tuple[Comment, ...]
    begins: bool
    below: bool
    blank: bool = False
    spaces: int = 0
    pinned: bool = False


def words(text: str) -> list[Word]:
    """The words of a file without syntax errors."""
    lexer = tables().lexer
    tokens = [*replace(lexer, ignored=lexer.ignored - {"COMMENT"}).tokens(text)]
    pinned = {token.line for token in tokens if token.type == "COMMENT" and allows(token)}
    kinds = _kinds(Layout([token for token in tokens if token.type != "COMMENT"]))
    found: list[Word] = []
    comments: list[Comment] = []
    end, lines, below = 0, 0, True  # of the word or comment before; line ends since then; whether any since the word
    for token in tokens:
        if token.type == "_NL":
            lines, below = lines + 1, True
            continue
        if token.type == "COMMENT":
            comments.append(Comment(token.rstrip(), not below, lines > 1))
        else:
            kind, begins = next(kinds)
            spaces = 0 if lines or comments else len(text[end : token.start_pos].expandtabs(2))
            found.append(
                Word(kind, str(token), tuple(comments), begins, below, lines > 1, spaces, token.line in pinned)
            )
            comments, below = [], False
        end, lines = token.end_pos, 0
    return [*found, Word("END", "", tuple(comments), begins=True, below=True)]


def _kinds(layout: Layout) -> Iterator[tuple[str, bool]]:
    """What each word is, and whether a statement begins with it."""
    before, begins = "_NL", True
    open_ = ["LBRACE"]  # the file itself holds statements, as braces do
    while (token := layout.peek()) is not None:
        layout.advance(token)
        if token.type == "_NL":
            before, begins = "_NL", True
            continue
        kind = _kind(token, before, open_[-1])
        yield kind, begins or kind == "BAR"
        if kind in OPENING:
            open_.append(kind)
        elif kind in CLOSING:
            open_.pop()
        before, begins = kind, kind == "LBRACE"


def _kind(token: Token, before: str, inside: str) -> str:
    kind = token.type
    if kind == "NAME" and before in _BEFORE_COMMAND:
        return "COMMAND"
    if kind == "IN" and before == "NAME":
        return "AMONG"
    if kind in _AFTER_VALUE and before in _ENDS_VALUE:
        return _AFTER_VALUE[kind]
    if kind in _PREFIXES and before not in _ENDS_VALUE:
        return _PREFIXES[kind]
    return _COLONS.get(inside, kind) if kind == "_COLON" else kind
