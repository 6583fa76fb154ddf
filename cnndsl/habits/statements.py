"""The statement around a place, found in the text alone: what could not be read has no tree."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cnndsl.source import Source, Span

_GOES_ON = re.compile(r"((?<!-)->|[,(\[|])\s*$")
_CONTINUES = re.compile(r"^\s*(->|[)\]])")
_OPENS = re.compile(r"\{\s*$")
MOST_LINES = 24


def statements_at(place: Span) -> Iterator[Span]:
    """What may be the statement there: the least around it in braces and bars, then its whole line or lines."""
    line = _line_at(place)
    seen: set[tuple[int, int]] = set()
    for part in (_between(line, place.start, "{}|"), _between(line, place.start, "{}"), line):
        part = _trimmed(part)
        if part.start < part.end and (part.start, part.end) not in seen:
            seen.add((part.start, part.end))
            yield part


def _line_at(place: Span) -> Span:
    """The line, with those that it visibly goes on from and in, without comments behind it."""
    source = place.source
    first = last = min(place.line, source.line_count)
    while first > 1 and last - first < MOST_LINES and _joined(_code(source, first - 1), _code(source, first)):
        first -= 1
    while last < source.line_count and last - first < MOST_LINES and _unfinished(source, first, last):
        last += 1
    return Span(source, source.start_of(first), source.start_of(last) + len(_code(source, last)))


def _code(source: Source, number: int) -> str:
    """A line without the comment at its end."""
    text = source.line(number)
    in_quotes = False
    for at, character in enumerate(text):
        in_quotes ^= character == '"'
        if character == "#" and not in_quotes:
            return text[:at].rstrip()
    return text


def _joined(above: str, below: str) -> bool:
    return bool(above.strip()) and bool(_GOES_ON.search(above) or _CONTINUES.match(below))


def _unfinished(source: Source, first: int, last: int) -> bool:
    text = "\n".join(_code(source, number) for number in range(first, last + 1))
    depth = sum(text.count(mark) for mark in "([") - sum(text.count(mark) for mark in ")]")
    return depth > 0 or _joined(_code(source, last), _code(source, last + 1))


def _between(line: Span, at: int, marks: str) -> Span:
    """From the last of these marks before a place to the first after it, braces in between with what is in them."""
    text, here = line.text, at - line.start
    before = range(min(here + 1, len(text)))
    start = max((i + 1 for i in before if text[i] in marks and _depth(text[i + 1 : here]) == 0), default=0)
    depth, end = 0, len(text)
    for i in range(max(here, start), len(text)):
        if depth == 0 and (text[i] == "}" or (text[i] == "|" and "|" in marks)):
            end = i
            break
        depth += (text[i] == "{") - (text[i] == "}")
    return Span(line.source, line.start + start, line.start + end)


def _depth(text: str) -> int:
    return text.count("{") - text.count("}")


def _trimmed(span: Span) -> Span:
    """Without blanks, a bar before it, and closing braces behind it that open none of its own."""
    text, start = span.text, span.start
    lead = re.match(r"\s*(\|\s*)?", text)
    assert lead is not None  # it matches anything
    start += lead.end()
    text = text[lead.end() :]
    while text.rstrip().endswith("}") and _depth(text) < 0:
        text = text.rstrip()[:-1]
    text = text.rstrip()
    return Span(span.source, start, start + len(text))


def opens_body(text: str) -> bool:
    """Whether a body begins here whose lines are not part of it."""
    return bool(_OPENS.search(text)) and _depth(text) > 0
