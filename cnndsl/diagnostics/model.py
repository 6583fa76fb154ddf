"""What cnndsl has to say about a file: a `Diagnostic` is one finding, a `Report` all of them, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Literal

from cnndsl.diagnostics.allowances import Allowances, allowances
from cnndsl.records import dataclass, replace
from cnndsl.source import Source, Span

Severity = Literal["error", "warning"]
SHOWN = 50  # findings of a report that are told; of the others, how many they are


@dataclass(frozen=True, slots=True)
class Label:
    """A second place that matters to a finding, and what happened there."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a file: `text` in place of what `span` holds. An empty span inserts, an empty text removes."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A repair that a program can make: all of its edits, which may lie in several files, and none in another.

    title  the repair in words, as it follows `help: `
    safe   whether it is certain that the author meant this; only such are made without being asked for
    """

    title: str
    edits: tuple[Edit, ...]
    safe: bool = False


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: its stable code, what is wrong, and the smallest place that caused it.

    `label` is written under the carets, `labels` are the other ends of a disagreement, `notes` tell how the
    place was reached (block calls and loop rounds, innermost first), `help` is advice that no edit follows.
    `calls` are the block calls that led to a warning, innermost first: the line of each may allow it.
    `fixes` are other ways out each, the best first.
    """

    code: str
    message: str
    span: Span
    label: str = ""
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    calls: tuple[Span, ...] = ()
    fixes: tuple[Fix, ...] = ()

    @property
    def remedies(self) -> tuple[str, ...]:
        """What to do about it, in words: the fixes, then the advice."""
        advice = () if self.help is None else (self.help,)
        return (*(fix.title for fix in self.fixes), *advice)

    @property
    def severity(self) -> Severity:
        return "warning" if self.code.startswith("W") else "error"


class Report:
    """Findings in the order of their discovery, each (code, place) once.

    A mistake in a block that is called sixteen times is one mistake: later finds of it are counted, and
    shown as a note on the first.
    """

    def __init__(self, told: int = SHOWN) -> None:
        self._told = told  # 0 for one that nobody reads, since something is only tried
        self._found: dict[tuple[str, Span], Diagnostic] = {}
        self._repeats: dict[tuple[str, Span], int] = {}
        self._errors = 0
        self._allowances: dict[Source, Allowances] = {}
        self._used: set[Span] = set()

    def add(self, diagnostic: Diagnostic) -> None:
        """Take in one finding; a warning that a comment allows (`# allow W604: as in the paper`) is none."""
        if diagnostic.severity == "warning" and (allowance := self._allowance(diagnostic)) is not None:
            self._used.add(allowance)
        else:
            self._take(diagnostic)

    def _take(self, diagnostic: Diagnostic) -> None:
        key = (diagnostic.code, diagnostic.span)
        if key in self._found:
            self._repeats[key] = self._repeats.get(key, 0) + 1
        else:
            self._found[key] = diagnostic
            self._errors += diagnostic.severity == "error"

    def _allowance(self, warning: Diagnostic) -> Span | None:
        """Where a warning is allowed: on its own line, or on that of a call that led there."""
        for span in (warning.span, *warning.calls):
            allowed = self._allowed_in(span.source)
            if allowed and (place := allowed.get((span.line, warning.code))) is not None:
                return place
        return None

    def _allowed_in(self, source: Source) -> Allowances:
        if source not in self._allowances:
            self._allowances[source] = allowances(source)
        return self._allowances[source]

    def unused_allowances(self, source: Source) -> list[Span]:
        """The codes that comments of a file allow and that have not come up there."""
        return [place for place in self._allowed_in(source).values() if place not in self._used]

    def rewritten(self, findings: Iterable[Diagnostic]) -> Report:
        """The same findings in another order or in other words; what comments allow is not asked again."""
        other = self._empty()
        for finding in findings:
            other._take(finding)
        return other

    def _empty(self) -> Report:
        """One with nothing in it yet, about the same files."""
        other = Report()
        other._allowances, other._used = self._allowances, self._used
        return other

    def mapped(self, change: Callable[[Diagnostic], Diagnostic | None]) -> Report:
        """The same findings, each as `change` has it, if it has it at all; those that become one are counted as one."""
        other = self._empty()
        for key, diagnostic in self._found.items():
            changed = change(diagnostic)
            if changed is None:
                continue
            other.add(changed)
            place = (changed.code, changed.span)
            if more := self._repeats.get(key, 0):
                other._repeats[place] = other._repeats.get(place, 0) + more
        return other

    def extend(self, diagnostics: Report) -> None:
        """Take in all findings of another report."""
        for key, diagnostic in diagnostics._found.items():
            self.add(diagnostic)
            if more := diagnostics._repeats.get(key, 0):
                self._repeats[key] = self._repeats.get(key, 0) + more

    def __iter__(self) -> Iterator[Diagnostic]:
        for key, diagnostic in self._found.items():
            more = self._repeats.get(key, 0)
            if more:
                note = f"the same happens {more} more time{'s' if more > 1 else ''}"
                diagnostic = replace(diagnostic, notes=(*diagnostic.notes, note))
            yield diagnostic

    def __len__(self) -> int:
        return len(self._found)

    def explains(self, code: str, place: Span) -> bool:
        """Whether what would mend an error is worth looking for: it is new, and is told rather than only counted."""
        return self._errors < self._told and (code, place) not in self._found

    @property
    def shown(self) -> list[Diagnostic]:
        """The findings to tell, in their order; of more than `SHOWN`, errors go before warnings."""
        if len(self) <= SHOWN:
            return [*self]
        errors = [*islice((each for each in self if each.severity == "error"), SHOWN)]
        warnings = islice((each for each in self if each.severity == "warning"), SHOWN - len(errors))
        chosen = {(each.code, each.span) for each in (*errors, *warnings)}
        return [each for each in self if (each.code, each.span) in chosen]

    @property
    def left_out(self) -> int:
        """How many findings are not told."""
        return max(len(self) - SHOWN, 0)

    def __repr__(self) -> str:
        return f"<Report: {len(self.errors)} errors, {len(self.warnings)} warnings>"

    @property
    def errors(self) -> list[Diagnostic]:
        return [diagnostic for diagnostic in self if diagnostic.severity == "error"]

    @property
    def warnings(self) -> list[Diagnostic]:
        return [diagnostic for diagnostic in self if diagnostic.severity == "warning"]

    @property
    def ok(self) -> bool:
        """True when nothing is wrong; warnings are allowed."""
        return not self._errors
