"""Where to go on after a syntax error: behind the broken statement, in its braces, or at the next definition."""

from __future__ import annotations

from collections.abc import Sequence

from cnndsl.syntax.hints import looks_like_definition
from cnndsl.syntax.layout import CLOSING, OPENING, Layout, separates
from cnndsl.syntax.tokens import Token

DEFINITION = {"USE", "BLOCK", "NETWORK"}
_STATEMENT = {"ARCH", "INPUT", "LET", "FOR", "IF", "EXPECT", "REQUIRE"} | DEFINITION
_WITHOUT_BRANCHES = {"INPUT", "LET", "FOR", "IF", "EXPECT", "REQUIRE"}
_NEVER_IN_BRACKETS = {"_ARROW", "BAR", "_AS"}


def skip_statement(layout: Layout, *, into_braces: bool) -> None:
    """Go to the end of the statement at the cursor: its line end, `|` or `}`, or with `into_braces` to its `{`.

    Brackets are skipped with what is in them, if they are closed at all.
    """
    branches = layout.tokens[layout.statement].type not in _WITHOUT_BRANCHES  # in those, `|` is a misspelt `or`
    at = _behind_brackets(layout, layout.leave())
    closings: dict[int, int | None] = {}
    while at < len(layout.tokens):
        token = layout.tokens[at]
        if token.type == "_NL" and _ends_statement(layout, at):
            break
        if token.type == "RBRACE" or (token.type == "BAR" and branches):
            break
        if token.type == "LBRACE" and into_braces:
            break
        at = _behind(layout, at, closings)
    layout.move(at)


def _ends_statement(layout: Layout, at: int) -> bool:
    after = layout.next_word(at)
    before = layout.tokens[at - 1].type if at > layout.at else "ERROR"
    if at > layout.at and layout.tokens[at - 1] == "\\":
        return False
    return after == len(layout.tokens) or (before != "_NL" and separates(before, layout.tokens[after].type))


def skip_to_definition(layout: Layout) -> None:
    """Outside all braces: go to the next line that begins a definition, or to a `{`."""
    at = first = _behind_brackets(layout, layout.leave())
    while at < len(layout.tokens):
        token = layout.tokens[at]
        if token.type == "LBRACE" or _begins_definition(layout, token, misspelt=at > first):
            break
        at += 1
    layout.move(before_line_ends(layout, at))


def _begins_definition(layout: Layout, token: Token, *, misspelt: bool) -> bool:
    if token.type == "_NL" or not layout.starts_line(token):
        return False
    return token.type in DEFINITION or token.type == "LET" or (misspelt and looks_like_definition(token))


def before_line_ends(layout: Layout, at: int) -> int:
    """The index of the first of the line ends right before the token at `at`; `at` itself if there are none."""
    while at and layout.tokens[at - 1].type == "_NL":
        at -= 1
    return at


def unclosed_parenthesis(layout: Layout) -> Token | None:
    """The ( or [ that is open at the cursor and never closed, as far as what follows can tell."""
    if layout.open and layout.open[-1].type != "LBRACE" and _end_of(layout, layout.at, layout.open[-1:]) is None:
        return layout.open[-1]
    return None


def _behind(layout: Layout, at: int, closings: dict[int, int | None]) -> int:
    """The index after the token at `at`, or if it is a bracket, after the one that closes it.

    `closings` keeps what was found about the brackets in it, so that none is looked through again.
    """
    if layout.tokens[at].type not in OPENING:
        return at + 1
    if at not in closings:
        closings.update(_closings(layout, at))
    end = closings[at]
    return at + 1 if end is None else end + 1


def _closings(layout: Layout, at: int) -> dict[int, int | None]:
    """For the bracket at `at` and those in it what `_end_of` says, all in one go."""
    found: dict[int, int | None] = {}
    open_: list[int] = []
    given_up: set[int] = set()
    for index in range(at, len(layout.tokens)):
        token = layout.tokens[index]
        if token.type in OPENING:
            open_.append(index)
            found[index] = None
        elif token.type in CLOSING:
            opened = open_.pop()
            if layout.tokens[opened].type != CLOSING[token.type]:
                break
            if opened not in given_up:
                found[opened] = index
        elif _ends_brackets(layout, token):
            _give_up(layout, open_, given_up)
        if not open_ or at in given_up:
            break
    return found


def _give_up(layout: Layout, open_: Sequence[int], given_up: set[int]) -> None:
    """The innermost brackets, up to the braces around them, are never closed."""
    for bracket in reversed(open_):
        if bracket in given_up or layout.tokens[bracket].type == "LBRACE":
            break
        given_up.add(bracket)


def _behind_brackets(layout: Layout, brackets: Sequence[Token]) -> int:
    """The index after the end of all these open brackets; the cursor if they have none."""
    end = _end_of(layout, layout.at, brackets) if brackets else None
    return layout.at if end is None else end + 1


def _end_of(layout: Layout, at: int, brackets: Sequence[Token]) -> int | None:
    """Where the outermost bracket is closed; None if what follows does not belong in brackets."""
    open_ = [bracket.type for bracket in brackets]
    braces = open_.count("LBRACE")
    for index in range(at, len(layout.tokens)):
        token = layout.tokens[index]
        if token.type in OPENING:
            open_.append(token.type)
            braces += token.type == "LBRACE"
        elif token.type in CLOSING:
            if not open_ or open_.pop() != CLOSING[token.type]:
                return None
            if not open_:
                return index
            braces -= token.type == "RBRACE"
        elif not braces and _ends_brackets(layout, token):
            return None
    return None


def _ends_brackets(layout: Layout, token: Token) -> bool:
    return token.type in _NEVER_IN_BRACKETS or (token.type in _STATEMENT and layout.starts_line(token))
