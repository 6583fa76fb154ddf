"""Text to syntax tree, with recovery: after a mistake the parser goes on at the next statement.

Lark's lexer and LALR tables come from `grammars/arch.lark`; this module drives them token by token, because
recovery is a matter of statements and braces, which Lark's generic error hook cannot see.
"""

from __future__ import annotations

import os
import threading
from functools import cache
from pathlib import Path

from lark import Lark, Token
from lark.exceptions import UnexpectedCharacters, UnexpectedToken
from lark.parsers.lalr_interactive_parser import InteractiveParser

from cnndsl.diagnostics import Diagnostic, Label, Report
from cnndsl.shipped import shipped
from cnndsl.source import Source, Span
from cnndsl.syntax import tree
from cnndsl.syntax.builder import TreeBuilder
from cnndsl.syntax.expected import describe_expected, describe_found, repair_for
from cnndsl.syntax.layout import CLOSING, OPENING, Layout

LANGUAGE_VERSION = 1
MAX_NESTING = 64
MAX_ERRORS = 50

_builder = TreeBuilder()
_lock = threading.Lock()  # Lark keeps one builder per grammar, and the builder knows the file it works on


def cache_directory() -> Path | None:
    """Where parse tables are kept between runs (`CNNDSL_CACHE_DIR`, else XDG), or None if it cannot be written."""
    base = os.environ.get("CNNDSL_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        directory = Path(base).expanduser() / ("" if "CNNDSL_CACHE_DIR" in os.environ else "cnndsl")
        directory.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return None
    return directory if os.access(directory, os.W_OK) else None


@cache
def _grammar() -> Lark:
    text = (shipped("grammars") / "arch.lark").read_text(encoding="utf-8")
    directory = cache_directory()
    return Lark(
        text,
        parser="lalr",
        lexer="basic",
        maybe_placeholders=True,
        transformer=_builder,
        cache=str(directory / "arch.lark.tables") if directory else False,
    )


def parse(source: Source) -> tuple[tree.File, Report]:
    """The syntax tree of a file and the mistakes found in it; the tree leaves out what could not be read."""
    with _lock:
        _builder.source = source
        return _Parser(source).run()


def _lex(source: Source) -> list[Token]:
    try:
        return list(_grammar().lex(source.text))
    except UnexpectedCharacters as error:  # a character that not even UNKNOWN takes cannot exist
        raise AssertionError(f"the lexer stopped at {error.pos_in_stream}") from error


class _Parser:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.report = Report()
        self.layout = Layout(_lex(source))
        self.machine: InteractiveParser = _grammar().parse_interactive("")
        self.history: list[Token] = []
        self.stopped = False  # before the end of the file, after too many mistakes

    def run(self) -> tuple[tree.File, Report]:
        while (token := self.layout.peek()) is not None:
            self.stopped = len(self.report) >= MAX_ERRORS
            if self.stopped:
                break
            if token.type in OPENING and len(self.layout.open) >= MAX_NESTING:
                self.add("E104", f"brackets are nested more than {MAX_NESTING} deep", token)
                self.stopped = True
                break
            self.take(token)
        return self.file(self.close()), self.report

    def take(self, token: Token) -> None:
        """Feed one token, or report it and go on at the next statement."""
        if token.type == "UNKNOWN":
            self.unknown_character(token)
        elif token.type in CLOSING and not self.closes(token):
            self.unmatched(token)
        elif self.feed(token):
            self.layout.advance(token)
            self.history.append(token)
        else:
            self.unexpected(token)

    def accepted(self) -> set[str]:
        """The terminals that could come next."""
        names: set[str] = self.machine.accepts()  # type: ignore[no-untyped-call]
        return names

    def feed(self, token: Token) -> bool:
        try:
            self.machine.feed_token(token)
        except UnexpectedToken:
            return False
        return True

    def closes(self, token: Token) -> bool:
        return bool(self.layout.open) and self.layout.open[-1].type == CLOSING[token.type]

    # --- mistakes

    def add(self, code: str, message: str, token: Token, *, label: str = "", help: str | None = None) -> None:
        self.report.add(Diagnostic(code, message, self.span(token), label=label, help=help))

    def span(self, token: Token) -> Span:
        assert token.start_pos is not None and token.end_pos is not None
        return Span(self.source, token.start_pos, token.start_pos if token.type == "_NL" else token.end_pos)

    def unknown_character(self, token: Token) -> None:
        if token == '"':
            help = 'strings end on their line with `"`; inside, write \\" \\\\ \\n or \\t'
            self.add("E102", "this string has no end", token, help=help)
        elif str(token).isdigit():
            self.add("E102", f"a number cannot begin or end like this: `{self._word(token)}`", token)
        else:
            self.add("E102", f"unknown character `{token}`", token)
        self.recover()

    def _word(self, token: Token) -> str:
        start = token.start_pos or 0
        return self.source.text[start : start + 40].split()[0]

    def unmatched(self, token: Token) -> None:
        if not self.layout.open:
            self.add("E103", f"this `{token}` closes nothing", token)
            self.layout.skip_token()
            return
        opened = self.layout.open[-1]
        self.report.add(
            Diagnostic(
                "E103",
                f"`{opened}` is closed by `{token}`",
                self.span(token),
                labels=(Label(self.span(opened), "opened here"),),
            )
        )
        self.recover()

    def unexpected(self, token: Token) -> None:
        accepted = self.accepted()
        message = f"expected {describe_expected(accepted)}, found {describe_found(token)}"
        help = repair_for(self.history[-1] if self.history else None, token, accepted, called=self.in_call())
        self.add("E101", message, token, help=help)
        self.recover()

    def in_call(self) -> bool:
        """Whether the innermost open parenthesis stands right after a layer's name: `conv(3x3, 64)`."""
        if not (self.layout.open and self.layout.open[-1].type == "LPAR"):
            return False
        at = next(i for i in range(len(self.history) - 1, -1, -1) if self.history[i] is self.layout.open[-1])
        before = [token.type for token in self.history[max(at - 2, 0) : at]]
        return len(before) == 2 and before[1] == "NAME" and before[0] in ("_NL", "LBRACE", "_ARROW", "BAR")

    def recover(self) -> None:
        """Put an ERROR in place of the broken statement and move to its end (yacc's error token)."""
        token = self.layout.peek()
        state = self.machine.parser_state
        while "ERROR" not in state.parse_conf.states[state.state_stack[-1]]:
            state.state_stack.pop()
            state.value_stack.pop()
        at = token.start_pos if token is not None else len(self.source.text)
        assert at is not None
        self.machine.feed_token(Token("ERROR", "", start_pos=at, end_pos=at))
        self.layout.skip_statement()

    # --- the end of the file

    def close(self) -> list[object]:
        """Feed the end, closing what was left open, and give the file's items."""
        if self.layout.open and not self.stopped:
            self.add("E103", f"this `{self.layout.open[-1]}` is never closed", self.layout.open[-1])
        self.layout.skip_statement()
        if self.report and not self.accepted() & {"$END", "RBRACE"}:
            self.recover()
        while "$END" not in self.accepted():
            if not self.feed(self.made("RBRACE", "}")):
                self.unfinished()
        items: list[object] = self.machine.feed_eof()  # type: ignore[no-untyped-call]
        return items

    def made(self, kind: str, text: str) -> Token:
        end = len(self.source.text)
        return Token(kind, text, start_pos=end, end_pos=end)

    def unfinished(self) -> None:
        """The file ends inside a statement."""
        if not self.report:
            expected = describe_expected(self.accepted())
            self.add("E101", f"expected {expected}, found the end of the file", self.made("_NL", ""))
        self.recover()

    def file(self, items: list[object]) -> tree.File:
        for item in items:
            if isinstance(item, Token) and item != str(LANGUAGE_VERSION):
                help = f"this cnndsl reads `arch {LANGUAGE_VERSION}`"
                self.add("E105", f"version {item} of the language is not known", item, help=help)
        return tree.File(
            self.source,
            tuple(item for item in items if isinstance(item, tree.Use)),
            tuple(item for item in items if isinstance(item, tree.BlockDefinition)),
            tuple(item for item in items if isinstance(item, (tree.NetworkDefinition, tree.VariantDefinition))),
            complete=not self.report,
        )


def parse_expression(source: Source, report: Report) -> tree.Expression | None:
    """One expression, as a command line or a caller gives it; None after adding what is wrong to `report`."""
    prefix = "network _ {\nlet _ = "
    file, mistakes = parse(Source(source.name, f"{prefix}{source.text}\n}}"))
    report.extend(mistakes)
    statements = file.networks[0].body.statements if file.complete and file.networks and file.networks[0].body else ()
    if len(statements) == 1 and isinstance(statements[0], tree.Let):
        return statements[0].value
    if not report:
        report.add(Diagnostic("E101", "expected one value", Span(source, 0, len(source.text))))
    return None
