"""The layout step between lexer and parser: which line ends count, which `x` is an operator, what brackets are open.

A statement ends with its line, unless the line is visibly unfinished: inside ( ) and [ ], after `->`, `|`, `,` or
`{`, or when the next line starts with `->`, `|`, `}` or `else`. (A `{` at the start of a line is a mistake; it goes
with the line above, so that the parser can say so and go on.)
"""

from __future__ import annotations

from collections.abc import Sequence

from cnndsl.syntax.tokens import Token

OPENING = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
CLOSING = {close: open_ for open_, close in OPENING.items()}
_CONTINUES_AFTER = {"LBRACE", "_ARROW", "BAR", "_COMMA", "LPAR", "LSQB"}
_CONTINUES_BEFORE = {"LBRACE", "RBRACE", "_ARROW", "BAR", "_ELSE"}
_ENDS_OPERAND = {"NAME", "NUMBER", "SIZE", "STRING", "TRUE", "FALSE", "RPAR", "RSQB"}
_BEFORE_COMMAND = {"_NL", "LBRACE", "_ARROW", "BAR"}
_MADE = 0  # the column of a token that nobody wrote


def separates(before: str, after: str) -> bool:
    """Whether a line end between tokens of these types ends a statement, outside ( ) and [ ]."""
    return before != "_NL" and before not in _CONTINUES_AFTER and after not in _CONTINUES_BEFORE


class Layout:
    """A cursor over raw tokens that yields those the grammar is written for: `peek` looks, `advance` moves on.

    open        the brackets that are open at the cursor
    outdented   the first `{ }` of this definition whose `}` stands further left than the line of its `{`
    indented    the last definition's `{ }`, if its `}` stands further right than it
    """

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.open: list[Token] = []
        self.outdented: tuple[Token, Token] | None = None
        self.indented: tuple[Token, Token] | None = None
        self._previous = "_NL"
        self._in_command_name = False
        self._starts = [0]  # of the current statement, and of those around its braces
        self._implied: dict[int, int] = {}  # `{` that nobody wrote: its id, and the indentation it ends at
        self._indents: dict[int, int] = {}
        for token in tokens:
            if token.type != "_NL":
                self._indents.setdefault(line_of(token), token.column or 1)

    # --- the tokens of the grammar

    def peek(self) -> Token | None:
        """The next token for the parser, or None at the end of the file."""
        at = self.next_word(self.at)
        following = self.tokens[at] if at < len(self.tokens) else None
        if self.open and self._ends_implied(self.open[-1], following):
            return self.made("RBRACE", "}")
        if following is None:
            return None
        if at > self.at and self._in_statements and separates(self._previous, following.type):
            return self.tokens[self.at]
        return self._operator_x(following)

    @property
    def _in_statements(self) -> bool:
        """Whether line ends count here: outside ( ) and [ ]."""
        return not self.open or self.open[-1].type == "LBRACE"

    def _operator_x(self, token: Token) -> Token:
        if token == "x" and token.type == "NAME" and self._previous in _ENDS_OPERAND and not self._in_command_name:
            return token.of_type("X")
        return token

    def advance(self, token: Token) -> None:
        """Step over `token`, which `peek` gave and the parser took."""
        if token.column != _MADE:
            self.at = self.next_word(self.at) + (token.type != "_NL")
        if token.type in OPENING:
            self._open(token)
        elif token.type in CLOSING:
            self._close(token)
        elif token.type in ("_NL", "BAR"):
            self._starts[-1] = self.at
        self._in_command_name = token.type == "NAME" and self._previous in _BEFORE_COMMAND
        self._previous = token.type

    def _open(self, token: Token) -> None:
        self.open.append(token)
        if token.type == "LBRACE":
            self._starts.append(self.at)

    def _close(self, token: Token) -> None:
        opened = self.open.pop()
        if opened.type != "LBRACE":
            return
        self._starts.pop()
        if _MADE not in (opened.column, token.column) and self.starts_line(token):
            offset = (token.column or 1) - self.indent(opened)
            if offset < 0 and self.outdented is None:
                self.outdented = (opened, token)
            self.indented = (opened, token) if offset > 0 and not self.open else None
        if not self.open:
            self.outdented = None

    # --- what stands around the cursor

    def next_word(self, at: int) -> int:
        """The index of the first token from `at` on that is no line end."""
        while at < len(self.tokens) and self.tokens[at].type == "_NL":
            at += 1
        return at

    def before(self) -> Token | None:
        """The last word before the cursor."""
        at = self.at - 1
        while at >= 0 and self.tokens[at].type == "_NL":
            at -= 1
        return self.tokens[at] if at >= 0 else None

    def following(self, count: int) -> list[Token]:
        """The next words from the cursor on."""
        found: list[Token] = []
        at = self.next_word(self.at)
        while at < len(self.tokens) and len(found) < count:
            found.append(self.tokens[at])
            at = self.next_word(at + 1)
        return found

    @property
    def statement(self) -> int:
        """The index of the current statement's first token."""
        return min(self.next_word(self._starts[-1]), self.at)

    def words(self, most: int = 64) -> list[Token]:
        """The words of the current statement before the cursor, the last `most` of them."""
        return [token for token in self.tokens[max(self.statement, self.at - most) : self.at] if token.type != "_NL"]

    def starts_line(self, token: Token) -> bool:
        return self.indent(token) == token.column

    def indent(self, token: Token) -> int:
        """The column of the first word on the token's line."""
        return self._indents[line_of(token)]

    def closes(self, token: Token) -> bool:
        """Whether a closing bracket fits the one opened last."""
        return bool(self.open) and self.open[-1].type == CLOSING[token.type]

    @property
    def at_command(self) -> bool:
        """Whether the next word is the first of a statement, a branch, or a link of a chain."""
        return self._previous in _BEFORE_COMMAND

    def looks_like_stride(self, slash: Token) -> bool:
        """`64 /2`: a division by the grammar, a stride to the eye."""
        before, after = self.before(), self.following(2)[1:]
        if (
            not before
            or not after
            or after[0].type in ("TIMES", "POWER")
            or not self._in_statements
            or self._previous not in _ENDS_OPERAND
        ):
            return False
        return not self._in_command_name and end_of(before) < start_of(slash) and end_of(slash) == start_of(after[0])

    def ends_with_colon(self) -> bool:
        """Whether a line ends at the cursor with `:`, and deeper lines follow, as in Python."""
        before, after = self.before(), self.following(1)
        if before is None or before.type != "_COLON" or not after:
            return False
        return line_of(after[0]) > line_of(before) and (after[0].column or 1) > self.indent(before)

    # --- moving without the parser

    def move(self, at: int) -> None:
        """Put the cursor behind something that the parser has not seen."""
        self.at = at
        self._previous = "ERROR"
        self._in_command_name = False

    def drop(self) -> None:
        """Leave out the next word."""
        self.at = self.next_word(self.at) + 1

    def leave(self, *, braces: bool = False) -> list[Token]:
        """Forget the open ( and [, or with `braces` every bracket; gives them, the innermost last."""
        left: list[Token] = []
        while self.open and (braces or self.open[-1].type != "LBRACE"):
            left.append(self.open.pop())
        if braces:
            self._starts = [self._starts[0]]
            self.outdented = None
        return left[::-1]

    # --- braces that nobody wrote

    def imply(self) -> Token:
        """A `{` as if it stood at the cursor; it ends at the first line that is indented no deeper than this one."""
        brace = self.made("LBRACE", "{")
        self._implied[id(brace)] = self.indent(brace)
        return brace

    def is_implied(self, brace: Token) -> bool:
        return id(brace) in self._implied

    def _ends_implied(self, brace: Token, following: Token | None) -> bool:
        if id(brace) not in self._implied:
            return False
        if following is None:
            return True
        if line_of(following) == line_of(brace) or not self.starts_line(following):
            return False
        indent, column = self._implied[id(brace)], following.column or 1
        closes = following.type == "RBRACE" and column == indent  # somebody did write its end
        return column <= indent and not closes

    def made(self, type_: str, text: str) -> Token:
        """A token that nobody wrote, right after the last word before the cursor."""
        before = self.before()
        place, line = (end_of(before), line_of(before)) if before is not None else (0, 1)
        return Token(type_, text, start_pos=place, line=line, column=_MADE, end_pos=place)


def start_of(token: Token) -> int:
    """The offset of a token."""
    assert token.start_pos is not None  # the lexer gives every token its place
    return token.start_pos


def end_of(token: Token) -> int:
    """The offset after a token."""
    assert token.end_pos is not None
    return token.end_pos


def line_of(token: Token) -> int:
    assert token.line is not None
    return token.line
