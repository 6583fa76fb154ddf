"""What was found in a text before it changed, where nothing was touched: shown until all is looked at again."""

from __future__ import annotations

from collections.abc import Iterable

from cnndsl.diagnostics import Diagnostic, Label
from cnndsl.editor.view import View, end_of
from cnndsl.records import dataclass, replace
from cnndsl.source import Source, Span


@dataclass(frozen=True)
class Change:
    """One text and the next: they agree up to `start`, and from `end` of the old one on."""

    old: Source
    new: Source
    start: int
    end: int

    def moved(self, span: Span) -> Span | None:
        """Where a stretch of the old text is now; None if it was touched."""
        if span.source is not self.old:
            return span
        if span.end < self.start:
            return self.new.span(span.start, span.end)
        longer = len(self.new.text) - len(self.old.text)
        return self.new.span(span.start + longer, span.end + longer) if span.start > self.end else None


def change(old: Source, new: Source) -> Change:
    """What lies between the longest beginning and the longest end that two texts share."""
    before, after = old.text, new.text
    shorter = min(len(before), len(after))
    start = _agreeing(before[:shorter], after[:shorter])
    rest = shorter - start
    agree = _agreeing(before[len(before) - rest :][::-1], after[len(after) - rest :][::-1]) if rest else 0
    return Change(old, new, start, len(before) - agree)


def _agreeing(one: str, other: str) -> int:
    """How many letters at the beginning of two texts of one length are the same."""
    low, high = 0, len(one)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def remembered(before: View, now: View, made: Change) -> Iterable[Diagnostic]:
    """What the last whole look found elsewhere than in what is being edited, and this first look cannot know yet."""
    home = before.definition_at(made.start)
    here = range(home.span.start, end_of(home) + 1) if home is not None else range(0)
    known = {(each.code, each.span.start) for each in now.checked.report}
    for finding in before.checked.report:
        span = made.moved(finding.span)
        if span is not None and finding.span.start not in here and (finding.code, span.start) not in known:
            labels = [Label(place, label.text) for label in finding.labels if (place := made.moved(label.span))]
            yield replace(finding, span=span, labels=tuple(labels), fixes=())
