"""Findings about `.arch` files: codes, the report, and its renderings."""

from __future__ import annotations

from importlib import import_module

from cnndsl.diagnostics.edits import apply_fixes
from cnndsl.diagnostics.model import Diagnostic, Edit, Fix, Label, Report
from cnndsl.diagnostics.style import COLOR, PLAIN, use_color
from cnndsl.diagnostics.suggest import did_you_mean
from cnndsl.diagnostics.wording import tally

FORMATS = ("text", "json", "github", "sarif")  # each is a module here, which is imported if it is asked for


def render(report: Report, format: str, *, color: bool = False) -> str:
    """The report in one of `FORMATS`, no line end at the end; only text has colours. Raises KeyError."""
    if format not in FORMATS:
        raise KeyError(format)
    if format == "text" and not report:
        return ""
    style = (COLOR if color else PLAIN,) if format == "text" else ()
    rendered: str = vars(import_module(f"cnndsl.diagnostics.{format}"))[f"render_{format}"](report, *style)
    return rendered


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
