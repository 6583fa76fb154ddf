"""What edits make of texts, and where a place is found again after them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cnndsl.diagnostics.model import Edit, Fix
from cnndsl.records import dataclass, replace
from cnndsl.source import Source, Span


@dataclass(frozen=True)
class Edited:
    """The sources after some edits, by the sources before them, and the edits of each in order."""

    sources: Mapping[Source, Source]
    edits: Mapping[Source, Sequence[Edit]]

    def moved(self, span: Span) -> Span:
        """Where a stretch of the old text is in the new one, with what was put in at its ends."""
        new = self.sources.get(span.source, span.source)
        start, end = span.start, span.end
        for edit in self.edits.get(span.source, ()):
            longer = len(edit.text) - (edit.span.end - edit.span.start)
            if edit.span.end <= span.start and edit.span.start < span.start:
                start += longer
            elif edit.span.start < span.start:  # the edit reaches into it
                start -= span.start - edit.span.start
            if edit.span.start <= span.end:
                end += longer + max(edit.span.end - span.end, 0)
        return Span(new, start, end)

    @property
    def lines(self) -> set[tuple[str, int]]:
        """The lines of the new texts that were written, each with its file's name."""
        found: set[tuple[str, int]] = set()
        for source, edits in self.edits.items():
            longer = 0
            for edit in edits:
                start = edit.span.start + longer
                longer += len(edit.text) - (edit.span.end - edit.span.start)
                written = Span(self.sources[source], start, start + len(edit.text))
                found.update((source.name, line) for line in written.lines)
        return found


def edited(fixes: Iterable[Fix]) -> Edited:
    """The sources with these fixes made, none of which may overlap another."""
    by_source: dict[Source, list[Edit]] = {}
    for edit in {edit: None for fix in fixes for edit in fix.edits}:
        by_source.setdefault(edit.span.source, []).append(edit)
    edits = {source: sorted(some, key=lambda edit: edit.span.start) for source, some in by_source.items()}
    return Edited({source: replace(source, text=_text(source, some)) for source, some in edits.items()}, edits)


def apply_fixes(fixes: Iterable[Fix]) -> dict[str, str]:
    """The new texts, by the names of their files, with these fixes made; nothing is written.

    Of fixes that overlap the first is made: check again for the others.
    """
    return {old.name: new.text for old, new in edited(compatible(fixes)).sources.items()}


def _text(source: Source, edits: Sequence[Edit]) -> str:
    """The text after its edits; new lines end as the others do."""
    line_end = "\r\n" if "\r\n" in source.text else "\n"
    parts, at = [], 0
    for edit in edits:
        parts += [source.text[at : edit.span.start], edit.text.replace("\n", line_end)]
        at = edit.span.end
    return "".join([*parts, source.text[at:]])


def compatible(fixes: Iterable[Fix]) -> list[Fix]:
    """Those that can be made at once: each that overlaps none before it."""
    chosen: list[Fix] = []
    taken: set[Edit] = set()
    for fix in fixes:
        new = [edit for edit in fix.edits if edit not in taken]  # two findings may ask for the same
        if not any(_overlap(edit, other) for edit in new for other in taken):
            taken.update(new)
            chosen.append(fix)
    return chosen


def _overlap(one: Edit, other: Edit) -> bool:
    a, b = one.span, other.span
    return a.source is b.source and (a.start == b.start or (a.start < b.end and b.start < a.end))
