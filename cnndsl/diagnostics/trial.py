"""Tries fixes: one is offered only if its finding goes when it is made, and no other comes.

What made a finding also hides what follows: behind a layer that is not known no shape is, and while anything is wrong
nothing is warned of. So the fix of a syntax error or of a name may bring to light errors on other lines, and that of
any error warnings. Claims are another matter: where one does not hold, the fix is not what was meant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

from cnndsl.diagnostics.edits import Edited, edited
from cnndsl.diagnostics.model import Diagnostic, Report
from cnndsl.source import Source, Span

# What is found with these sources in place of those, and how long that took; None if it cannot be looked for.
Recheck: TypeAlias = Callable[[Mapping[Source, Source]], tuple[Report, int] | None]


def with_tried_fixes(report: Report, recheck: Recheck, budget: int) -> Report:
    """The findings with those of their fixes that hold; when trying them took `budget`, no more are tried.

    Of other fixes the words are kept as advice. A word that is no whole repair is still worth saying; a number with
    which shapes do not come out is not.
    """
    tried = Report()
    for finding in report:
        kept, words = [], []
        for fix in finding.fixes:
            after = edited([fix])
            found = recheck(after.sources) if budget > 0 else None
            budget -= found[1] if found is not None else 0
            if found is not None and holds(report, finding, after, found[0]):
                kept.append(fix)
            elif found is None or not finding.code.startswith("E2"):
                words.append(fix.title)
        help = "\n".join([*words, *([finding.help] if finding.help is not None else [])]) or None
        tried.add(replace(finding, fixes=tuple(kept), help=help))
    return tried


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
