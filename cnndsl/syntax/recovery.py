"""Where to go on after a syntax error: at the end of the broken statement, in its braces, or at the next definition."""

from __future__ import annotations

from collections.abc import Sequence

from lark import Token

from cnndsl.syntax.layout import CLOSING, OPENING, Layout, separates

DEFINITION = {"USE", "BLOCK", "NETWORK"}
_STATEMENT = {"ARCH", "INPUT", "LET", "FOR", "IF", "EXPECT", "REQUIRE"} | DEFINITION
_WITHOUT_BRANCHES = {"INPUT", "LET", "FOR", "IF", "EXPECT", "REQUIRE"}
_NEVER_IN_BRACKETS = {"_ARROW", "BAR", "_AS"}


def skip_statement(layout: Layout, *, into_braces: bool) -> None:
    """Go to the end of the statement at the cursor: its line end, `|` or `}`, or with `into_braces` to its `{`."""
    words = layout.words(most=len(layout.tokens))
    branches = not words or words[0].type not in _WITHOUT_BRANCHES  # else `|` is a misspelt `or`
    at = first = _behind_brackets(layout, layout.leave())
    before = "ERROR"
    while at < len(layout.tokens):
        token = layout.tokens[at]
        if token.type == "_NL":
            after = layout.next_word(at)
            if after == len(layout.tokens) or separates(before, layout.tokens[after].type):
                break
            at = after
            continue
        if token.type == "RBRACE" or (token.type == "BAR" and branches and at > first):
            break
        if token.type == "LBRACE" and into_braces:
            break
        at = _behind(layout, at)
        before = layout.tokens[at - 1].type
    layout.move(at)


def skip_to_definition(layout: Layout) -> None:
    """Outside all braces: go to the next line that begins a definition, or to a `{`."""
    at = _behind_brackets(layout, layout.leave())
    while at < len(layout.tokens):
        token = layout.tokens[at]
        if token.type == "LBRACE" or (token.type in DEFINITION and layout.starts_line(token) and at > layout.at):
            break
        at += 1
    layout.move(_before_line_ends(layout, at))


def back_to_line_end(layout: Layout) -> None:
    """Go before the line end that stands right before the word at the cursor."""
    layout.leave()
    layout.move(_before_line_ends(layout, layout.next_word(layout.at)))


def unclosed_parenthesis(layout: Layout) -> Token | None:
    """The ( or [ that is open at the cursor and never closed, as far as what follows can tell."""
    if layout.open and layout.open[-1].type != "LBRACE" and _end_of(layout, layout.at, layout.open[-1:]) is None:
        return layout.open[-1]
    return None


def _before_line_ends(layout: Layout, at: int) -> int:
    while at and layout.tokens[at - 1].type == "_NL":
        at -= 1
    return at


def _behind(layout: Layout, at: int) -> int:
    """The index after the token at `at`, or if it is a bracket, after the one that closes it."""
    if layout.tokens[at].type not in OPENING:
        return at + 1
    end = _end_of(layout, at, [])
    return at + 1 if end is None else end + 1


def _behind_brackets(layout: Layout, brackets: Sequence[Token]) -> int:
    """The index after the end of all these open brackets; the cursor if they have none."""
    end = _end_of(layout, layout.at, brackets) if brackets else None
    return layout.at if end is None else end + 1


def _end_of(layout: Layout, at: int, brackets: Sequence[Token]) -> int | None:
    """Where the outermost bracket is closed; None if what follows does not belong in brackets."""
    open_ = [bracket.type for bracket in brackets]
    while at < len(layout.tokens):
        token = layout.tokens[at]
        if token.type in OPENING:
            open_.append(token.type)
        elif token.type in CLOSING:
            if open_.pop() != CLOSING[token.type]:
                return None
            if not open_:
                return at
        elif "LBRACE" not in open_ and _ends_brackets(layout, token):
            return None
        at += 1
    return None


def _ends_brackets(layout: Layout, token: Token) -> bool:
    return token.type in _NEVER_IN_BRACKETS or (token.type in _STATEMENT and layout.starts_line(token))
