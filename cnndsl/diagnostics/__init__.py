"""Findings about `.arch` files: codes, the report, and its renderings."""

from __future__ import annotations

from collections.abc import Callable

from cnndsl.diagnostics.edits import apply_fixes
from cnndsl.diagnostics.github import render_github
from cnndsl.diagnostics.json import render_json
from cnndsl.diagnostics.model import Diagnostic, Edit, Fix, Label, Report
from cnndsl.diagnostics.sarif import render_sarif
from cnndsl.diagnostics.style import COLOR, PLAIN, use_color
from cnndsl.diagnostics.suggest import did_you_mean
from cnndsl.diagnostics.text import render_text
from cnndsl.diagnostics.wording import tally

FORMATS: dict[str, Callable[[Report], str]] = {
    "text": render_text,
    "json": render_json,
    "github": render_github,
    "sarif": render_sarif,
}


def render(report: Report, format: str, *, color: bool = False) -> str:
    """The report in one of `FORMATS`, no line end at the end; only text has colours. Raises KeyError."""
    if format == "text":
        return render_text(report, COLOR if color else PLAIN)
    return FORMATS[format](report)


__all__ = [
    "FORMATS",
    "Diagnostic",
    "Edit",
    "Fix",
    "Label",
    "Report",
    "apply_fixes",
    "did_you_mean",
    "render",
    "tally",
    "use_color",
]
