"""What cnndsl has to say about a file: a `Diagnostic` is one finding, a `Report` all of them, in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from cnndsl.source import Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Label:
    """A second place that matters to a finding, and what happened there."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: its stable code, what is wrong, and the smallest place that caused it.

    `label` is written under the carets, `labels` are the other ends of a disagreement, `notes` tell how the
    place was reached (block calls and loop rounds, innermost first), `help` is the repair with its numbers.
    """

    code: str
    message: str
    span: Span
    label: str = ""
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None

    @property
    def severity(self) -> Severity:
        return "warning" if self.code.startswith("W") else "error"


_ALLOW = re.compile(r"#.*\ballow\s+(W\d{3}(?:\s*,\s*W\d{3})*)")


def allowed(span: Span) -> list[str]:
    """The codes of warnings that the line where `span` starts allows in its comment."""
    written = _ALLOW.search(span.source.line(span.line))
    return re.findall(r"W\d{3}", written[1]) if written else []


class Report:
    """Findings in the order of their discovery, each (code, place) once.

    A mistake in a block that is called sixteen times is one mistake: later finds of it are counted, and
    shown as a note on the first.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, Span], Diagnostic] = {}
        self._repeats: dict[tuple[str, Span], int] = {}

    def add(self, diagnostic: Diagnostic) -> None:
        """Take in one finding; a warning that its line allows (`# allow W604: as in the paper`) is none."""
        if diagnostic.severity == "warning" and diagnostic.code in allowed(diagnostic.span):
            return
        key = (diagnostic.code, diagnostic.span)
        if key in self._found:
            self._repeats[key] = self._repeats.get(key, 0) + 1
        else:
            self._found[key] = diagnostic

    def extend(self, diagnostics: Report) -> None:
        for diagnostic in diagnostics:
            self.add(diagnostic)

    def __iter__(self) -> Iterator[Diagnostic]:
        for key, diagnostic in self._found.items():
            more = self._repeats.get(key, 0)
            if more:
                note = f"the same happens {more} more time{'s' if more > 1 else ''}"
                diagnostic = replace(diagnostic, notes=(*diagnostic.notes, note))
            yield diagnostic

    def __len__(self) -> int:
        return len(self._found)

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
        return not any(diagnostic.severity == "error" for diagnostic in self._found.values())
