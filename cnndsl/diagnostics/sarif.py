"""Findings as a SARIF 2.1.0 log (OASIS), which code scanning services and editors read.

Columns count Unicode code points, as everywhere in cnndsl, and the log says so.
"""

from __future__ import annotations

import json
from pathlib import Path

from cnndsl.diagnostics.model import Diagnostic, Edit, Fix, Label, Report
from cnndsl.diagnostics.wording import in_words, left_out
from cnndsl.source import Source, Span
from cnndsl.version import __version__

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render_sarif(report: Report) -> str:
    """A log with one run, indented, in ASCII; its rules are the codes that occur, in order.

    How many findings are left out, if any are, is a notification of the run.
    """
    examples = {finding.code: finding for finding in report.shown}
    codes = sorted(examples)
    run: dict[str, object] = {
        "tool": {"driver": {"name": "cnndsl", "version": __version__, "rules": [_rule(examples[c]) for c in codes]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, codes.index(finding.code)) for finding in report.shown],
    }
    if report.left_out:
        more = {"level": "note", "message": {"text": left_out(report)}}
        run["invocations"] = [{"executionSuccessful": True, "toolExecutionNotifications": [more]}]
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(finding: Diagnostic) -> dict[str, object]:
    """What the log says about the code of a finding."""
    from cnndsl.diagnostics.codes import lookup  # the explanations, which a plain check does without

    rule: dict[str, object] = {"id": finding.code, "defaultConfiguration": {"level": finding.severity}}
    code = lookup(finding.code)
    if code is None:
        return rule
    return {
        **rule,
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": code.explanation},
        "help": {"text": f"{code.explanation}\n\nWrong:\n\n{code.bad}\nRight:\n\n{code.good}"},
    }


def _result(finding: Diagnostic, rule: int) -> dict[str, object]:
    return {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": finding.severity,
        "message": {"text": in_words(finding)},
        "locations": [_location(finding.span)],
        "relatedLocations": [_related(number, label) for number, label in enumerate(finding.labels)],
        "fixes": [_fix(fix) for fix in finding.fixes],
    }


def _related(number: int, label: Label) -> dict[str, object]:
    return {"id": number, "message": {"text": label.text}, **_location(label.span)}


def _fix(fix: Fix) -> dict[str, object]:
    by_file: dict[Source, list[Edit]] = {}
    for edit in fix.edits:
        by_file.setdefault(edit.span.source, []).append(edit)
    changes = [
        {"artifactLocation": {"uri": _uri(source)}, "replacements": [_replacement(edit) for edit in edits]}
        for source, edits in by_file.items()
    ]
    return {"description": {"text": fix.title}, "artifactChanges": changes}


def _replacement(edit: Edit) -> dict[str, object]:
    return {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}


def _location(span: Span) -> dict[str, object]:
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(span.source)}, "region": _region(span)}}


def _region(span: Span) -> dict[str, int]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _uri(source: Source) -> str:
    """The file's name as a URI: relative as it was given, or `file:///...`."""
    from urllib.parse import quote  # as above

    path = Path(source.name)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix(), errors="surrogateescape")
