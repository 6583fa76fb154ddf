"""Tries fixes: one is offered only if its finding goes when it is made, and no other comes.

What made a finding also hides what follows: behind a layer that is not known no shape is. So a fix of a syntax error
or of a name may bring to light what is wrong on other lines, and that of any error what is warned of there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

from cnndsl.diagnostics.edits import edited
from cnndsl.diagnostics.model import Diagnostic, Fix, Report
from cnndsl.source import Source, Span

Recheck: TypeAlias = Callable[[Mapping[Source, Source]], Report | None]  # with these in place of those; None: no longer


def with_tried_fixes(report: Report, recheck: Recheck, most: int) -> Report:
    """The findings with those of their fixes that hold, of the first `most` fixes; the others are not tried.

    A word that is no whole repair is still worth saying; a number with which shapes do not come out is not.
    """
    tried = Report()
    for finding in report:
        kept, words = [], []
        for fix in finding.fixes:
            most -= 1
            if most >= 0 and holds(report, [(finding, fix)], recheck):
                kept.append(fix)
            elif most < 0 or not finding.code.startswith("E2"):
                words.append(fix.title)
        help = "\n".join([*words, *([finding.help] if finding.help is not None else [])]) or None
        tried.add(replace(finding, fixes=tuple(kept), help=help))
    return tried


def holds(report: Report, made: list[tuple[Diagnostic, Fix]], recheck: Recheck) -> bool:
    """Whether these fixes take away their findings, and add none."""
    after = edited(fix for _, fix in made)
    found = recheck(after.sources)
    if found is None:
        return False
    fixed = [finding for finding, _ in made]
    others = [finding for finding in report if finding not in fixed]
    gone = not any(_is_same(finding, after.moved(each.span), each) for each in fixed for finding in found)
    lines = after.lines
    return gone and all(
        any(_is_same(finding, after.moved(each.span), each) for each in others)
        or all(_was_hidden(finding, each, lines) for each in fixed)
        for finding in found
    )


def _is_same(finding: Diagnostic, place: Span, before: Diagnostic) -> bool:
    """Whether a finding is the one of before, whose place is now this."""
    span = finding.span
    there = span.source.name == place.source.name and place.start <= span.start and span.end <= place.end
    return there and finding.code == before.code


def _was_hidden(finding: Diagnostic, by: Diagnostic, edited_lines: set[tuple[str, int]]) -> bool:
    """Whether a finding may have been hidden by another, rather than made by its fix."""
    if any((finding.span.source.name, line) in edited_lines for line in finding.span.lines):
        return False
    hides_all = by.code.startswith(("E1", "E3"))
    return by.severity == "error" and (hides_all or finding.severity == "warning")
