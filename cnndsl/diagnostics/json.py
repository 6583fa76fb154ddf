"""Findings for programs: one JSON document with a schema that stays.

    {"version": 1,
     "findings": [{"code": "E203", "severity": "error" | "warning", "message": text,
                   "file": name, "start": position, "end": position, "label": text,
                   "related": [{"file": name, "start": position, "end": position, "text": text}, ...],
                   "notes": [text, ...], "help": text | null,
                   "fixes": [{"title": text, "safe": bool,
                              "edits": [{"file": name, "start": position, "end": position, "text": text}, ...]},
                             ...]}, ...],
     "tally": {"errors": int, "warnings": int}, ["left_out": int]}

A position is {"line": int, "column": int}; both count from 1, columns in Unicode code points, and `end` is the
position after the last character. An edit puts `text` in place of what lies between; the edits of a fix belong
together, and the fixes of a finding are other ways out each, the best first. `help` is all remedies in words. At most
50 findings are told; `left_out` says how many more there are, if any, and `tally` counts all. New keys may be added;
`version` changes if one goes or changes its meaning.
"""

from __future__ import annotations

import json

from cnndsl.diagnostics.model import Diagnostic, Fix, Report
from cnndsl.source import Source, Span

SCHEMA_VERSION = 1


def render_json(report: Report) -> str:
    """The document, indented, in ASCII."""
    document: dict[str, object] = {
        "version": SCHEMA_VERSION,
        "findings": [_finding(finding) for finding in report.shown],
        "tally": {"errors": len(report.errors), "warnings": len(report.warnings)},
    }
    if report.left_out:
        document["left_out"] = report.left_out
    return json.dumps(document, indent=2)


def _finding(finding: Diagnostic) -> dict[str, object]:
    return {
        "code": finding.code,
        "severity": finding.severity,
        "message": finding.message,
        **_place(finding.span),
        "label": finding.label,
        "related": [{**_place(label.span), "text": label.text} for label in finding.labels],
        "notes": list(finding.notes),
        "help": "\n".join(finding.remedies) or None,
        "fixes": [_fix(fix) for fix in finding.fixes],
    }


def _fix(fix: Fix) -> dict[str, object]:
    edits = [{**_place(edit.span), "text": edit.text} for edit in fix.edits]
    return {"title": fix.title, "safe": fix.safe, "edits": edits}


def _place(span: Span) -> dict[str, object]:
    source = span.source
    return {"file": source.name, "start": _position(source, span.start), "end": _position(source, span.end)}


def _position(source: Source, offset: int) -> dict[str, int]:
    line, column = source.position(offset)
    return {"line": line, "column": column}
