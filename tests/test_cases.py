"""Wrong files, and what is said about them: `tests/cases/GROUP/NAME.arch`.

A case marks what it expects on the line where it is reported: `# E203: a piece of the message`, at the end of the
line, also several times. Marks are read from the raw text, so they survive whatever is wrong with the line. Every
finding must be marked, and every mark found. `NAME.txt` beside the case holds the whole report as a user sees it;
`pytest --renew tests/test_cases.py` rewrites it. A folder NAME beside the case holds files that it uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cnndsl.checking import Request, check_file
from cnndsl.diagnostics import FORMATS, Diagnostic, Report, render
from cnndsl.diagnostics.codes import all_codes, lookup
from cnndsl.source import read_source

CASES = Path(__file__).resolve().parent / "cases"
FILES = sorted(path.relative_to(CASES) for path in CASES.glob("*/*.arch"))
REQUESTS = {
    "limits": Request(max_nodes=2_000),  # the default of 40,000 layers would take seconds
    "inputs": Request(input=(3, 16, 16)),
}
MARK = re.compile(r"# (?P<code>[EW]\d{3}): (?P<text>[^#\n]*[^#\s])")


@dataclass(frozen=True)
class Mark:
    """`text` is part of what a finding of this code says on this line."""

    file: str
    line: int
    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.code}: {self.text}"

    def fits(self, finding: Diagnostic) -> bool:
        said = [finding.message, finding.label, *(label.text for label in finding.labels), *finding.notes]
        place = (finding.span.source.name, finding.span.line, finding.code)
        return place == (self.file, self.line, self.code) and self.text in "\n".join([*said, *finding.remedies])


def marks_of(case: Path) -> Iterator[Mark]:
    for path in (case, *sorted(case.with_suffix("").glob("*.arch"))):
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
            for found in MARK.finditer(line):
                yield Mark(str(path), number, found["code"], found["text"])


def report_on(case: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    monkeypatch.chdir(CASES)  # so that reports name files as they stand there
    return check_file(read_source(case), REQUESTS.get(case.parts[0], Request())).report


@pytest.mark.parametrize("case", FILES, ids=str)
def test_findings_are_those_marked(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = list(report_on(case, monkeypatch))
    surprises, missed = [], []
    for mark in marks_of(case):
        found = next((finding for finding in findings if mark.fits(finding)), None)
        if found is None:
            missed.append(str(mark))
        else:
            findings.remove(found)
    surprises = [f"{finding.span}: {finding.code}: {finding.message}" for finding in findings]
    assert (surprises, missed) == ([], [])


@pytest.mark.parametrize("case", FILES, ids=str)
def test_report_is_the_golden(case: Path, monkeypatch: pytest.MonkeyPatch, renew: bool) -> None:
    text = render(report_on(case, monkeypatch), "text") + "\n"
    golden = case.with_suffix(".txt")
    if renew:
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", FILES, ids=str)
def test_a_second_run_says_the_same_in_every_format(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = report_on(case, monkeypatch), report_on(case, monkeypatch)
    for format in FORMATS:
        assert render(first, format) == render(second, format)
    assert all(lookup(finding.code) for finding in first)


def test_every_code_has_a_case() -> None:
    marked = {mark.code for case in FILES for mark in marks_of(CASES / case)}
    assert marked == {code.code for code in all_codes() if not code.advice}  # which `test_advice` asks for


def test_every_golden_has_a_case() -> None:
    assert {path.relative_to(CASES).with_suffix(".arch") for path in CASES.glob("*/*.txt")} <= set(FILES)
