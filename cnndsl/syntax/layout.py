"""The layout step between lexer and parser: which line ends count, and which `x` is an operator.

A statement ends with its line, unless the line is visibly unfinished: inside ( ) and [ ], after `->`, `|`, `,` or
`{`, or when the next line starts with `->`, `|`, `}` or `else`.
"""

from __future__ import annotations

from collections.abc import Sequence

from lark import Token

OPENING = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
CLOSING = {close: open_ for open_, close in OPENING.items()}
_CONTINUES_AFTER = {"LBRACE", "_ARROW", "BAR", "_COMMA", "LPAR", "LSQB"}
_CONTINUES_BEFORE = {"RBRACE", "_ARROW", "BAR", "_ELSE"}
_ENDS_OPERAND = {"NAME", "NUMBER", "SIZE", "STRING", "TRUE", "FALSE", "RPAR", "RSQB"}
_BEFORE_COMMAND = {"_NL", "LBRACE", "_ARROW", "BAR"}


class Layout:
    """A cursor over raw tokens that yields those the grammar is written for.

    `open` holds the brackets that are open at the cursor. The parser moves the cursor on with `advance`, and
    after a syntax error to the end of the broken statement with `skip_statement`.
    """

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._previous = "_NL"
        self._in_command_name = False
        self.open: list[Token] = []

    def peek(self) -> Token | None:
        """The next token for the parser, or None at the end of the file."""
        line_end = None
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.type != "_NL":
                if line_end is not None and self._counts(token):
                    return line_end
                return self._operator_x(token)
            if not (self.open and self.open[-1].type != "LBRACE"):
                line_end = line_end or token
            self._at += 1
        return None

    def _counts(self, following: Token) -> bool:
        """Whether a line end before `following` ends a statement."""
        if self._previous == "_NL" or self._previous in _CONTINUES_AFTER:
            return False
        return following.type not in _CONTINUES_BEFORE

    def _operator_x(self, token: Token) -> Token:
        if token == "x" and token.type == "NAME" and self._previous in _ENDS_OPERAND and not self._in_command_name:
            return token.update(type="X")
        return token

    def advance(self, token: Token) -> None:
        """Step over `token`, which `peek` gave and the parser took."""
        if token.type in OPENING:
            self.open.append(token)
        elif token.type in CLOSING:
            self.open.pop()
        self._in_command_name = token.type == "NAME" and self._previous in _BEFORE_COMMAND
        self._previous = token.type
        if token.type != "_NL":
            self._at += 1

    def skip_statement(self) -> None:
        """Go to the end of the statement at the cursor: its line end, `|` or `}`, over any braces it opens.

        Brackets that the statement left open are forgotten.
        """
        while self.open and self.open[-1].type != "LBRACE":
            self.open.pop()
        depth = 0
        first = self._at
        while self._at < len(self._tokens):
            kind = self._tokens[self._at].type
            if depth == 0 and (kind in ("_NL", "RBRACE") or (kind == "BAR" and self._at > first)):
                break
            depth += (kind == "LBRACE") - (kind == "RBRACE")
            self._at += 1
        self._previous = "ERROR"
        self._in_command_name = False

    def skip_token(self) -> None:
        """Step over a token that no grammar rule could take, such as a stray `}`."""
        self._at += 1
