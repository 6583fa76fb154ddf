"""Syntax errors that can be mended: how each is said, and the edits that do it."""

from __future__ import annotations

import re

from cnndsl.diagnostics import Edit, Fix
from cnndsl.source import Source, Span
from cnndsl.syntax.layout import end_of, start_of
from cnndsl.syntax.situation import Situation
from cnndsl.syntax.tokens import Token

# What is written in place of characters that the language does not have, but fonts, word processors and papers do.
LOOK_ALIKES = {
    "×": "x",
    "→": "->",
    "⇒": "->",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "≈": "~",
    "÷": "/",
    **dict.fromkeys("“”„‟«»", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("·⋅∙•∗", "*"),
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\xad", ""),
}
_JOINED = re.compile(r"\d+(?:[ \t]*[,*]?[ \t]*\d+)+(?=[ \t]*(?:as\b|#|\r?\n|$))")


def replaced(title: str, place: Span, text: str, *, safe: bool = True) -> Fix:
    return Fix(title, (Edit(place, text),), safe)


def inserted(title: str, source: Source, at: int, text: str, *, safe: bool = True) -> Fix:
    return replaced(title, source.span(at, at), text, safe=safe)


def of_character(s: Situation, title: str) -> Fix | None:
    """What was meant by a character that the language does not have, and by others like it on the line."""
    assert s.token is not None
    text, start = s.source.text, s.place.start
    line_end = text.find("\n", start) % (len(text) + 1)
    if s.token in LOOK_ALIKES:
        rest = [i for i in range(start, line_end) if text[i] in LOOK_ALIKES]
        if "#" in text[start:line_end] or '"' in text[start:line_end]:  # what else stands there may be no code
            rest = [start]
        return Fix(title, tuple(Edit(s.source.span(i, i + 1), LOOK_ALIKES[text[i]]) for i in rest), safe=True)
    if s.token == ";" and not text[start + 1 : line_end].strip():
        return replaced(title, s.place, "")
    return None


def without_parentheses(s: Situation, title: str, opened: Token) -> Fix | str:
    """`conv(3x3, 64)`"""
    closed = _closing(s.source.text, start_of(opened))
    if closed is None:
        return title
    empty = not s.source.text[end_of(opened) : closed].strip()
    before = Edit(s.span(opened), "" if empty else " ")
    return Fix(title, (before, Edit(s.source.span(closed, closed + 1), "")), safe=True)


def _closing(text: str, at: int) -> int | None:
    """Where the parenthesis that opens there is closed, on its line."""
    depth = 0
    for i, letter in enumerate(text[at : text.find("\n", at) % (len(text) + 1)], start=at):
        depth += (letter in "([") - (letter in ")]")
        if letter in '#"{':
            return None
        if depth == 0:
            return i if letter == ")" else None
    return None


def joined_by_x(s: Situation, title: str) -> Fix | str:
    """`input 3, 32, 32`"""
    assert s.previous is not None
    found = _JOINED.match(s.source.text, start_of(s.previous))
    if found is None:
        return title
    return replaced(title, s.source.span(*found.span()), " x ".join(re.findall(r"\d+", found[0])))


def brace_above(s: Situation) -> tuple[Fix, ...]:
    """`{` on a line of its own, if nothing but space stands between it and what it belongs to."""
    if s.previous is None or s.source.text[end_of(s.previous) : s.place.start].strip():
        return ()
    return (replaced("put it there", s.source.span(end_of(s.previous), s.place.start), " "),)


def divided(s: Situation, value: str) -> tuple[Fix, ...]:
    """`conv 3x3, 64 /2`: a stride, or a division."""
    assert s.previous is not None
    between = s.source.span(end_of(s.previous), s.place.end)
    return (
        replaced(f"a stride is an argument of its own: `, /{value}`", between, ", /", safe=False),
        replaced(f"a division has equal space on both sides: `/ {value}`", between, " / ", safe=False),
    )
