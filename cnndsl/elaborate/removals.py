"""Fixes that take away what nothing uses."""

from __future__ import annotations

import re

from cnndsl.diagnostics import Edit, Fix
from cnndsl.records import replace
from cnndsl.source import Span
from cnndsl.syntax import tree


def statement_removed(place: Span) -> Fix:
    """A statement removed, and its line if nothing else stands there."""
    text, start, end = place.source.text, place.start, place.end
    line_start, line_end = text.rfind("\n", 0, start) + 1, text.find("\n", end) + 1
    if line_end and not (text[line_start:start] + text[end:line_end]).strip():
        start, end = line_start, line_end
    return Fix("remove it", (Edit(place.source.span(start, end), ""),))


def import_removed(use: tree.Use, name: tree.Name) -> Fix:
    """An import without one of its names, or all of it removed: that changes nothing, as blocks do nothing uncalled."""
    if len(use.names) == 1:
        return replace(statement_removed(use.span), safe=True)
    at = use.names.index(name)
    start = use.names[at - 1].span.end if at else name.span.start
    end = name.span.end if at else use.names[1].span.start
    return Fix("remove it", (Edit(name.span.source.span(start, end), ""),), safe=True)


def label_removed(name: Span) -> tuple[Fix, ...]:
    """A statement without its `as NAME`."""
    line = _line_before(name)
    word = re.search(r"\s+as\s+\Z", line.text)
    if word is None:
        return ()
    start = line.start + word.start()
    return (Fix(f"remove `as {name.text}`", (Edit(name.source.span(start, name.end), ""),)),)


def allowance_removed(code: Span) -> tuple[Fix, ...]:
    """A comment removed that allows this code alone."""
    text = code.source.text
    line_end = text.find("\n", code.start) % (len(text) + 1)
    line = _line_before(code)
    comment = re.search(r"[ \t]*#[ \t]*allow[ \t]+\Z", line.text)
    if comment is None or text[code.end : line_end].lstrip().startswith(","):
        return ()
    return (Fix("remove the comment", (Edit(code.source.span(line.start + comment.start(), line_end), ""),)),)


def _line_before(place: Span) -> Span:
    """What stands before a place on its line."""
    return place.source.span(place.source.text.rfind("\n", 0, place.start) + 1, place.start)
