"""Whatever a file holds, a check ends with findings: it never crashes, never hangs, and never shows its insides.

Hangs are prevented by counting, so they are tested by counting too: all checks here run under a low node limit.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import texts as networks

from cnndsl.checking import Checked, Request, check_file
from cnndsl.diagnostics import FORMATS, Diagnostic, Report, render
from cnndsl.diagnostics.codes import all_codes
from cnndsl.diagnostics.model import SHOWN
from cnndsl.elaborate import elaborate_network
from cnndsl.elaborate.names import parts_of
from cnndsl.errors import SourceError
from cnndsl.ir.verify import verify
from cnndsl.source import Source, Span, decode_source
from cnndsl.syntax import parse, tree
from cnndsl.syntax.parser import MAX_ERRORS

ROOT = Path(__file__).resolve().parent.parent
LIMIT = Request(max_nodes=2_000)

CODES = {code.code for code in all_codes()}
PART = r"[A-Za-z_][A-Za-z0-9_]*(\[\d+(, ?\d+)?\])?"
NAME = re.compile(rf"{PART}(\.{PART})*")
INSIDES = re.compile(r"\b(_NL|_COMMA|_ARROW|_EQUAL|_COLON|LBRACE|RBRACE|LPAR|RPAR|LSQB|RSQB|UNKNOWN|POISON|NoneType)\b")


@cache
def good_texts() -> list[str]:
    """Files without errors: the zoo, and the examples of the documentation and of the codes (but for some `use`)."""
    zoo = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "archs").rglob("*.arch"))]
    pages = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))]
    examples = [body for page in pages for body in re.findall(r"^```arch\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)]
    texts = [*zoo, *examples, *(code.good for code in all_codes())]
    return [text for text in texts if _is_small(check_file(source_of(text), LIMIT))]


def _is_small(checked: Checked) -> bool:
    return checked.report.ok and sum(len(done.graph) for done in checked.networks.values()) < LIMIT.max_nodes


def source_of(text: str) -> Source:
    """A file among those of the zoo, which may use each other."""
    return Source("fuzz.arch", text, ROOT / "archs" / "fuzz.arch")


def look_over(text: str) -> Checked:
    """Check a text, and everything that must hold of any report."""
    checked = check_file(source_of(text), LIMIT)
    for finding in checked.report:
        look_over_finding(finding)
    shown = {format: render(checked.report, format) for format in FORMATS}
    for format in ("json", "sarif"):
        json.loads(shown[format])
    assert shown["text"].count("\n") < 200 * (len(checked.report) + 1)
    return checked


def look_over_finding(finding: Diagnostic) -> None:
    assert finding.code in CODES
    for span in (finding.span, *(label.span for label in finding.labels)):
        assert_inside(span)
    said = "\n".join([finding.message, finding.label, *(label.text for label in finding.labels), *finding.remedies])
    assert not INSIDES.search(said.replace(finding.span.text, "")), said
    assert len(finding.message) < 1_000


def assert_inside(span: Span) -> None:
    assert 0 <= span.start <= span.end <= len(span.source.text)
    assert 1 <= span.line <= span.source.line_count


def look_over_networks(checked: Checked) -> None:
    """What must hold of the graphs of a file without errors."""
    for name, done in checked.networks.items():
        verify(done.graph)
        names = [node.name for node in done.graph]
        assert len(names) == len(set(names))
        assert all(NAME.fullmatch(each) for each in names)
        again = elaborate_network(checked.module, name, Report(), max_nodes=LIMIT.max_nodes)
        assert str(again.graph) == str(done.graph)


# --- texts

KEYWORDS = "network block use from input let for in if else as expect require and or not true false arch elif def"
NAMES = "repeat stage head residual dense fractal concat add mul mean conv relu bn maxpool linear identity n x t std"
SIGNS = '( ) [ ] { } | , : = == != < <= ~ + - * / // % ** -> . # ; " \\ @ \u00d7 \u201c'
VALUES = '0 1 2 3 64 3x3 1x7 3 x 224 0.5 7M 1_000 1e3 10 ** 9 "text" in.channels in.height len range enumerate None'
WORDS = [
    *[word for words in (KEYWORDS, NAMES, SIGNS, VALUES) for word in words.split()],
    "\n",
    "\n",
    "\n    ",
    "network t {\n    input 3 x 8 x 8\n    conv 3x3, 4\n",
    "block cell(n, k = 3) {\n    conv k, n\n}\n",
    "residual shortcut=projection {",
    "repeat 2 {",
    "concat {\n | relu\n | identity\n}",
    "for i, w in enumerate([1, 2]) {",
]
soup = st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join)
texts = st.text(st.characters(codec="utf-8") | st.sampled_from("{}()[]|,:=->x0123456789 \n\t#\"'"), max_size=200)
TOKEN = re.compile(r"\s+|\w+|->|[^\w\s]")


@st.composite
def mutants(draw: st.DrawFn) -> str:
    """A good file with a few tokens or lines deleted, doubled, swapped or put in."""
    text = draw(st.sampled_from(good_texts()))
    by_line = draw(st.booleans())
    parts = text.splitlines(keepends=True) if by_line else TOKEN.findall(text)
    for _ in range(draw(st.integers(1, 4))):
        at, other = (draw(st.integers(0, max(len(parts) - 1, 0))) for _ in range(2))
        kind = draw(st.sampled_from(("delete", "double", "swap", "insert")))
        if kind == "delete":
            del parts[at : at + 1]
        elif kind == "double":
            parts[at:at] = parts[at : at + 1]
        elif kind == "swap" and parts:
            parts[at], parts[other] = parts[other], parts[at]
        else:
            parts.insert(at, draw(st.sampled_from(WORDS)) + ("\n" if by_line else " "))
    return "".join(parts)


@settings(max_examples=examples(500))
@given(texts)
def test_any_text(text: str) -> None:
    look_over(text)


@settings(max_examples=examples(200))
@given(st.binary(max_size=200))
def test_any_bytes(raw: bytes) -> None:
    try:
        source = decode_source(raw, "fuzz.arch")
    except SourceError as error:
        assert "\n" not in str(error)
    else:
        look_over(source.text)


@settings(max_examples=examples(800))
@given(soup)
def test_token_soup(text: str) -> None:
    look_over(text)


@settings(max_examples=examples(400))
@given(mutants())
def test_mutated_files(text: str) -> None:
    checked = look_over(text)
    if checked.report.ok:
        look_over_networks(checked)


@settings(max_examples=examples(100))
@given(networks)
def test_good_files(text: str) -> None:
    checked = look_over(text)
    assert checked.report.ok, render(checked.report, "text")
    look_over_networks(checked)


# --- one mistake, one message

BROKEN = {
    "conv 3x3 64": "E101",
    "conv(3x3, 64)": "E101",
    "relu 3 4": "E101",
    "-> ->": "E101",
    "let a 3": "E101",
    "linear 10 as": "E101",
    "conv 3x3, ;": "E102",
    "conv 3x3, 16 -> relu as \u201cname\u201d": "E102",
    'require true, "never ends': "E102",
    "conv 3x3, (16": "E103",
    "relu]": "E103",
    "conv 3x3, [16)": "E103",
    "nothing_of_that_name 3": "E301",
    "conv 3x3, nothing_of_that_name": "E302",
    "from nothing_of_that_name": "E303",
    "conv 3x3, 3, nothing=3": "E304",
    "conv": "E305",
    "relu 3, 4, 5": "E306",
    'conv 3x3, "3"': "E307",
    "conv 3x3, -3": "E308",
    "conv 3x3, 3, /2, stride=2": "E312",
    "conv 3x3, 1 // 0": "E313",
    "conv 2x2, 3": "E314",
    "maxpool 2x2": "E315",
    "| relu": "E316",
    "repeat 3": "E317",
    "relu { }": "E317",
    "concat { | relu }": "E319",
    "conv 1x1, 7, groups=10_007": "E204",
}


@cache
def statements(text: str) -> list[int]:
    """Where statements begin on lines of their own in the networks of a file: offsets of their first character."""
    file, _ = parse(Source("good.arch", text))
    bodies = [network.body for network in file.networks if isinstance(network, tree.NetworkDefinition)]
    found = []
    for body in (part for part in parts_of(tuple(bodies)) if isinstance(part, tree.Body)):
        if not any(isinstance(statement, tree.Branch) for statement in body.statements):
            found += [statement.span.start for statement in body.statements if isinstance(statement, tree.Flow)]
    return [at for at in found if text[:at].rpartition("\n")[2].strip() == "" and not _is_vector(text, at)]


def _is_vector(text: str, at: int) -> bool:
    """Whether layers for images may not stand there, by the text before in the same network."""
    before = text[:at].rpartition("\nnetwork ")[2]
    return bool(
        re.search(r"\b(flatten|linear|head|global_avgpool|adaptive_avgpool)\b|input \d+$", before, re.MULTILINE)
    )


@st.composite
def files_with_one_mistake(draw: st.DrawFn) -> tuple[str, str, int]:
    text = draw(st.sampled_from([text for text in good_texts() if statements(text)]))
    at = draw(st.sampled_from(statements(text)))
    wrong = draw(st.sampled_from(sorted(BROKEN)))
    indent = " " * (at - text.rindex("\n", 0, at) - 1)
    return f"{text[:at]}{wrong}\n{indent}{text[at:]}", wrong, text.count("\n", 0, at) + 1


@settings(max_examples=examples(300))
@given(files_with_one_mistake())
def test_one_mistake_is_one_message(case: tuple[str, str, int]) -> None:
    text, wrong, line = case
    errors = look_over(text).report.errors
    found = [(finding.code, finding.span.line) for finding in errors]
    known = [(BROKEN[wrong], line)]
    if found != known and several_flow(text, wrong, line):
        known = [("E209", line)]
    assert found == known, render(report_of(errors), "text")


def several_flow(text: str, wrong: str, line: int) -> bool:
    """Whether more than one tensor flows there, which any layer in that place is told first."""
    lines = text.split("\n")
    lines[line - 1] = lines[line - 1].replace(wrong, "relu")
    errors = look_over("\n".join(lines)).report.errors
    return [(finding.code, finding.span.line) for finding in errors] == [("E209", line)]


def report_of(findings: list[Diagnostic]) -> Report:
    report = Report()
    for finding in findings:
        report.add(finding)
    return report


@settings(max_examples=examples(100))
@given(st.data())
def test_a_missing_brace_is_one_message(data: st.DataObject) -> None:
    """In files that are indented as their braces say, which all of these are."""
    text = data.draw(st.sampled_from([text for text in good_texts() if "\n}" in text]))
    lines = text.split("\n")
    at = data.draw(st.sampled_from([number for number, line in enumerate(lines) if line.strip() == "}"]))
    errors = look_over("\n".join(lines[:at] + lines[at + 1 :])).report.errors
    assert [finding.code for finding in errors] == ["E103"], render(report_of(errors), "text")


# --- large and deep

NESTS = {
    "parentheses": lambda n: f"conv 3x3, {'(' * n}3{')' * n}",
    "lists": lambda n: f"let a = {'[' * n}3{']' * n}",
    "calls": lambda n: f"conv 3x3, {'max(' * n}3, 4{')' * n}",
    "indices": lambda n: f"conv 3x3, {'[1]' + '[0]' * n}",
    "signs": lambda n: f"conv 3x3, {'-' * n}3",
    "nots": lambda n: f"require {'not ' * n}true",
    "powers": lambda n: f"conv 3x3, {'(2 ** ' * n}0{')' * n}",
    "conditionals": lambda n: f"conv 3x3, {'3 if false else ' * n}4",
    "sums": lambda n: f"conv 3x3, {'0 + ' * n}4",
    "comparisons": lambda n: f"require {'1 < ' * n}2",
    "sizes": lambda n: f"conv {'3 x ' * n}3, 4",
    "chains": lambda n: "relu" + " -> relu" * n,
    "repeats": lambda n: "repeat 1 { " * n + "relu" + " }" * n,
    "stages": lambda n: "stage { " * n + "relu" + " }" * n,
    "residuals": lambda n: "residual { " * n + "relu" + " }" * n,
    "merges": lambda n: "add { | relu | " * n + "identity" + " }" * n,
    "loops": lambda n: "for _ in [1] { " * min(n, 1) + "repeat 1 { " * n + "relu" + " }" * (n + 1),
    "shortcuts": lambda n: "residual shortcut={ " * n + "relu" + " } { conv 3x3, 4 }" * n,
    "else ifs": lambda n: "if false { relu }" + " else if false { relu }" * n,
    "ifs": lambda n: "if true { " * n + "relu" + " }" * n,
    "branches": lambda n: "add { " + "| relu " * n + "}",
    "arguments": lambda n: "conv 3x3, " + "3, " * n + "3",
    "labels": lambda n: "\n    ".join(f"conv 1x1, 3 as l{i}" for i in range(n)),
    "lets": lambda n: "\n    ".join(["let a0 = [1]", *(f"let a{i + 1} = [a{i}, a{i}]" for i in range(n))]),
    "errors": lambda n: "\n    ".join(["conv 3x3 3"] * n),
    "semicolons": lambda n: "relu; " * n,
    "strings": lambda n: 'require true, "' + "x" * n,
    "open parentheses": lambda n: "conv 3x3, " + "(" * n,
    "open braces": lambda n: "repeat 1 { " * n,
    "closing braces": lambda n: "}" * n,
    "bars": lambda n: "| " * n,
    "digits": lambda n: f"conv 3x3, {'9' * n}",
    "words": lambda n: "relu " * n,
}


@pytest.mark.parametrize("size", [10, 100, 1_500])
@pytest.mark.parametrize("kind", sorted(NESTS))
def test_large_and_deep(kind: str, size: int) -> None:
    text = f"network t {{\n    input 3 x 8 x 8\n    {NESTS[kind](size)}\n    conv 3x3, 4\n}}\n"
    report = look_over(text).report
    assert len(report.errors) <= MAX_ERRORS + 10
    assert len(report.shown) == min(len(report), SHOWN)


@pytest.mark.parametrize("depth", [10, 63, 64, 65, 200])
def test_blocks_that_nest(depth: int) -> None:
    """Each with two braces in it: the stack of Python is the checker's, not the author's."""
    blocks = [f"block b{i}() {{ stage {{ residual {{ b{i + 1} }} }} }}" for i in range(depth)]
    text = "\n".join([*blocks, f"block b{depth}() {{ relu }}", "network t {\n input 3 x 8 x 8\n b0\n}\n"])
    codes = {finding.code for finding in look_over(text).report.errors}
    assert codes == (set() if depth <= 10 else {"E104"})
