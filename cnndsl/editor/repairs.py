"""Repairs at a place: the edits that findings there bring with them."""

from __future__ import annotations

from cnndsl.diagnostics import Diagnostic, Fix
from cnndsl.editor.view import View
from cnndsl.records import dataclass


@dataclass(frozen=True)
class Repair:
    """One way out of a finding; the first of several is the best."""

    finding: Diagnostic
    fix: Fix
    best: bool


def repairs(view: View, start: int, end: int) -> list[Repair]:
    """The repairs of what is found between two places of the text, both included."""
    touched = [
        finding
        for finding in view.checked.report
        if finding.span.source is view.source and finding.span.start <= end and start <= finding.span.end
    ]
    return [Repair(finding, fix, at == 0) for finding in touched for at, fix in enumerate(finding.fixes)]
