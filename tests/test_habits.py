"""First tries of people who come from elsewhere, each with what it leads to: `tests/habits.txt`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from cnndsl.checking import check_file
from cnndsl.diagnostics import Diagnostic
from cnndsl.diagnostics.edits import compatible, edited
from cnndsl.source import Source

SEPARATORS = ("  =>  ", "  ~~  ", "  ==")
ALLOWED = {"W601"}  # an assigned name that nobody reads
MOST_ROUNDS = 4  # a case may hold as many lines that are each wrong


@dataclass(frozen=True)
class Case:
    """A file, how it is judged, and what it must lead to."""

    text: str
    kind: str
    wanted: str

    @property
    def source(self) -> Source:
        return Source("t.arch", self.text)


def cases() -> dict[str, Case]:
    found = {}
    for line in (Path(__file__).parent / "habits.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            separator = next(each for each in SEPARATORS if each in line)
            written, _, wanted = line.rpartition(separator)
            found[written] = Case(_file(written), separator.strip(), wanted)
    return found


def _file(written: str) -> str:
    text = written.replace("\\n", "\n")
    if text.startswith("FILE "):
        return text.removeprefix("FILE ")
    body = "".join(f"    {line}\n" for line in text.split("\n"))
    return f"network t {{\n    input 3 x 32 x 32\n{body}}}\n"


def wrong(source: Source) -> list[Diagnostic]:
    return [finding for finding in check_file(source).report if finding.code not in ALLOWED]


CASES = cases()


def repaired(source: Source) -> tuple[Source, list[Diagnostic]]:
    """The file after the first fixes of its findings, again and again, and what is still wrong with it."""
    for _ in range(MOST_ROUNDS):
        left = wrong(source)
        asked = [each for each in left if each.severity == "error"] or left[:1]
        fixes = compatible(finding.fixes[0] for finding in asked if finding.fixes)
        if not fixes:
            break
        source = next(iter(edited(fixes).sources.values()))
    return source, wrong(source)


@pytest.mark.parametrize("written", CASES)
def test_a_first_try_leads_to_the_right_line(written: str) -> None:
    case = CASES[written]
    if case.kind == "==":
        assert wrong(case.source) == []
    elif case.kind == "~~":
        first = wrong(case.source)[0]
        assert case.wanted in "\n".join([first.message, *first.remedies])
    else:
        source, left = repaired(case.source)
        assert source.text == _file(case.wanted if not written.startswith("FILE ") else f"FILE {case.wanted}")
        assert left == []
