"""Text to syntax tree, with recovery: after a mistake the parser goes on at the next statement.

Lark's lexer and tables do the grammar; this module drives them token by token, because recovery is a matter of
statements, braces and indentation, which Lark's generic error hook cannot see.
"""

from __future__ import annotations

from lark import Token
from lark.exceptions import UnexpectedToken
from lark.parsers.lalr_interactive_parser import InteractiveParser

from cnndsl.diagnostics import Diagnostic, Report
from cnndsl.source import Source, Span
from cnndsl.syntax import mistakes, tree
from cnndsl.syntax.grammar import lex, machine_for
from cnndsl.syntax.layout import CLOSING, OPENING, Layout, end_of, start_of
from cnndsl.syntax.mistakes import Situation
from cnndsl.syntax.recovery import (
    DEFINITION,
    back_to_line_end,
    skip_statement,
    skip_to_definition,
    unclosed_parenthesis,
)

LANGUAGE_VERSION = 1
MAX_NESTING = 64
MAX_ERRORS = 50


def parse(source: Source) -> tuple[tree.File, Report]:
    """The syntax tree of a file and the mistakes found in it; what could not be read is `Unreadable` in the tree."""
    with machine_for(source) as machine:
        return _Parser(source, machine).run()


class _Parser:
    """`machine` has read what the tree will hold, `layout` stands at what comes next.

    lost    index ranges of the tokens that went with broken statements
    wrecks  the open braces of broken statements, whose ends are not followed by anything worth reading
    """

    def __init__(self, source: Source, machine: InteractiveParser) -> None:
        self.source = source
        self.machine = machine
        self.layout = Layout(lex(source))
        self.report = Report()
        self.lost: list[tuple[int, int]] = []
        self.wrecks: dict[int, int] = {}  # id of the brace: index of the statement's first token

    def run(self) -> tuple[tree.File, Report]:
        while len(self.report) < MAX_ERRORS and (token := self.layout.peek()) is not None:
            self.take(token)
        return self.file(self.close()), self.report

    def take(self, token: Token) -> None:
        """Feed one token, or report it and go on where something new begins."""
        situation = Situation(self.source, self.layout, token)
        if token.type == "UNKNOWN":
            self.broken(mistakes.unknown_character(situation))
        elif token.type in CLOSING and not self.layout.closes(token):
            self.unmatched(situation)
        elif token.type in OPENING and len(self.layout.open) >= MAX_NESTING:
            self.broken(mistakes.nested_too_deep(situation, MAX_NESTING), into_braces=False)
        elif foreign := mistakes.foreign(situation):
            self.broken(foreign)
        elif self.feed(token):
            self.report.extend(mistakes.misplaced_brace(situation))
            self.advance(token)
        else:
            self.unexpected(situation)

    def advance(self, token: Token) -> None:
        opened = self.layout.open[-1] if token.type == "RBRACE" else None
        self.layout.advance(token)
        if opened is not None and id(opened) in self.wrecks:
            self.after_wreck(self.wrecks.pop(id(opened)))

    # --- the machine

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

    def give_up(self, *, definition: bool = False) -> None:
        """Put an ERROR in place of the broken statement, or of the whole definition (yacc's error token)."""
        state = self.machine.parser_state
        if definition:
            braces = (i for i, value in enumerate(state.value_stack) if getattr(value, "type", "") == "LBRACE")
            del state.state_stack[next(braces, len(state.value_stack)) + 1 :]
            del state.value_stack[len(state.state_stack) - 1 :]
        while "ERROR" not in state.parse_conf.states[state.state_stack[-1]]:
            state.state_stack.pop()
            state.value_stack.pop()
        self.feed(self.layout.made("ERROR", ""))

    # --- mistakes

    def unmatched(self, situation: Situation) -> None:
        """A closing bracket without its opening one."""
        token, opened = situation.token, self.layout.open[-1] if self.layout.open else None
        if opened is not None and opened.type != "LBRACE" and token.type == "RBRACE":
            self.unclosed(opened)
        elif opened is not None and opened.type != "LBRACE":
            self.broken(mistakes.mismatched(situation, opened))
        else:
            self.report.add(mistakes.closes_nothing(situation))
            self.layout.at = self.layout.next_word(self.layout.at) + 1

    def unclosed(self, bracket: Token) -> None:
        """A ( or [ without its end: the statement ends with its line."""
        self.report.add(mistakes.never_closed(self.source, bracket))
        if self.layout.starts_line(self.layout.following(1)[0]):
            start = self.layout.statement
            self.give_up()
            back_to_line_end(self.layout)
            self.lost.append((start, self.layout.at))
        else:
            self.skip(into_braces=True)

    def unexpected(self, situation: Situation) -> None:
        situation.accepted = self.accepted()
        token = situation.token
        if (bracket := unclosed_parenthesis(self.layout)) is not None:
            self.unclosed(bracket)
        elif token.type in DEFINITION and self.layout.open and self.layout.starts_line(token):
            self.end_definition()
        elif not self.layout.open and self.layout.indented is not None and situation.at_definition:
            self.broken(mistakes.closed_too_early(situation, *self.layout.indented))
        elif mistakes.lacks_brace(situation):
            self.imply_brace(situation)
        else:
            self.broken(mistakes.unexpected(situation))

    def broken(self, mistake: Diagnostic, *, into_braces: bool = True) -> None:
        """Report a statement that cannot be read, and go on in its braces or after it."""
        self.report.add(mistake)
        self.skip(into_braces=into_braces)

    def skip(self, *, into_braces: bool) -> None:
        start, words = self.layout.statement, self.layout.words()
        colon = bool(words) and words[-1].type == "_COLON"
        self.give_up()
        if not self.layout.open or all(bracket.type != "LBRACE" for bracket in self.layout.open):
            skip_to_definition(self.layout)
        elif colon and self.layout.peek() is not None and self.layout.indented_body():
            self.wreck(start, self.layout.imply())
            return
        else:
            skip_statement(self.layout, into_braces=into_braces and len(self.layout.open) < MAX_NESTING)
        self.lost.append((start, self.layout.at))
        brace = self.layout.peek()
        if brace is not None and brace.type == "LBRACE" and self.feed(brace):
            self.wrecks[id(brace)] = start
            self.layout.advance(brace)
