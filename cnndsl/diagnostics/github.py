"""Findings as GitHub Actions workflow commands, which GitHub shows beside the lines of a pull request.

The form and its escapes: docs.github.com, "Workflow commands for GitHub Actions"; actions/toolkit, core/src/command.ts.
"""

from __future__ import annotations

from cnndsl.diagnostics.model import Diagnostic, Report
from cnndsl.diagnostics.wording import in_words, left_out
from cnndsl.source import Span


def render_github(report: Report) -> str:
    """One command a line, no line end at the end; "" for an empty report."""
    more = [f"::notice::{left_out(report)}"] if report.left_out else []
    return "\n".join([*map(_command, report.shown), *more])


def _command(finding: Diagnostic) -> str:
    properties = {"file": finding.span.source.name, **_region(finding.span), "title": finding.code}
    shown = ",".join(f"{name}={_escape_property(str(value))}" for name, value in properties.items())
    return f"::{finding.severity} {shown}::{_escape(in_words(finding))}"


def _region(span: Span) -> dict[str, int]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    if end_line > line:  # GitHub takes columns only within one line
        return {"line": line, "endLine": end_line}
    return {"line": line, "col": column, "endLine": end_line, "endColumn": end_column}


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
