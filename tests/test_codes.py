"""Every diagnostic code's examples: the bad one gives that code and no other, the repaired one gives nothing."""

from __future__ import annotations

import pytest

from cnndsl import Shape
from cnndsl.checking import Request, check_file
from cnndsl.diagnostics import Report, render
from cnndsl.diagnostics.codes import Code, all_codes
from cnndsl.source import Source


def check_text(text: str, input: Shape | None) -> Report:
    return check_file(Source("example.arch", text), Request(input=input)).report


@pytest.mark.parametrize("code", all_codes(), ids=lambda code: code.code)
def test_the_bad_example_gives_exactly_its_code(code: Code) -> None:
    report = check_text(code.bad, code.input)
    assert {finding.code for finding in report} == {code.code}, render(report, "text")


@pytest.mark.parametrize("code", all_codes(), ids=lambda code: code.code)
def test_the_repaired_example_is_free_of_findings(code: Code) -> None:
    report = check_text(code.good, code.input)
    assert render(report, "text") == ""
