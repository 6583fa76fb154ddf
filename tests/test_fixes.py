"""Fixes: each that is offered takes its finding away and adds none, and `check --fix` makes those that are certain."""

from __future__ import annotations

import io
import re
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

import cnndsl
from cnndsl.checking import Request, check_file
from cnndsl.cli.main import main
from cnndsl.diagnostics import Diagnostic, Edit, Fix, Report
from cnndsl.diagnostics.codes import Code, all_codes
from cnndsl.diagnostics.edits import compatible, edited
from cnndsl.source import Source, Span, read_source

ROOT = Path(__file__).resolve().parent.parent
CASES = sorted((ROOT / "tests" / "cases").rglob("*.arch"))
FEW = Request(max_nodes=600)
SMALL = 2_500  # letters of a file of the zoo that is mutated

# --- the law


def assert_fixes_hold(source: Source, request: Request) -> int:
    """Make each fix of a file by itself; gives how many there were."""
    report = check_file(source, request).report
    fixes = [(finding, fix) for finding in report for fix in finding.fixes]
    for finding, fix in fixes:
        after = edited([fix]).sources
        again = check_file(after.get(source, source), request.instead(after)).report
        assert made_worse(report, finding, fix, again) == [], (fix, [edit.span.text for edit in fix.edits])
    return len(fixes)


def made_worse(before: Report, fixed: Diagnostic, fix: Fix, after: Report) -> list[str]:
    """The findings that a fix left or brought, by the text of their lines.

    What the mended error hid may come to light: warnings, and if it was one of names or syntax, errors on lines that
    were not touched.
    """
    touched = {line for edit in fix.edits for line in lines_of(edit.span)}
    known = Counter(key(finding) for finding in before if not touched & set(lines_of(finding.span)))
    on_touched = Counter(finding.code for finding in before if touched & set(lines_of(finding.span)))
    on_touched[fixed.code] -= 1
    old_lines = {line for finding in before for line in finding.span.source.text.split("\n")}
    left = []
    for finding in after:
        if key(finding) == key(fixed) and touched.isdisjoint(lines_of(fixed.span)):
            left.append(str(finding))
        elif known[key(finding)] > 0:
            known[key(finding)] -= 1
        elif on_touched[finding.code] > 0:
            on_touched[finding.code] -= 1
        elif not may_be_hidden(finding, fixed, line(finding) in old_lines):
            left.append(f"{finding.span}: {finding.code}: {finding.message}")
    return left


def lines_of(span: Span) -> list[tuple[str, int]]:
    return [(span.source.name, number) for number in span.lines]


def key(finding: Diagnostic) -> tuple[str, str]:
    return finding.code, line(finding)


def line(finding: Diagnostic) -> str:
    return finding.span.source.line(finding.span.line)


def may_be_hidden(finding: Diagnostic, by: Diagnostic, elsewhere: bool) -> bool:
    if by.severity == "warning" or finding.code.startswith("E4"):  # a claim tells what was meant
        return False
    return finding.severity == "warning" or (elsewhere and by.code[:2] in ("E1", "E3"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: str(path.relative_to(ROOT / "tests" / "cases")))
def test_fixes_of_cases_hold(case: Path) -> None:
    assert_fixes_hold(read_source(case), Request(max_nodes=500))


@pytest.mark.parametrize("code", all_codes(), ids=lambda code: code.code)
def test_fixes_of_examples_hold(code: Code) -> None:
    assert_fixes_hold(Source("example.arch", code.bad), Request(input=code.input))


def test_fixes_of_the_documentation_hold() -> None:
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md")]
    found = [body for page in pages for body in re.findall(r"^```arch-error[^\n]*\n(.*?)^```$", page, re.M | re.S)]
    wholes = [body for body in found if re.search(r"^(network|block) ", body, re.M)]
    assert len(wholes) > 50
    assert sum(assert_fixes_hold(Source("example.arch", text), Request()) for text in dict.fromkeys(wholes)) > 10


def without_comments(text: str) -> str:
    return re.sub(r"#.*", lambda found: " " * len(found[0]), text)


@cache
def zoo() -> list[Path]:
    """The files of the zoo that are checked soon, since each fix of each mutant is a check or two."""
    small = [path for path in sorted((ROOT / "archs").glob("*.arch")) if path.stat().st_size < SMALL]
    return [path for path in small if check_file(read_source(path), FEW).report.ok]


WORD = re.compile(r"[A-Za-z_]\w*|\d+|[,x:={}()|]|->")


@st.composite
def mutants(draw: st.DrawFn) -> Source:
    """A file of the zoo with one thing wrong: a token lost, doubled, misspelt, or another in its place."""
    path = draw(st.sampled_from(zoo()))
    text = path.read_text(encoding="utf-8")
    tokens = [*WORD.finditer(without_comments(text))]
    token = draw(st.sampled_from(tokens))
    word = token[0]
    at = draw(st.integers(0, len(word) - 1))
    others = ["", f"{word} {word}", word[:at] + word[at + 1 :], word[:at] + word[at:][:1] * 2 + word[at + 1 :]]
    others += [draw(st.sampled_from(tokens))[0], *("1", "2", "3") * word.isdigit()]
    return Source(str(path), text[: token.start()] + draw(st.sampled_from(others)) + text[token.end() :], path)


@settings(max_examples=examples(100))
@given(mutants())
def test_fixes_of_mutated_files_hold(source: Source) -> None:
    assert_fixes_hold(source, FEW)


def test_a_slip_in_any_layer_is_mended() -> None:
    """In every file of the zoo the first of these layers, with a letter doubled."""
    for path in zoo():
        text = path.read_text(encoding="utf-8")
        word = re.search(r"\b(conv|maxpool|global_avgpool|linear|dropout)\b", without_comments(text))
        assert word is not None
        source = Source(str(path), text[: word.end()] + text[word.end() - 1 :], path)
        (finding,) = check_file(source).report
        (fix,) = finding.fixes
        assert fix.safe and edited([fix]).sources[source].text == text


# --- edits


SOURCE = Source("a.arch", "one two\nthree\n")


def edit(start: int, end: int, text: str) -> Edit:
    return Edit(SOURCE.span(start, end), text)


def test_places_move_with_edits() -> None:
    after = edited([Fix("", (edit(0, 3, "1"), edit(8, 8, "and ")))])
    assert after.sources[SOURCE].text == "1 two\nand three\n"
    assert after.moved(SOURCE.span(4, 7)).text == "two"
    assert after.moved(SOURCE.span(8, 13)).text == "and three"
    assert after.moved(SOURCE.span(0, 3)).text == "1"
    assert after.moved(SOURCE.span(1, 7)).text == "1 two"
    assert after.lines == {("a.arch", 1), ("a.arch", 2)}


def test_fixes_that_overlap_are_not_made_together() -> None:
    edits = {"a": edit(0, 3, ""), "b": edit(2, 5, ""), "c": edit(3, 4, "")}
    first, second, third = (Fix(title, (each,)) for title, each in edits.items())
    assert compatible([first, second, third]) == [first, third]
    same = Fix("d", (edit(0, 3, ""),))
    assert compatible([first, same]) == [first, same]
    assert edited([first, same]).sources[SOURCE].text == " two\nthree\n"


# --- check --fix


WRONG = "network t {\n    input 3 x 32 x 32\n    convv 3x3, 8, bias=True\n    rleu\n}\n"
RIGHT = "network t {\n    input 3 x 32 x 32\n    conv 3x3, 8, bias=true\n    relu\n}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.arch").write_text(WRONG.replace("bias=True", "bias=true"))
    return tmp_path


def test_what_is_certain_is_mended_and_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--fix", "a.arch"]) == 0
    assert (folder / "a.arch").read_text() == RIGHT
    said = capsys.readouterr().out
    assert said.startswith(
        "fixed a.arch:3:5: E301: `convv` is now `conv`\nfixed a.arch:4:5: E301: `rleu` is now `relu`\na.arch: ok\n"
    )
    assert said.endswith("2 fixed\n")
    assert [path.name for path in folder.iterdir()] == ["a.arch"]


def test_what_is_left_is_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.arch").write_text(RIGHT.replace("relu", "rleu -> lstm 3"))
    assert main(["check", "--fix", "a.arch"]) == 1
    said = capsys.readouterr().out
    assert "`rleu` is now `relu`" in said and "there is no layer or block `lstm`" in said
    assert said.endswith("1 fixed, 1 error\n")


def test_fixes_show_one_after_another(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A word that hides another mistake is mended first."""
    (folder / "a.arch").write_text(WRONG.replace("{\n    input", "{\n    inputt", 1).replace("bias=True", "bias=true"))
    main(["check", "--fix", "a.arch"])
    assert "rleu" not in (folder / "a.arch").read_text()


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_bytes_around_a_fix_stay(folder: Path, bom: bytes, line_end: bytes) -> None:
    path = folder / "a.arch"
    wrong = "use fire from std\n" + WRONG.replace("bias=True", "bias=true  # caf\u00e9")
    path.write_bytes(bom + wrong.encode().replace(b"\n", line_end))
    path.chmod(0o640)
    assert main(["check", "--fix", "a.arch"]) == 0
    right = RIGHT.replace("bias=true", "bias=true  # caf\u00e9")
    assert path.read_bytes() == bom + right.encode().replace(b"\n", line_end)
    assert path.stat().st_mode & 0o777 == 0o640


def test_files_that_others_use_are_mended_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "parts").mkdir()
    (folder / "parts" / "b.arch").write_text("block cell(n) {\n    convv 3x3, n\n}\n")
    for name in "ac":
        (folder / f"{name}.arch").write_text(
            'use cell from "parts/b.arch"\nnetwork t {\n    input 3 x 8 x 8\n    cell 4 -> rleu\n}\n'
        )
    assert main(["check", "--fix", "a.arch", "c.arch", "parts/b.arch"]) == 0
    assert (folder / "parts" / "b.arch").read_text() == "block cell(n) {\n    conv 3x3, n\n}\n"
    assert "rleu" not in (folder / "a.arch").read_text() + (folder / "c.arch").read_text()
    assert capsys.readouterr().out.count("fixed ") == 3


def test_standard_input_is_mended_to_standard_output(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((folder / "a.arch").read_bytes())))
    assert main(["check", "--fix", "-"]) == 0
    done = capsys.readouterr()
    assert done.out == RIGHT
    assert "fixed <stdin>:3:5" in done.err


def test_other_formats_keep_their_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--fix", "--format", "json", "a.arch"]) == 0
    done = capsys.readouterr()
    assert cnndsl.diagnostics.render(Report(), "json") == done.out.strip()
    assert "is now `conv`" in done.err


def test_a_link_stays_one(folder: Path) -> None:
    (folder / "link.arch").symlink_to("a.arch")
    assert main(["check", "--fix", "link.arch", "a.arch"]) == 0
    assert (folder / "link.arch").is_symlink() and (folder / "a.arch").read_text() == RIGHT


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["check", "--fix", *arguments]) == 2
    done = capsys.readouterr()
    assert done.out == ""
    return done.err


def test_what_is_not_to_be_changed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "which comes with cnndsl" in refusal(["resnet50"], capsys)
    assert "give no other MODEL" in refusal(["-", "a.arch"], capsys)
    before = (folder / "a.arch").read_bytes()
    (folder / "a.arch").chmod(0o444)
    assert "a.arch: it is read-only" in refusal(["a.arch"], capsys)
    (folder / "b.arch").write_text(RIGHT.replace("relu", "rleu"))
    assert "a.arch: it is read-only" in refusal(["b.arch", "a.arch"], capsys)
    assert "directory" in refusal(["."], capsys)
    assert (folder / "a.arch").read_bytes() == before and "rleu" in (folder / "b.arch").read_text()
    assert sorted(path.name for path in folder.iterdir()) == ["a.arch", "b.arch"]


def test_a_file_that_changes_meanwhile_is_left(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cnndsl import fixing

    def slow(*arguments: object) -> fixing.Fixed:
        fixed = fix_models(*arguments)
        (folder / "a.arch").write_text("# mine\n")
        return fixed

    fix_models = fixing.fix_models
    monkeypatch.setattr(fixing, "fix_models", slow)
    assert "it has changed since it was read" in refusal(["a.arch"], capsys)
    assert (folder / "a.arch").read_text() == "# mine\n"


def test_from_python(folder: Path) -> None:
    report = cnndsl.check("a.arch")
    fixes = [fix for finding in report for fix in finding.fixes if fix.safe]
    assert cnndsl.apply_fixes(fixes) == {"a.arch": RIGHT}
    assert cnndsl.apply_fixes([]) == {}
