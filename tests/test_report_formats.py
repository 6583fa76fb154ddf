"""Reports as JSON, GitHub workflow commands and SARIF, and what all renderings share."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl.diagnostics import FORMATS, Diagnostic, Edit, Fix, Label, Report, render, tally, use_color
from cnndsl.source import Source, Span

RESNET = Source("resnet.arch", "block basic(stride = 1) {\n    residual {\n        conv 3x3, 64 -> bn\n    }\n}\n")


def place(text: str) -> Span:
    start = RESNET.text.index(text)
    return RESNET.span(start, start + len(text))


def report_of(*findings: Diagnostic) -> Report:
    report = Report()
    for finding in findings:
        report.add(finding)
    return report


SHORTCUT = Diagnostic(
    "E203",
    "`add` needs equal shapes",
    place("residual"),
    label="the shortcut is 32 x 56 x 56",
    labels=(Label(place("conv 3x3, 64"), "became 64 x 56 x 56 here"),),
    notes=("in basic (line 24)", "1st of 3 rounds"),
    help="a projection has weights",
    fixes=(Fix("use `shortcut=projection`", (Edit(RESNET.span(38, 38), " shortcut=projection"),)),),
)
UNREAD = Diagnostic("W602", "parameter `stride` is never used", place("stride = 1"))


# --- json


def test_json() -> None:
    assert json.loads(render(report_of(SHORTCUT, UNREAD), "json")) == {
        "version": 1,
        "findings": [
            {
                "code": "E203",
                "severity": "error",
                "message": "`add` needs equal shapes",
                "file": "resnet.arch",
                "start": {"line": 2, "column": 5},
                "end": {"line": 2, "column": 13},
                "label": "the shortcut is 32 x 56 x 56",
                "related": [
                    {
                        "file": "resnet.arch",
                        "start": {"line": 3, "column": 9},
                        "end": {"line": 3, "column": 21},
                        "text": "became 64 x 56 x 56 here",
                    }
                ],
                "notes": ["in basic (line 24)", "1st of 3 rounds"],
                "help": "use `shortcut=projection`\na projection has weights",
                "fixes": [
                    {
                        "title": "use `shortcut=projection`",
                        "safe": False,
                        "edits": [
                            {
                                "file": "resnet.arch",
                                "start": {"line": 2, "column": 13},
                                "end": {"line": 2, "column": 13},
                                "text": " shortcut=projection",
                            }
                        ],
                    }
                ],
            },
            {
                "code": "W602",
                "severity": "warning",
                "message": "parameter `stride` is never used",
                "file": "resnet.arch",
                "start": {"line": 1, "column": 13},
                "end": {"line": 1, "column": 23},
                "label": "",
                "related": [],
                "notes": [],
                "help": None,
                "fixes": [],
            },
        ],
        "tally": {"errors": 1, "warnings": 1},
    }


# --- reports of many findings


def test_errors_are_told_before_warnings_and_the_rest_is_counted() -> None:
    source = Source("many.arch", "x" * 200)
    codes = ["W601"] * 60 + ["E301"] * 45 + ["W602"] * 20
    report = report_of(*(Diagnostic(code, "m", source.span(at, at + 1)) for at, code in enumerate(codes)))
    starts = [each.span.start for each in report.shown]
    assert (starts, report.left_out) == ([*range(5), *range(60, 105)], 75)
    assert report.explains("E302", source.span(0, 1)) and not report.explains("E301", source.span(60, 61))
    assert render(report, "text").endswith("\n\nand 75 more findings")
    assert render(report, "github").endswith("\n::notice::and 75 more findings")
    document, log = json.loads(render(report, "json")), json.loads(render(report, "sarif"))
    assert (len(document["findings"]), document["left_out"]) == (50, 75)
    assert document["tally"] == {"errors": 45, "warnings": 80}
    assert len(log["runs"][0]["results"]) == 50
    (notification,) = log["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert notification["message"]["text"] == "and 75 more findings"


# --- github


def test_github() -> None:
    assert render(report_of(SHORTCUT, UNREAD), "github").split("\n") == [
        "::error file=resnet.arch,line=2,col=5,endLine=2,endColumn=13,title=E203::"
        "`add` needs equal shapes%0A"
        "in basic (line 24)%0A1st of 3 rounds%0A"
        "help: use `shortcut=projection`%0Ahelp: a projection has weights",
        "::warning file=resnet.arch,line=1,col=13,endLine=1,endColumn=23,title=W602::parameter `stride` is never used",
    ]


def test_github_escapes() -> None:
    source = Source("a,b:c%.arch", "one\ntwo\n")
    finding = Diagnostic("E101", "100%, it\r\nsays: `::`", source.span(0, 7))
    assert render(report_of(finding), "github") == (
        "::error file=a%2Cb%3Ac%25.arch,line=1,endLine=2,title=E101::100%25, it%0D%0Asays: `::`"
    )


# --- sarif


def test_sarif() -> None:
    log = json.loads(render(report_of(SHORTCUT, UNREAD, Diagnostic("E203", "x", RESNET.span(0, 0))), "sarif"))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("/sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    driver = run["tool"]["driver"]
    assert driver["name"] == "cnndsl"
    assert [rule["id"] for rule in driver["rules"]] == ["E203", "W602"]
    assert [rule["defaultConfiguration"]["level"] for rule in driver["rules"]] == ["error", "warning"]
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"] and rule["fullDescription"]["text"] and rule["help"]["text"]
    assert [result["ruleId"] for result in run["results"]] == ["E203", "W602", "E203"]
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_a_sarif_result() -> None:
    log = json.loads(render(report_of(SHORTCUT), "sarif"))
    assert log["runs"][0]["results"] == [
        {
            "ruleId": "E203",
            "ruleIndex": 0,
            "level": "error",
            "message": {
                "text": "`add` needs equal shapes\nin basic (line 24)\n1st of 3 rounds\n"
                "help: use `shortcut=projection`\nhelp: a projection has weights"
            },
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": "resnet.arch"},
                        "region": {"startLine": 2, "startColumn": 5, "endLine": 2, "endColumn": 13},
                    }
                }
            ],
            "relatedLocations": [
                {
                    "id": 0,
                    "message": {"text": "became 64 x 56 x 56 here"},
                    "physicalLocation": {
                        "artifactLocation": {"uri": "resnet.arch"},
                        "region": {"startLine": 3, "startColumn": 9, "endLine": 3, "endColumn": 21},
                    },
                }
            ],
            "fixes": [
                {
                    "description": {"text": "use `shortcut=projection`"},
                    "artifactChanges": [
                        {
                            "artifactLocation": {"uri": "resnet.arch"},
                            "replacements": [
                                {
                                    "deletedRegion": {
                                        "startLine": 2,
                                        "startColumn": 13,
                                        "endLine": 2,
                                        "endColumn": 13,
                                    },
                                    "insertedContent": {"text": " shortcut=projection"},
                                }
                            ],
                        }
                    ],
                }
            ],
        }
    ]


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("nets/my net.arch", "nets/my%20net.arch"),
        ("<stdin>", "%3Cstdin%3E"),
        ("a:b.arch", "a%3Ab.arch"),
        ("/nets/a.arch", "file:///nets/a.arch"),
        ("caf\u00e9\udc80.arch", "caf%C3%A9%80.arch"),
    ],
)
def test_sarif_names_files_by_uri(name: str, uri: str) -> None:
    log = json.loads(render(report_of(Diagnostic("E101", "x", Source(name, "").span(0, 0))), "sarif"))
    physical = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == uri


def test_sarif_knows_codes_that_are_not_registered_by_name_only() -> None:
    log = json.loads(render(report_of(Diagnostic("E999", "x", RESNET.span(0, 0))), "sarif"))
    assert log["runs"][0]["tool"]["driver"]["rules"] == [{"id": "E999", "defaultConfiguration": {"level": "error"}}]


# --- all formats


def test_an_empty_report() -> None:
    empty = {format: render(Report(), format) for format in FORMATS}
    assert empty["text"] == empty["github"] == ""
    assert json.loads(empty["json"]) == {"version": 1, "findings": [], "tally": {"errors": 0, "warnings": 0}}
    assert json.loads(empty["sarif"])["runs"][0]["results"] == []


@pytest.mark.parametrize("format", FORMATS)
def test_renderings_end_without_a_line_end(format: str) -> None:
    text = render(report_of(SHORTCUT), format)
    assert text == text.strip()


def test_an_unknown_format() -> None:
    with pytest.raises(KeyError, match="xml"):
        render(Report(), "xml")


@given(st.data(), st.text(max_size=60))
def test_any_finding_can_be_written_and_read_again(data: st.DataObject, text: str) -> None:
    start, end = sorted((data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))))
    report = report_of(Diagnostic("E101", text, Source(text, text).span(start, end), text, help=text))
    assert json.loads(render(report, "json"))["findings"][0]["message"] == text
    region = json.loads(render(report, "sarif"))["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert 1 <= region["startLine"] <= region["endLine"] and min(region["startColumn"], region["endColumn"]) >= 1
    assert len(render(report, "github").split("\n")) == 1


# --- what stands around a report


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "expected"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"TERM": "xterm-256color"}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (io.StringIO(), {}, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True),
        (io.StringIO(), {"FORCE_COLOR": "1", "TERM": "dumb"}, True),
        (io.StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_when_to_use_colour(stream: io.StringIO, environ: dict[str, str], expected: bool) -> None:
    assert use_color(stream, environ) is expected


def test_tally() -> None:
    other = Diagnostic("E101", "x", RESNET.span(0, 1))
    assert tally(report_of(SHORTCUT, other, UNREAD)) == "2 errors, 1 warning"
    assert tally(report_of(SHORTCUT)) == "1 error"
    assert tally(report_of(UNREAD)) == "1 warning"
    assert tally(Report()) == ""
