"""Every diagnostic code's examples: the bad one gives that code and no other, the repaired one gives nothing."""

from __future__ import annotations

import pytest

from cnndsl.checking import Request, check_file
from cnndsl.diagnostics import Report, render
from cnndsl.diagnostics.codes import Code, all_codes
from cnndsl.source import Source


def check_text(text: str, code: Code) -> Report:
    return check_file(Source("example.arch", text), Request(input=code.input, advice=code.advice)).report


@pytest.mark.parametrize("code", all_codes(), ids=lambda code: code.code)
def test_the_bad_example_gives_exactly_its_code(code: Code) -> None:
    report = check_text(code.bad, code)
    assert {finding.code for finding in report} == {code.code}, render(report, "text")


@pytest.mark.parametrize("code", all_codes(), ids=lambda code: code.code)
def test_the_repaired_example_is_free_of_findings(code: Code) -> None:
    report = check_text(code.good, code)
    assert render(report, "text") == ""
