"""What speaks for edits: their finding goes when they are made, and no other comes.

What made a finding also hides what follows: behind a layer that is not known no shape is, and while anything is wrong
nothing is warned of. So the fix of a syntax error or of a name may bring to light errors on other lines, and that of
any error warnings. Claims are another matter: where one does not hold, the fix is not what was meant.
"""

from __future__ import annotations

from typing import TypeAlias

from cnndsl.diagnostics.edits import Edited
from cnndsl.diagnostics.model import Diagnostic, Report
from cnndsl.source import Span


def holds(before: Report, fixed: Diagnostic, after: Edited, found: Report) -> bool:
    """Whether the edits took away the finding, and added none."""
    kept = {_key(finding.code, after.moved(finding.span)) for finding in before if finding != fixed}
    gone, lines = _key(fixed.code, after.moved(fixed.span)), after.lines
    for finding in found:
        key = _key(finding.code, finding.span)
        if _within(key, gone):
            return False
        known = key in kept or any(_within(key, other) for other in kept)
        if not known and not _was_hidden(finding, fixed, lines):
            return False
    return True


_Key: TypeAlias = tuple[str, str, int, int]  # a finding's code and file, and where it starts and ends there


def _key(code: str, place: Span) -> _Key:
    return code, place.source.name, place.start, place.end


def _within(one: _Key, other: _Key) -> bool:
    """Whether it is the same finding as far as edits around it let one know."""
    return one[:2] == other[:2] and other[2] <= one[2] and one[3] <= other[3]


def _was_hidden(finding: Diagnostic, by: Diagnostic, edited_lines: set[tuple[str, int]]) -> bool:
    """Whether a finding may have been hidden by another, rather than made by its fix."""
    if by.severity == "warning" or finding.code.startswith("E4"):
        return False
    elsewhere = not any((finding.span.source.name, line) in edited_lines for line in finding.span.lines)
    return finding.severity == "warning" or (elsewhere and by.code.startswith(("E1", "E3")))
