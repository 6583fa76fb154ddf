"""Tries fixes: one is offered only if its finding goes when it is made, and no other comes.

What made a finding also hides what follows: behind a layer that is not known no shape is, and while anything is wrong
nothing is warned of. So the fix of a syntax error or of a name may bring to light errors on other lines, and that of
any error warnings. Claims are another matter: where one does not hold, the fix is not what was meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from cnndsl.diagnostics.edits import Edited, edited
from cnndsl.diagnostics.model import Diagnostic, Fix, Report
from cnndsl.records import dataclass, replace
from cnndsl.source import Source, Span

# What is found with these sources in place of those, and how long that took; None if it cannot be looked for.
Recheck: TypeAlias = Callable[[Mapping[Source, Source]], tuple[Report, int] | None]

Readings: TypeAlias = Callable[[Diagnostic], Iterable[Fix]]  # what its line may have meant, the likeliest first


def with_tried_fixes(report: Report, recheck: Recheck, budget: int, readings: Readings) -> Report:
    """The findings with those of their fixes that hold; when trying them took more than `budget`, no more are tried.

    A reading that holds is the only fix. Of other fixes the words are kept as advice. A word that is no whole repair is
    still worth saying; a number with which shapes do not come out is not.
    """
    trial, told = _Trial(report, recheck, budget), {(each.code, each.span) for each in report.shown}

    def with_tried(finding: Diagnostic) -> Diagnostic:
        if (finding.code, finding.span) not in told:
            return finding
        likely = readings(finding) if trial.budget > 0 else ()
        read = next((fix for fix in likely if trial.holds(finding, fix)), None)
        if read is not None:
            return replace(finding, fixes=(read,), help=_advice(finding))
        kept, words = [], []
        for fix in finding.fixes:
            held = trial.holds(finding, fix)
            if held:
                kept.append(fix)
            elif held is None or not finding.code.startswith("E2"):
                words.append(fix.title)
        help = "\n".join([*words, *([finding.help] if finding.help is not None else [])]) or None
        return replace(finding, fixes=tuple(kept), help=help)

    return report.rewritten(map(with_tried, report))


def _advice(finding: Diagnostic) -> str | None:
    """What remains to be said beside a reading: of a syntax error, which rule was broken."""
    rules = [fix.title for fix in finding.fixes] if finding.code.startswith("E1") else []
    return "\n".join([*rules, *([finding.help] if finding.help is not None else [])]) or None


@dataclass
class _Trial:
    """Looks at the sources again with one fix of one finding made, as long as the budget lasts."""

    report: Report
    recheck: Recheck
    budget: int

    def holds(self, finding: Diagnostic, fix: Fix) -> bool | None:
        """Whether the fix takes the finding away and adds none; None if it cannot be told."""
        if self.budget <= 0:
            return None
        after = edited([fix])
        found = self.recheck(after.sources)
        if found is None:
            return None
        self.budget -= found[1]
        return holds(self.report, finding, after, found[0])


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
