"""The text rendering of reports, to the letter, and the laws of the registry of codes."""

from __future__ import annotations

import re
import subprocess
import sys
from textwrap import dedent
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl.diagnostics import Diagnostic, Label, Report, render
from cnndsl.diagnostics.codes import all_codes, lookup
from cnndsl.diagnostics.display import LINE_LIMIT, width
from cnndsl.source import Source, Span

RESNET = Source(
    "resnet.arch",
    dedent("""\
    arch 1

    # Deep Residual Learning for Image Recognition, He et al. 2015, Table 1.

    # A block with a narrow waist.
    block bottleneck(filters, stride = 1) {
        require filters > 0, "filters must be positive"
        residual {
            conv 1x1, filters          -> bn -> relu
            conv 3x3, filters, /stride -> bn -> relu
            conv 1x1, 4 * filters -> bn
        }
        relu
    }
    """),
)


def place(source: Source, text: str) -> Span:
    """The first occurrence of `text`."""
    start = source.text.index(text)
    return source.span(start, start + len(text))


def report_of(*findings: Diagnostic) -> Report:
    report = Report()
    for finding in findings:
        report.add(finding)
    return report


def shown(span: Span, label: str = "", *labels: Label) -> str:
    """The text rendering of one finding without its title."""
    return render(report_of(Diagnostic("E101", "wrong", span, label, labels)), "text").split("\n", 1)[1]


SHORTCUT = Diagnostic(
    "E203",
    "`add` needs equal shapes: 64 x 56 x 56 and 256 x 56 x 56",
    place(RESNET, "residual"),
    label="the shortcut is 64 x 56 x 56",
    labels=(Label(place(RESNET, "conv 1x1, 4 * filters"), "this branch became 256 x 56 x 56 here (filters = 64)"),),
    notes=("in bottleneck (line 24), 1st of 3 rounds, stage 1 of network resnet",),
    help="`residual shortcut=projection` inserts a 1x1 conv with 256 filters",
)
UNREAD = Diagnostic("W602", "parameter `stride` is never used", place(RESNET, "stride = 1"))


# --- text


def test_text_is_the_one_of_the_language_reference() -> None:
    assert render(report_of(SHORTCUT), "text") == dedent("""\
        error[E203]: `add` needs equal shapes: 64 x 56 x 56 and 256 x 56 x 56
          --> resnet.arch:8:5
           |
         8 |     residual {
           |     ^^^^^^^^ the shortcut is 64 x 56 x 56
           ::
        11 |         conv 1x1, 4 * filters -> bn
           |         --------------------- this branch became 256 x 56 x 56 here (filters = 64)
           = in bottleneck (line 24), 1st of 3 rounds, stage 1 of network resnet
           = help: `residual shortcut=projection` inserts a 1x1 conv with 256 filters""")


def test_findings_are_set_apart_by_a_blank_line() -> None:
    text = render(report_of(UNREAD, SHORTCUT), "text")
    assert text == render(report_of(UNREAD), "text") + "\n\n" + render(report_of(SHORTCUT), "text")
    assert text.startswith("warning[W602]: parameter `stride` is never used\n --> resnet.arch:6:27\n")


def test_a_place_above_the_cause_is_shown_above_it() -> None:
    label = Label(place(RESNET, "filters, stride = 1"), "declared here")
    assert shown(place(RESNET, "require filters > 0"), "not met", label) == dedent("""\
         --> resnet.arch:7:5
          |
        6 | block bottleneck(filters, stride = 1) {
          |                  ------------------- declared here
        7 |     require filters > 0, "filters must be positive"
          |     ^^^^^^^^^^^^^^^^^^^ not met""")


def test_places_on_one_line_are_underlined_from_left_to_right() -> None:
    source = Source("a.arch", "mul { | identity | relu }\n")
    labels = (Label(place(source, "relu"), "2 x 8 x 8"), Label(place(source, "identity"), "4 x 8 x 8"))
    assert shown(place(source, "mul"), "these differ", *labels) == dedent("""\
         --> a.arch:1:1
          |
        1 | mul { | identity | relu }
          | ^^^ these differ
          |         -------- 4 x 8 x 8
          |                    ---- 2 x 8 x 8""")


def test_places_in_another_file_have_their_own_section() -> None:
    other = Source("blocks.arch", "\n" * 41 + "block narrow(filters) {\n")
    main = Source("main.arch", "\nuse wide from blocks\n")
    labels = (Label(place(other, "narrow"), "the only block there"), Label(place(main, "blocks"), "of this file"))
    assert shown(place(main, "wide"), "no such block", *labels) == dedent("""\
          --> main.arch:2:5
           |
         2 | use wide from blocks
           |     ^^^^ no such block
           |               ------ of this file
          --> blocks.arch:42:7
           |
        42 | block narrow(filters) {
           |       ------ the only block there""")


def test_of_a_span_over_several_lines_the_first_is_underlined() -> None:
    source = Source("a.arch", "add {  \n    | relu\n}\n")
    assert shown(source.span(0, len(source.text) - 1), "one branch") == dedent("""\
         --> a.arch:1:1
          |
        1 | add {
          | ^^^^^ one branch""")


def test_remarks_of_several_lines_stand_under_their_text() -> None:
    finding = Diagnostic("E310", "loop", RESNET.span(0, 4), notes=("a calls b\nb calls a",), help="use\n`repeat`")
    assert render(report_of(finding), "text").endswith(
        "\n  = a calls b\n    b calls a\n  = help: use\n          `repeat`"
    )


def test_a_repeated_finding_is_shown_once_and_counted() -> None:
    report = report_of(SHORTCUT, SHORTCUT, SHORTCUT)
    assert render(report, "text") == render(report_of(SHORTCUT), "text").replace(
        "\n   = help", "\n   = the same happens 2 more times\n   = help"
    )


@pytest.mark.parametrize(
    ("text", "start", "end", "expected"),
    [
        pytest.param("", 0, 0, " --> a:1:1\n  |\n1 |\n  | ^ here", id="an empty file"),
        pytest.param("relu\n", 0, 0, " --> a:1:1\n  |\n1 | relu\n  | ^ here", id="nothing, at the start"),
        pytest.param("relu\n", 5, 5, " --> a:2:1\n  |\n2 |\n  | ^ here", id="nothing, at the end"),
        pytest.param("relu", 4, 4, " --> a:1:5\n  |\n1 | relu\n  |     ^ here", id="nothing, at the end of a line"),
        pytest.param("bn\nrelu", 3, 7, " --> a:2:1\n  |\n2 | relu\n  | ^^^^ here", id="a last line without its end"),
        pytest.param("bn\r\nrelu\r\n", 4, 9, " --> a:2:1\n  |\n2 | relu\n  | ^^^^ here", id="Windows line ends"),
        pytest.param("relu \n\n", 5, 6, " --> a:1:6\n  |\n1 | relu\n  |      ^ here", id="a line end"),
        pytest.param("\t\trelu", 2, 6, " --> a:1:3\n  |\n1 |         relu\n  |         ^^^^ here", id="tabs"),
        pytest.param("bn\trelu", 3, 7, " --> a:1:4\n  |\n1 | bn  relu\n  |     ^^^^ here", id="a tab to the next stop"),
        pytest.param('"\u5377\u7a4d" x', 5, 6, ' --> a:1:6\n  |\n1 | "\u5377\u7a4d" x\n  |        ^ here', id="wide"),
        pytest.param("\u5377\u7a4d", 1, 2, " --> a:1:2\n  |\n1 | \u5377\u7a4d\n  |   ^^ here", id="under a wide one"),
        pytest.param("e\u0301 x", 3, 4, " --> a:1:4\n  |\n1 | e\u0301 x\n  |   ^ here", id="a combining accent"),
        pytest.param("\x1b[31mx", 5, 6, " --> a:1:6\n  |\n1 | \u241b[31mx\n  |      ^ here", id="an escape"),
        pytest.param("\u202ex", 0, 1, " --> a:1:1\n  |\n1 | <U+202E>x\n  | ^^^^^^^^ here", id="a direction mark"),
    ],
)
def test_carets_stand_under_what_they_mean(text: str, start: int, end: int, expected: str) -> None:
    assert shown(Source("a", text).span(start, end), "here") == expected


@pytest.mark.parametrize("at", [0, 5, 79, 80, 200, 1000, 1990, 1999])
def test_of_a_long_line_the_part_around_the_place_is_shown(at: int) -> None:
    text = "." * at + "X" + "." * (1999 - at)
    line, carets = shown(Source("a", text).span(at, at + 1)).split("\n")[2:]
    line, carets = line.removeprefix("1 | "), carets.removeprefix("  | ")
    assert line[len(carets) - 1] == "X"
    assert len(line) == LINE_LIMIT
    assert line.startswith("…") == (at >= LINE_LIMIT // 2)
    assert line.endswith("…") == (at < 2000 - LINE_LIMIT // 2)


def test_the_end_of_a_long_line_can_be_pointed_at() -> None:
    line, carets = shown(Source("a", "." * 500).span(500, 500)).split("\n")[2:]
    assert len(carets) == len(line) + 1


def test_a_place_longer_than_the_window_is_underlined_as_far_as_it_is_shown() -> None:
    source = Source("a", "." * 100 + "X" * 400)
    line, carets = shown(source.span(100, 500)).split("\n")[2:]
    assert len(line) == len(carets) == LINE_LIMIT + len("1 | ")
    assert carets.index("^") == line.index("X")


def test_wide_characters_are_never_cut_in_half() -> None:
    source = Source("a", "\u5377" * 500)
    for at in range(200, 210):
        line, carets = shown(source.span(at, at + 1)).split("\n")[2:]
        assert width(line) <= LINE_LIMIT + len("1 | ")
        assert carets.count("^") == 2
        assert width(line[: carets.index("^") // 2 + 2]) <= carets.index("^") + 2


def test_places_far_apart_on_one_long_line_are_shown_one_by_one() -> None:
    source = Source("a", "first" + "." * 500 + "second")
    text = shown(place(source, "second"), "again", Label(place(source, "first"), "before"))
    assert re.findall(r"^1 \|", text, re.MULTILINE) == ["1 |", "1 |"]
    assert "::" not in text
    assert re.search(r"^1 \| first\.+…\n  \| ----- before\n1 \| ….+second\n  \| +\^{6} again$", text, re.MULTILINE)


def test_nothing_in_a_report_can_reach_the_terminal_raw() -> None:
    source = Source("bad\x1b\udc80.arch", 'use "\x1b]0;title\x07"')
    label = Label(source.span(5, 6), "c\x9b")
    finding = Diagnostic("E311", "a\x1b", source.span(4, 5), "b\x1b", (label,), ("d\x1b",), "e\r")
    text = render(report_of(finding), "text")
    assert all(character.isprintable() or character == "\n" for character in text)
    assert text.encode()


@given(st.data(), st.text(alphabet=st.sampled_from("aX \t\r\n\x1b\u5377\u0301\u202e") | st.characters(), max_size=400))
def test_any_place_in_any_text_can_be_shown(data: st.DataObject, text: str) -> None:
    source = Source("a", text)
    ends = st.integers(0, len(text))
    spans = [source.span(*sorted((data.draw(ends), data.draw(ends)))) for _ in range(3)]
    finding = Diagnostic("E101", text, spans[0], "here", tuple(Label(span, "there") for span in spans[1:]))
    rendered = render(report_of(finding), "text")
    lines = rendered.split("\n")
    assert sum(bool(re.fullmatch(r" *\| *\^+ here", line)) for line in lines) == 1
    assert sum(bool(re.fullmatch(r" *\| *-+ there", line)) for line in lines) == 2
    assert all(character.isprintable() or character == "\n" or category(character) == "Zs" for character in rendered)


def test_colour_changes_nothing_but_colour() -> None:
    report = report_of(SHORTCUT, UNREAD)
    colored = render(report, "text", color=True)
    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == render(report, "text")
    assert colored.startswith("\x1b[1;31merror[E203]\x1b[0m\x1b[1m: `add` needs")
    assert "\x1b[1;33mwarning[W602]\x1b[0m" in colored
    assert "\x1b[1;31m^^^^^^^^ the shortcut is 64 x 56 x 56\x1b[0m" in colored


# --- the registry

CODES = [
    "E101",
    "E102",
    "E103",
    "E104",
    "E105",
    "E201",
    "E202",
    "E203",
    "E204",
    "E205",
    "E206",
    "E208",
    "E209",
    "E210",
    "E211",
    "E301",
    "E302",
    "E303",
    "E304",
    "E305",
    "E306",
    "E307",
    "E308",
    "E309",
    "E310",
    "E311",
    "E312",
    "E313",
    "E314",
    "E315",
    "E316",
    "E317",
    "E318",
    "E319",
    "E320",
    "E401",
    "E402",
    "E403",
    "E501",
    "W601",
    "W602",
    "W603",
    "W604",
    "W605",
    "W606",
    "W607",
    "W608",
    "W609",
    "W611",
    "W612",
    "W613",
    "W614",
    "W615",
    "W616",
    "W617",
    "W618",
    "W619",
    "W620",
    "W621",
]


def test_every_code_is_registered_once_and_in_order() -> None:
    assert [code.code for code in all_codes()] == CODES


@pytest.mark.parametrize("name", CODES)
def test_every_code_explains_itself(name: str) -> None:
    code = lookup(name)
    assert code is not None and code.code == name
    assert code.title and not code.title.endswith(".")
    assert code.explanation.endswith(".") and max(map(len, code.explanation.splitlines())) <= 110
    for example in (code.bad, code.good):
        assert re.search(r"^network \w+.*\{$", example, re.MULTILINE), "a whole file, not indented"
        assert example.endswith("\n") and example == example.strip() + "\n"


def test_no_two_codes_say_the_same() -> None:
    for field in ("title", "explanation", "bad"):
        assert len({getattr(code, field) for code in all_codes()}) == len(CODES)


def test_lookup_of_an_unknown_code() -> None:
    assert lookup("E999") is None


def test_a_check_does_without_the_explanations() -> None:
    script = "import sys, cnndsl.diagnostics; print([name for name in sys.modules if 'diagnostics.codes' in name])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
