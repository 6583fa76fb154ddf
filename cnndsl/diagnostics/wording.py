"""Findings in plain words: how many there are, how their places were reached, and all of one as a text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from cnndsl.diagnostics.model import Diagnostic, Report
from cnndsl.source import Source, Span

_SHOWN_STEPS = 8


def tally(report: Report) -> str:
    """`2 errors, 1 warning`; kinds that do not occur are left out, and an empty report gives ""."""
    counts = (("error", len(report.errors)), ("warning", len(report.warnings)))
    return ", ".join(f"{count:,} {kind}{'s' if count > 1 else ''}" for kind, count in counts if count)


def left_out(report: Report) -> str:
    """`and 4,950 more findings`, or "" if all are told."""
    return f"and {report.left_out:,} more finding{'s' if report.left_out > 1 else ''}" if report.left_out else ""


def in_words(finding: Diagnostic) -> str:
    """The message, the notes and what to do about it, each on lines of its own."""
    return "\n".join((finding.message, *finding.notes, *(f"help: {remedy}" for remedy in finding.remedies)))


def few(names: Sequence[str], most: int = 20) -> str:
    """`a, b, c`; of many names the first, and how many more there are."""
    more = [f"and {len(names) - most:,} more"] if len(names) > most else []
    return ", ".join([*names[:most], *more])


def way(steps: Sequence[tuple[object, Span | None]], network: str, source: Source | None) -> tuple[str, ...]:
    """How a place was reached, innermost step first, in one note; none where there are no steps.

    A step is anything with a `str`, and the place of a call if it is one. Lines of `source` are told without its name.
    """
    if not steps:
        return ()
    parts = [str(text) if span is None else f"{text} ({_line(span, source)})" for text, span in steps]
    if len(parts) > _SHOWN_STEPS:
        parts = [*parts[: _SHOWN_STEPS - 2], f"{len(parts) - _SHOWN_STEPS + 1} more", parts[-1]]
    the = "the " if parts[0][0].isdigit() else ""
    return (f"in {the}{', '.join(parts)} of network {network}",)


def _line(span: Span, source: Source | None) -> str:
    own = source is None or span.source is source
    return f"line {span.line}" if own else f"{PurePath(span.source.name).name} line {span.line}"
