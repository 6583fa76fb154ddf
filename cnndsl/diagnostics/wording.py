"""Findings in plain words: how many there are, and all of one as text for formats without a place for each part."""

from __future__ import annotations

from cnndsl.diagnostics.model import Diagnostic, Report


def tally(report: Report) -> str:
    """`2 errors, 1 warning`; kinds that do not occur are left out, and an empty report gives ""."""
    counts = (("error", len(report.errors)), ("warning", len(report.warnings)))
    return ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts if count)


def in_words(finding: Diagnostic) -> str:
    """The message, the notes and the repair, each on lines of its own."""
    repair = () if finding.help is None else (f"help: {finding.help}",)
    return "\n".join((finding.message, *finding.notes, *repair))
