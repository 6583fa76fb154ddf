"""Text to syntax tree, with recovery: after a mistake the parser goes on at the next statement.

Lark's tables do the grammar; this module feeds them token by token, because recovery is a matter of statements, braces
and indentation.
"""

from __future__ import annotations

from itertools import islice

from cnndsl.diagnostics import Diagnostic, Report
from cnndsl.errors import SourceError
from cnndsl.source import Source, Span
from cnndsl.syntax import mistakes, tree
from cnndsl.syntax.builder import TreeBuilder
from cnndsl.syntax.layout import CLOSING, OPENING, Layout, line_of
from cnndsl.syntax.machine import END, Machine
from cnndsl.syntax.recovery import (
    DEFINITION,
    before_line_ends,
    skip_statement,
    skip_to_definition,
    unclosed_parenthesis,
)
from cnndsl.syntax.situation import Situation
from cnndsl.syntax.tables import tables
from cnndsl.syntax.tokens import Token

LANGUAGE_VERSION = 1
MAX_WORDS = 100_000
MAX_NESTING = 64
MAX_ERRORS = 50


def parse(source: Source) -> tuple[tree.File, Report]:
    """The syntax tree of a file and the mistakes found in it; what could not be read is `Unreadable` in the tree."""
    return _Parser(source).run()


def _words(source: Source) -> list[Token]:
    """The tokens of a file. Raises `SourceError` if they are too many: each takes time and memory to understand."""
    words = [*islice(tables().lexer.tokens(source.text), MAX_WORDS + 1)]
    if len(words) > MAX_WORDS:
        raise SourceError(f"{source.name} has more than {MAX_WORDS:,} words and signs, the most an .arch file may have")
    return words


class _Parser:
    """`machine` has read what the tree will hold, `layout` stands at what comes next.

    lost    (start, end) indices of the tokens that went with broken statements
    wrecks  open braces of broken statements: the id of the brace, and the statement's first token
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.machine = Machine(tables(), TreeBuilder(source))
        self.layout = Layout(_words(source))
        self.report = Report()
        self.lost: list[tuple[int, int]] = []
        self.wrecks: dict[int, int] = {}

    def run(self) -> tuple[tree.File, Report]:
        while len(self.report) < MAX_ERRORS and (token := self.layout.peek()) is not None:
            self.take(token)
        return self.file(self.close()), self.report

    def take(self, token: Token) -> None:
        """Feed one token, or report it and go on where something new begins."""
        if token.type == "UNKNOWN":
            self.broken(mistakes.unknown_character(self.situation(token)))
        elif token.type in CLOSING and not self.layout.closes(token):
            self.unmatched(token)
        elif token.type in OPENING and len(self.layout.open) >= MAX_NESTING:
            self.broken(mistakes.nested_too_deep(self.situation(token), MAX_NESTING))
        elif token.type == "_NL" and self.at_definition():
            self.end_definition()
        elif token.type == "NAME" and token == "elif" and self.layout.at_command:
            self.unexpected(token)
        elif token.type == "SLASH" and self.layout.looks_like_stride(token):
            self.broken(mistakes.ambiguous_slash(self.situation(token)))
        elif self.feed(token):
            if token.type == "LBRACE" and self.layout.starts_line(token):
                self.report.add(mistakes.brace_below(self.situation(token)))
            self.advance(token)
        else:
            self.unexpected(token)

    def advance(self, token: Token) -> None:
        closed = self.layout.open[-1] if token.type == "RBRACE" else None
        self.layout.advance(token)
        if closed is not None and id(closed) in self.wrecks:
            self.resume(self.wrecks.pop(id(closed)))

    def situation(self, token: Token | None, accepted: frozenset[str] = frozenset()) -> Situation:
        return Situation(self.source, self.layout, token, accepted)

    # --- the machine

    def accepted(self) -> frozenset[str]:
        """The terminals that could come next."""
        return self.machine.accepted()

    def feed(self, token: Token) -> bool:
        return self.machine.feed(token)

    def give_up(self, *, definition: bool = False) -> None:
        """Put an ERROR in place of the broken statement, or of the whole definition (yacc's error token)."""
        braces = 0
        while not self.machine.takes("ERROR") or braces or (definition and self.in_braces()):
            self.machine.states.pop()
            kind = getattr(self.machine.values.pop(), "type", "")
            braces += (kind == "RBRACE") - (kind == "LBRACE" and braces > 0)  # a body that is whole but not yet reduced
        self.feed(self.layout.made("ERROR", ""))

    def in_braces(self) -> bool:
        """Whether the machine stands between braces."""
        return any(getattr(value, "type", "") == "LBRACE" for value in self.machine.values)

    # --- mistakes, and where to go on

    def unexpected(self, token: Token) -> None:
        """A token that the grammar does not take here."""
        situation = self.situation(token, self.accepted())
        if (bracket := unclosed_parenthesis(self.layout)) is not None:
            self.unclosed(bracket, token)
        elif self.at_definition():
            self.end_definition()
        elif self.layout.indented is not None and not self.layout.open:
            self.broken(mistakes.closed_too_early(situation, *self.layout.indented))
        elif situation.lacks_brace:
            self.imply_brace(situation)
        else:
            self.broken(mistakes.unexpected(situation))

    def unmatched(self, token: Token) -> None:
        """A closing bracket without its opening one."""
        opened = self.layout.open[-1] if self.layout.open else None
        if opened is None or opened.type == "LBRACE":
            early = self.layout.indented if opened is None else None
            self.report.add(mistakes.closed_too_early(self.situation(token), *early) if early else self.stray(token))
            self.layout.drop()
        elif token.type == "RBRACE":
            self.unclosed(opened, token)
        else:
            self.broken(mistakes.mismatched(self.situation(token), opened))

    def stray(self, token: Token) -> Diagnostic:
        return mistakes.closes_nothing(self.situation(token))

    def unclosed(self, bracket: Token, found: Token) -> None:
        """A ( or [ without its end, noticed at `found`; its statement ends with the line."""
        if not self.layout.starts_line(found):
            self.broken(mistakes.never_closed(self.source, bracket))
            return
        self.report.add(mistakes.never_closed(self.source, bracket))
        start = self.layout.statement
        self.give_up()
        self.layout.leave()
        self.layout.move(before_line_ends(self.layout, self.layout.next_word(self.layout.at)))
        self.lost.append((start, self.layout.at))

    def broken(self, mistake: Diagnostic) -> None:
        """Report a statement that cannot be read, and go on in its braces or after it."""
        self.report.add(mistake)
        start, colon = self.layout.statement, self.layout.ends_with_colon()
        self.give_up()
        if colon:
            self.enter(self.layout.imply(), start)
        else:
            self.resume(start)

    def resume(self, start: int) -> None:
        """Go on behind what cannot be read, whose first token is `start`, or in its braces."""
        if any(bracket.type == "LBRACE" for bracket in self.layout.open):
            skip_statement(self.layout, into_braces=len(self.layout.open) < MAX_NESTING)
        else:
            skip_to_definition(self.layout)
        self.lost.append((start, self.layout.at))
        brace = self.layout.peek()
        if brace is not None and brace.type == "LBRACE":
            self.enter(brace, start)

    def enter(self, brace: Token, start: int) -> None:
        """Read the statements in the braces of a broken one, for the mistakes in them."""
        if self.feed(brace):
            self.wrecks[id(brace)] = start
            self.layout.advance(brace)

    # --- braces that are not there

    def at_definition(self) -> bool:
        """Whether a definition begins at the cursor, although a brace is open."""
        following = self.layout.following(1)
        return (
            bool(self.layout.open and following)
            and self.layout.open[-1].type == "LBRACE"
            and following[0].type in DEFINITION
            and self.layout.starts_line(following[0])
        )

    def end_definition(self) -> None:
        """Report the braces that are open, and end the definition; it is dropped if it is unclear where one belongs."""
        braces = [brace for brace in self.layout.open if brace.type == "LBRACE" and not self.layout.is_implied(brace)]
        if braces:
            if self.layout.outdented is not None:
                self.forget_line(line_of(self.layout.outdented[1]))
            self.report.add(mistakes.braces_never_closed(self.source, self.layout, braces))
        if self.layout.outdented is not None:
            self.give_up(definition=True)
            self.layout.leave(braces=True)
            self.lost.append((self.layout.statement, self.layout.at))
            self.layout.move(self.layout.at)
        else:
            self.close_braces()

    def forget_line(self, line: int) -> None:
        """Take back what was wrong behind a `}`, now that it is known to belong to another `{`."""
        kept = [mistake for mistake in self.report if mistake.span.line != line]
        self.report = Report()
        for mistake in kept:
            self.report.add(mistake)

    def close_braces(self) -> None:
        """End what is open as if its `}` were there."""
        while self.layout.open:
            end = self.layout.made("RBRACE", "}")
            if not self.feed(end):
                self.give_up()
                self.layout.leave()
                self.feed(end)
            self.layout.advance(end)

    def imply_brace(self, situation: Situation) -> None:
        """`for i in range(3):`, or nothing, in place of a `{`."""
        self.report.add(mistakes.unexpected(situation))
        written = situation.after()[:1] == ["LBRACE"]
        if situation.found == "_COLON":
            self.layout.drop()
        if not written:
            brace = self.layout.imply()
            self.feed(brace)
            self.layout.advance(brace)

    # --- the end of the file

    def close(self) -> list[object]:
        """Feed the end, closing what was left open, and give the file's items."""
        complaint = len(self.report) < MAX_ERRORS
        if complaint and self.layout.open and self.layout.open[-1].type != "LBRACE":
            self.report.add(mistakes.never_closed(self.source, self.layout.open[-1]))
            self.give_up()
            self.layout.leave()
        elif complaint and self.layout.open:
            self.end_definition()
        elif complaint and END not in self.accepted():
            self.broken(mistakes.unexpected(self.situation(None, self.accepted())))
        self.close_braces()
        if END not in self.accepted():
            self.give_up()
        items: list[object] = self.machine.end()
        return items

    def file(self, items: list[object]) -> tree.File:
        versions = [item for item in items if isinstance(item, Token)]
        if versions and versions[0] != str(LANGUAGE_VERSION):
            self.report = Report()
            self.report.add(mistakes.unknown_version(self.source, versions[0], LANGUAGE_VERSION))
            return tree.File(self.source, (), (), (), (), complete=False)
        lost = {str(t) for start, end in self.lost for t in self.layout.tokens[start:end] if t.type == "NAME"}
        return tree.File(
            self.source,
            tuple(item for item in items if isinstance(item, tree.Use)),
            tuple(item for item in items if isinstance(item, (tree.Let, tree.FunctionDefinition))),
            tuple(item for item in items if isinstance(item, tree.BlockDefinition)),
            tuple(item for item in items if isinstance(item, (tree.NetworkDefinition, tree.VariantDefinition))),
            complete=not self.report,
            lost=frozenset(lost),
        )


def parse_expression(source: Source, report: Report) -> tree.Expression | None:
    """One expression, as a command line or a caller gives it; None after adding what is wrong to `report`."""
    prefix = "network _ {\nlet _ = "
    file, mistakes = parse(Source(source.name, f"{prefix}{source.text}\n}}"))
    report.extend(mistakes)
    whole = file.complete and not file.uses and not file.values and not file.blocks and len(file.networks) == 1
    body = file.networks[0].body if whole else None
    if body is not None and len(body.statements) == 1 and isinstance(body.statements[0], tree.Let):
        return body.statements[0].value
    if not report:
        report.add(Diagnostic("E101", "expected one value", Span(source, 0, len(source.text))))
    return None
