"""The canonical form of `.arch` text: what it looks like, and that nothing but looks changes.

`tests/cases/format/written/NAME.arch` is text as somebody may write it, `canonical/NAME.arch` what becomes of it;
`pytest --renew tests/test_format.py` rewrites the latter.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from dataclasses import replace
from functools import cache
from io import BytesIO, TextIOWrapper
from itertools import groupby
from pathlib import Path
from random import Random
from textwrap import dedent
from types import FrameType

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import texts as networks
from test_docs import BLOCKS, Block
from test_syntax import without_places

import cnndsl
from cnndsl.checking import check_file
from cnndsl.cli.main import main
from cnndsl.diagnostics.codes import all_codes
from cnndsl.source import Source, decode_source
from cnndsl.syntax import parse
from cnndsl.syntax.format import format_source
from cnndsl.syntax.layout import separates
from cnndsl.syntax.tables import tables
from cnndsl.syntax.tokens import Token

ROOT = Path(__file__).resolve().parent.parent
CASES = ROOT / "tests" / "cases"
WRITTEN = sorted((CASES / "format" / "written").glob("*.arch"))
ZOO = sorted((ROOT / "archs").rglob("*.arch"))

WRONG = "network t {\n    conv 3x3, 8 -> -> relu\n}\n"
LOOSE = "network t{input 3 x 8 x 8\n\trelu}"
TIDY = "network t {\n    input 3 x 8 x 8\n    relu\n}\n"


def formatted(text: str) -> str:
    found, report = format_source(Source("test.arch", text))
    assert not report
    return found


def is_right(text: str) -> bool:
    return not parse(Source("test.arch", text))[1]


# --- what it looks like


@pytest.mark.parametrize("case", WRITTEN, ids=lambda path: path.stem)
def test_the_form_is_the_golden(case: Path, renew: bool) -> None:
    text = formatted(case.read_text(encoding="utf-8"))
    golden = case.parent.parent / "canonical" / case.name
    if renew:
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
    hold_laws(case.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", ZOO, ids=lambda path: path.stem)
def test_the_zoo_is_in_canonical_form(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text


def formatted_example(text: str) -> str:
    """An example of the documentation, which may be statements of a network alone, in canonical form."""
    if not text.startswith("# input "):
        return formatted(text) if is_right(text) else text
    whole = f"network example {{\n{text}}}\n"
    return dedent("".join(formatted(whole).splitlines(keepends=True)[1:-1])) if is_right(whole) else text


EXAMPLES = [each for each in BLOCKS if each.word in ("arch", "arch-fragment", "arch-error")]


@pytest.mark.parametrize("block", [each for each in EXAMPLES if each.rest != "unformatted"], ids=str)
def test_examples_of_the_documentation_are_in_canonical_form(block: Block) -> None:
    assert formatted_example(block.body) == block.body


def test_examples_of_codes_are_in_canonical_form() -> None:
    for code in all_codes():
        assert [formatted_example(text) for text in (code.good, code.bad)] == [code.good, code.bad]


# --- what does not change


@cache
def corpus() -> list[str]:
    """All text without syntax errors: of the zoo, the cases, the documentation and the codes."""
    files = [*ZOO, *CASES.rglob("*.arch")]
    texts = [decode_source(path.read_bytes(), path.name).text for path in files]
    texts += [body for each in EXAMPLES for body in (each.body, f"network example {{\n{each.body}}}\n")]
    texts += [text for code in all_codes() for text in (code.good, code.bad)]
    return [text for text in texts if is_right(text)]


def tokens(text: str) -> list[Token]:
    """All tokens, with the comments."""
    lexer = tables().lexer
    return [*replace(lexer, ignored=lexer.ignored - {"COMMENT"}).tokens(text)]


def words(text: str) -> list[str]:
    """Words and comments in their order, without commas before closing brackets."""
    found: list[str] = []
    for token in reversed(tokens(text)):
        after = next((word for word in reversed(found) if not word.startswith("#")), "")
        if token.type != "_NL" and not (token == "," and after in (")", "]")):
            found.append(token.rstrip() if token.type == "COMMENT" else str(token))
    return found[::-1]


def allowing_lines(text: str) -> list[list[str]]:
    """The words of each line with a comment that allows something there."""
    lines = groupby((token for token in tokens(text) if token.type != "_NL"), lambda token: token.line)
    found = [[token.rstrip() for token in line if token != ","] for _, line in lines]
    return [line for line in found if line and re.search(r"allow [EW]\d", line[-1])]


def meaning(text: str) -> object:
    """The syntax tree, with the documentation that comments are."""
    file, report = parse(Source("test.arch", text))
    assert not report, [finding.message for finding in report]
    return without_places((file.uses, file.values, file.blocks, file.networks))


def hold_laws(text: str) -> None:
    """What holds of every text without syntax errors and its canonical form."""
    new = formatted(text)
    assert words(new) == words(text)
    assert meaning(new) == meaning(text)
    assert allowing_lines(new) == allowing_lines(text)
    assert formatted(new) == new
    assert not re.search(r"[ \t\r]\n|\n\n\n|\A\n|\n\n\Z|[^\n]\Z", new)


def test_words_comments_and_meaning_stay() -> None:
    assert len(corpus()) > 500
    for text in corpus():
        hold_laws(text)


def loosened(text: str, random: Random, share: float) -> str:
    """The same words with other space, line ends and comments between them, in this share of all places."""
    pieces: list[str] = []
    open_: list[str] = []
    before: Token | None = None
    end = 0
    for token in (token for token in tokens(text) if token.type != "_NL"):
        gap = text[end : token.start_pos]
        if random.random() < share:
            gap = other_gap(gap, before, token, random, ends=line_may_end(gap, before, token, open_[-1:]))
        pieces += [gap, token]
        open_ = next_open(open_, token)
        before, end = token, token.end_pos
    return "".join([*pieces, text[end:]])


def next_open(open_: list[str], token: Token) -> list[str]:
    """The brackets that are open behind a token."""
    if token.type in ("LPAR", "LSQB", "LBRACE"):
        return [*open_, token.type]
    return open_[:-1] if token.type in ("RPAR", "RSQB", "RBRACE") else open_


def line_may_end(gap: str, before: Token | None, token: Token, inside: list[str]) -> bool:
    if "\n" in gap or before is None:
        return True
    if "COMMENT" in (before.type, token.type) or token.type == "LBRACE":
        return False
    return inside in (["LPAR"], ["LSQB"]) or not separates(before.type, token.type)


SPACES = (" ", "  ", "     ", "\t", "\u00a0", "\r")
ENDS = ("\n", "\n\n\n", "\r\n\t", " # one\n", "# allow W603: one\n", "\n# one\n", " # ü\n\n\n#two \t\r\n\n")


def other_gap(gap: str, before: Token | None, token: Token, random: Random, *, ends: bool) -> str:
    if ends and random.random() < 0.7:
        return random.choice(ENDS if before is None or before.type != "COMMENT" else ENDS[:3])
    return random.choice(SPACES) if gap and not gap.strip(" ") else gap


def lengthened(text: str, random: Random) -> str:
    """The same with longer names, so that lines do not fit."""
    longer: dict[str, str] = {}
    pieces, end = [], 0
    for token in tokens(text):
        name = token == "x" or token.type != "NAME"
        word = str(token) if name else longer.setdefault(token, token + "_" * random.choice((0, 0, 10, 40, 90)))
        pieces += [text[end : token.start_pos], word]
        end = token.end_pos
    return "".join([*pieces, text[end:]])


SEEDS = st.integers(0, 2**32)


@given(SEEDS, st.sampled_from((0.02, 0.2, 0.8)), st.booleans())
@settings(max_examples=examples(150))
def test_however_a_text_is_written(seed: int, share: float, lengthen: bool) -> None:
    random = Random(seed)
    text = random.choice([text for text in corpus() if len(text) < 3_000])
    hold_laws(loosened(lengthened(text, random) if lengthen else text, random, share))


def commented(text: str) -> str:
    """With a comment behind every word where a line may end, each with a number."""
    pieces: list[str] = []
    open_: list[str] = []
    before: Token | None = None
    for number, token in enumerate(token for token in tokens(text) if token.type not in ("_NL", "COMMENT")):
        gap = text[before.end_pos if before else 0 : token.start_pos]
        ends = line_may_end(gap, before, token, open_[-1:])
        pieces += [f" # {number}\n" if ends else gap, token]
        open_ = next_open(open_, token)
        before = token
    return "".join(pieces)


def test_a_comment_may_stand_wherever_a_line_may_end() -> None:
    texts = [commented(case.read_text(encoding="utf-8")) for case in WRITTEN]
    assert "".join(texts).count("#") > 500
    for text in texts:
        hold_laws(text)


def graph_text(text: str) -> str:
    """The graph of a network, without the lines it comes from."""
    return re.sub(r" +# \S+:\d+$", "", str(cnndsl.loads(text).graph), flags=re.MULTILINE)


@given(networks, SEEDS)
@settings(max_examples=examples(30))
def test_the_graph_stays(text: str, seed: int) -> None:
    assert graph_text(formatted(loosened(text, Random(seed), 0.2))) == graph_text(text)


@pytest.mark.parametrize("name", ["allowed", "of_variants"])
def test_findings_stay(name: str) -> None:
    (case,) = CASES.glob(f"*/{name}.arch")
    text = case.read_text(encoding="utf-8")
    reports = [check_file(Source(case.name, each, case)).report for each in (text, formatted(text))]
    first, second = ([(finding.code, finding.span.text) for finding in report] for report in reports)
    assert first == second != []


# --- spaces, line ends and other bytes


def test_spaces_that_ask_for_nothing_do_not_count() -> None:
    text = "block b(n) {\n    conv 3x3, n -> bn\n    conv 1x1, 2 * n -> bn\n}\n"
    for spaces in ("\t", " \u00a0", "   ", "\r"):
        assert formatted(text.replace("= ", f"={spaces}").replace("n)", f"n{spaces})")) == text


def test_line_ends_become_plain_ones() -> None:
    assert formatted("# a\r\nblock b {\r\n\r\n    relu\r\n}") == "# a\nblock b {\n    relu\n}\n"


@pytest.mark.parametrize("text", ["", "\n", " \t\r\n\n"])
def test_nothing_stays_nothing(text: str) -> None:
    assert formatted(text) == ""


def test_deep_nesting() -> None:
    for opening, closing in ("()", "[]"):
        hold_laws(f"let a = {opening * 63}1 + 2{closing * 63}\n")
    hold_laws("network t {" + "stage { " * 62 + "relu" + "} " * 62 + "}")


def work(text: str) -> int:
    """How many calls it takes to format a text, those of built-in functions too."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        format_source(Source("test.arch", text))
    finally:
        sys.setprofile(None)
    return calls


LONG = {
    "statements": ("network t {\n", "    conv 3x3, 64  -> bn : 64 x 8 x 8 # c\n", "}"),
    "branches on a line": ("block t { concat {", "| relu ", "} }"),
    "links": ("block t { relu", "\n-> relu", "}"),
    "links on a line": ("block t { relu", " -> relu", "}"),
    "arguments": ("block t { cell 1", ", n=2", "}"),
    "items": ("let a = [", "[1,  f(2)], ", "]"),
    "numbers": ("let a = [", "1, ", "]"),
    "terms": ("let a = (1", " + 1", ")"),
    "blocks": ("", "block t { relu }\n", ""),
    "comments": ("block t { relu\n", "# c\n", "}"),
    "comments in brackets": ("let a = [\n", "1 # c\n, # d\n", "]"),
    "deep": ("", "let a = " + 20 * "[" + "1" + 20 * "]" + "\n", ""),
}


@pytest.mark.parametrize("name", LONG)
def test_the_work_is_linear(name: str) -> None:
    before, part, after = LONG[name]
    work(before + part + after)  # the grammar's tables are made once
    once, twice = (work(f"{before}{part * count}{after}") for count in (50, 100))
    assert twice < 2.2 * once


# --- files


def run(*arguments: str | Path) -> int:
    return main(["fmt", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
    return path


def test_a_file_is_written_in_place_and_keeps_its_mode(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(folder / "a.arch", LOOSE)
    path.chmod(0o640)
    assert run("a.arch") == 0
    assert capsys.readouterr().out == "formatted a.arch\n1 formatted\n"
    assert path.read_bytes() == TIDY.encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [*folder.iterdir()] == [path]


def test_a_file_that_is_right_is_not_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(folder / "a.arch", TIDY)
    before = path.stat()
    assert run("a.arch") == 0
    assert capsys.readouterr().out == "1 unchanged\n"
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_check_lists_what_would_change(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.arch", LOOSE)
    write(folder / "b.arch", TIDY)
    assert run("--check", "a.arch", "b.arch") == 1
    assert capsys.readouterr().out == "would format a.arch\n1 would change, 1 unchanged\n"
    assert run("--check", "b.arch") == 0
    assert (folder / "a.arch").read_bytes() == LOOSE.encode()


def test_diff_shows_what_would_change(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.arch", LOOSE)
    assert run("--diff", "a.arch") == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[:3] == ["--- a.arch", "+++ a.arch", "@@ -1,2 +1,4 @@"]
    assert "-\trelu}\n\\ No newline at end of file\n+network t {\n" in shown
    assert run("--diff", "--check", "a.arch") == 1
    assert (folder / "a.arch").read_bytes() == LOOSE.encode()


def test_a_file_with_errors_stays_and_the_others_do_not(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.arch", WRONG)
    write(folder / "b.arch", LOOSE)
    (folder / "c.arch").write_bytes(b"\xff")
    assert run("a.arch", "missing.arch", "c.arch", "b.arch") == 2
    out, err = capsys.readouterr()
    assert "error[E101]" in err and "cannot read missing.arch" in err and "c.arch is not UTF-8" in err
    assert out == "formatted b.arch\n1 formatted, 3 failed\n"
    assert (folder / "a.arch").read_bytes() == WRONG.encode()
    assert (folder / "b.arch").read_bytes() == TIDY.encode()


def test_a_folder_means_its_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.arch", "in/b.arch", "in/deep/c.arch", ".hidden/d.arch", "in/.e.arch", "in/f.txt"):
        write(folder / name, LOOSE)
    assert run(".", "in", "a.arch") == 0
    out = capsys.readouterr().out
    assert [line.removeprefix("formatted ") for line in out.splitlines()[:-1]] == [
        "a.arch", os.path.join("in", "b.arch"), os.path.join("in", "deep", "c.arch")
    ]  # fmt: skip
    (folder / "empty").mkdir()
    assert run("empty") == 2
    assert "there is no .arch file in empty" in capsys.readouterr().err


def test_a_link_stays_one(folder: Path) -> None:
    path = write(folder / "in" / "a.arch", LOOSE)
    (folder / "b.arch").symlink_to(path)
    assert run("b.arch") == 0
    assert (folder / "b.arch").is_symlink()
    assert path.read_bytes() == TIDY.encode()


def test_a_byte_order_mark_stays(folder: Path) -> None:
    path = write(folder / "a.arch", "\ufeff" + LOOSE.replace("\n", "\r\n"))
    assert run("a.arch") == 0
    assert path.read_bytes() == ("\ufeff" + TIDY).encode()
    assert run("--check", "a.arch") == 0


def test_a_read_only_file_stays(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(folder / "a.arch", LOOSE)
    path.chmod(0o444)
    assert run("a.arch") == 2
    assert capsys.readouterr().err == "cnndsl: error: cannot rewrite a.arch: it is read-only\n"
    assert path.read_bytes() == LOOSE.encode()


@pytest.mark.parametrize(
    ("arguments", "given", "code", "printed"),
    [
        ((), LOOSE, 0, TIDY),
        ((), TIDY, 0, TIDY),
        ((), WRONG.replace("\n", "\r\n"), 2, WRONG.replace("\n", "\r\n")),
        ((), "", 0, ""),
        (("--check",), LOOSE, 1, "would format <stdin>\n"),
        (("--check",), TIDY, 0, ""),
    ],
)
def test_standard_input_goes_to_standard_output(
    arguments: tuple[str, ...],
    given: str,
    code: int,
    printed: str,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(given.encode())))
    assert run(*arguments, "-") == code
    assert capfdbinary.readouterr().out == printed.encode()


def test_standard_input_stands_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-", "a.arch") == 2
    assert "give no other FILE" in capsys.readouterr().err


def test_what_could_not_be_read_again_is_not_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = f"let a = {'1+' * 3_500}1\n"  # a line that no bracket lets be cut, and too long with spaces in it
    path = write(folder / "a.arch", text)
    assert run("a.arch") == 2
    assert "is a line of 14,009 characters" in capsys.readouterr().err
    assert path.read_bytes() == text.encode()


def test_text_in_python() -> None:
    assert cnndsl.format_text(LOOSE) == TIDY
    with pytest.raises(cnndsl.ArchError, match="E101"):
        cnndsl.format_text(WRONG)
