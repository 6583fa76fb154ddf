"""Comments that take warnings away: `# allow W604: as in the paper`, on the line of the warning or of a call to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from cnndsl.source import Source, Span

Allowances: TypeAlias = Mapping[tuple[int, str], Span]  # where a code is written, by its line and the code

_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|(#[^\n]*)')  # a `#` in a string begins none
_ALLOW = re.compile(r"\ballow\s+([A-Z]\d{3}(?:\s*,\s*[A-Z]\d{3})*)")
_CODE = re.compile(r"[A-Z]\d{3}")


def allowances(source: Source) -> Allowances:
    """All that the comments of a file allow."""
    found: dict[tuple[int, str], Span] = {}
    for comment in _COMMENT.finditer(source.text) if "allow" in source.text else ():
        allow = _ALLOW.search(source.text, *comment.span(1)) if comment[1] else None
        for code in _CODE.finditer(source.text, *allow.span(1)) if allow else ():
            span = source.span(*code.span())
            found.setdefault((span.line, code[0]), span)
    return found


def allows(comment: str) -> bool:
    """Whether a comment allows something on its line."""
    return _ALLOW.search(comment) is not None
