"""The findings of the parser (E101 to E105), each from the situation it is found in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from unicodedata import name as unicode_name

from cnndsl.diagnostics import Diagnostic, Fix, Label
from cnndsl.records import replace
from cnndsl.source import Source, Span
from cnndsl.syntax.expected import describe_expected, describe_found
from cnndsl.syntax.hints import CHARACTERS, Remedy, repair_for
from cnndsl.syntax.layout import Layout, end_of, line_of, start_of
from cnndsl.syntax.repairs import brace_above, divided, of_character, replaced
from cnndsl.syntax.situation import Situation
from cnndsl.syntax.tokens import Token

_WORD = re.compile(r"[\w.]+")


def unexpected(s: Situation) -> Diagnostic:
    """E101: the text up to here is fine, and what follows cannot continue it."""
    if _dangling(s):
        assert s.previous is not None
        message = f"expected {describe_expected(s.accepted)} after `{s.previous}`"
        return _with(repair_for(s), Diagnostic("E101", message, s.span(s.previous)))
    if s.found == "_ARROW" and s.line_ended:
        help = "a line that begins with `->` goes on with the layers of the line above"
        return Diagnostic("E101", "expected a layer before `->`", s.place, help=help)
    message = f"expected {describe_expected(s.accepted)}, found {describe_found(s)}"
    return _with(repair_for(s), Diagnostic("E101", message, s.place))


def _with(remedy: Remedy | None, finding: Diagnostic) -> Diagnostic:
    return replace(finding, fixes=(remedy,)) if isinstance(remedy, Fix) else replace(finding, help=remedy)


def _dangling(s: Situation) -> bool:
    """Whether the line ended behind something that promised more (`->`, `,`)."""
    return s.previous is not None and s.previous.type in ("_ARROW", "_COMMA", "BAR") and s.line_ended


def unknown_character(s: Situation) -> Diagnostic:
    """E102"""
    token = s.token
    assert token is not None
    if token == '"':
        return Diagnostic("E102", "this string has no end", s.place, help=CHARACTERS['"'])
    if str(token).isascii() and str(token).isdigit():
        return _no_number(s)
    named = "" if str(token).isascii() else f" ({unicode_name(str(token), 'without a name').lower()})"
    title = CHARACTERS.get(str(token))
    remedy = title if title is None else of_character(s, title) or title
    return _with(remedy, Diagnostic("E102", f"unknown character `{token}`{named}", s.place))


def _no_number(s: Situation) -> Diagnostic:
    """Digits that go on in a way no number or size does: `0xFF`, `3x`, `64k`."""
    word = _WORD.match(s.source.text, s.place.start)
    assert word is not None  # it begins with a digit
    shown = word[0] if len(word[0]) <= 40 else f"{word[0][:40]}..."
    place = s.source.span(*word.span())
    remedy: Remedy | None = None
    if re.fullmatch(r"\d+(X\d+)+", shown):
        remedy = replaced(f"a size is written with a small x: `{shown.lower()}`", place, shown.lower())
    elif re.fullmatch(r"[\d_.]+[kmg]", shown):
        number = shown[:-1] + shown[-1].upper()
        remedy = replaced(f"suffixes are K (10 ** 3), M (10 ** 6) and G (10 ** 9): `{number}`", place, number)
    elif re.fullmatch(r"\d+x[\dx]*", shown):
        remedy = "a size such as `3x3` has a number on both sides of each x"
    elif shown[0] == "0" and shown[1:2] in "xXbBoO":
        remedy = "numbers are decimal"
    elif s.previous is not None and s.previous.type in ("NETWORK", "BLOCK", "_AS", "LET"):
        remedy = "a name begins with a letter or `_`"
    return _with(remedy, Diagnostic("E102", f"`{shown}` is neither a number nor a size", place))


def nested_too_deep(s: Situation, most: int) -> Diagnostic:
    """E104"""
    help = "blocks start counting anew, and `let` names a part of an expression"
    return Diagnostic("E104", f"brackets are nested more than {most} deep", s.place, help=help)


# --- brackets (E103)


def closes_nothing(s: Situation) -> Diagnostic:
    return Diagnostic("E103", f"this `{s.token}` closes nothing", s.word)


def mismatched(s: Situation, opened: Token) -> Diagnostic:
    labels = (Label(s.span(opened), "opened here"),)
    return Diagnostic("E103", f"`{opened}` is closed by `{s.token}`", s.word, labels=labels)


def never_closed(source: Source, opened: Token) -> Diagnostic:
    return Diagnostic("E103", f"this `{opened}` is never closed", _span(source, opened))


def braces_never_closed(source: Source, layout: Layout, braces: Sequence[Token]) -> Diagnostic:
    """Blames the brace whose end, by indentation, is missing, else the innermost."""
    if layout.outdented is None:
        also = tuple(Label(_span(source, brace), "nor is this one") for brace in braces[:-1][-3:])
        return replace(never_closed(source, braces[-1]), labels=also)
    opened, closed = layout.outdented
    outer = next((brace for brace in braces if layout.indent(brace) == closed.column), braces[0])
    text = f"by its indentation, this one belongs to the `{{` of line {line_of(outer)}"
    return replace(never_closed(source, opened), labels=(Label(_span(source, closed), text),))


def closed_too_early(s: Situation, opened: Token, closed: Token) -> Diagnostic:
    """Text outside all braces, after a `}` that stands too far right to be the end of a definition."""
    message = f"this `}}` ends the definition of line {line_of(opened)}, and more follows"
    labels = (Label(s.span(opened), "its `{`"), Label(s.word, "outside all braces"))
    return Diagnostic("E103", message, s.span(closed), labels=labels)


# --- what the grammar takes, and is no less a mistake


def brace_below(s: Situation) -> Diagnostic:
    """E101 for a `{` on a line of its own, after it was read."""
    message = "`{` stands on the line of what it belongs to"
    labels = (Label(s.source.span(end_of(s.previous), end_of(s.previous)), "here"),) if s.previous else ()
    return Diagnostic("E101", message, s.place, labels=labels, fixes=brace_above(s))


def ambiguous_slash(s: Situation) -> Diagnostic:
    """E101 for `conv 3x3, 64 /2`, which would be a division."""
    value = s.layout.following(2)[-1]
    message = f"`/{value}` behind a value would divide it"
    return Diagnostic("E101", message, s.place, fixes=divided(s, str(value)))


def unknown_version(source: Source, number: Token, known: int) -> Diagnostic:
    """E105"""
    message = f"version {number} of the language is not known"
    place = _span(source, number)
    fix = replaced(f"this cnndsl reads `arch {known}`", place, str(known), safe=False)
    return Diagnostic("E105", message, place, fixes=(fix,))


def _span(source: Source, token: Token) -> Span:
    return source.span(start_of(token), end_of(token))
