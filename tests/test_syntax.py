"""From text to syntax tree: literals, operators, lines, comments, and the places of things."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lark import Lark

from cnndsl.diagnostics import Report
from cnndsl.elaborate import Loader
from cnndsl.elaborate.context import Context
from cnndsl.elaborate.env import Env
from cnndsl.elaborate.evaluator import Evaluator
from cnndsl.elaborate.names import parts_of
from cnndsl.elaborate.values import Failed
from cnndsl.ops.arguments import Size
from cnndsl.source import Source, Span, decode_source
from cnndsl.syntax import parse, tree
from cnndsl.syntax.builder import number_value
from cnndsl.syntax.parser import MAX_ERRORS, parse_expression
from cnndsl.syntax.tables import tables

ROOT = Path(__file__).resolve().parent.parent
ZOO = sorted((ROOT / "archs").rglob("*.arch"))


def parsed(text: str) -> tree.File:
    file, report = parse(Source("test.arch", text))
    assert not report, [finding.message for finding in report]
    return file


def evaluate(text: str, **names: object) -> object:
    """The value of an expression; a str that begins with a code for a mistake."""
    report = Report()
    expression = parse_expression(Source("test", text), report)
    if expression is not None:
        module = Loader(report).load(Source("test.arch", ""))
        try:
            return Evaluator(Context(report), module, Env(None, names)).value(expression)
        except Failed:
            pass
    finding = next(iter(report))
    return f"{finding.code}: {finding.message}"


def without_places(item: Any) -> Any:
    """A syntax tree as nested tuples, without spans."""
    if isinstance(item, tuple):
        return tuple(map(without_places, item))
    if is_dataclass(item) and not isinstance(item, (Span, Source)):
        inner = (getattr(item, f.name) for f in fields(item) if f.name not in ("span", "source"))
        return type(item).__name__, *map(without_places, inner)
    return item


# --- literals


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64", 64),
        ("1_000", 1000),
        ("7M", 7_000_000),
        ("1.5G", 1_500_000_000),
        ("2.5K", 2500),
        ("1.2345K", 1234.5),
        ("25.6M", 25_600_000),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        ("1e-6", 1e-6),
        ("2.5e+2", 250.0),
        ("007", 7),
        ("0", 0),
        ("true", True),
        ('"a b"', "a b"),
        ('"\\"\\\\\\n\\t"', '"\\\n\t'),
        ('"# no comment, x"', "# no comment, x"),
        ("[]", []),
        ("[1, 2,]", [1, 2]),
        ("[[1], [2, [3]]]", [[1], [2, [3]]]),
    ],
)
def test_literals(text: str, value: object) -> None:
    found = evaluate(text)
    assert (found, type(found)) == (value, type(value))


@given(st.integers(0, 10**9), st.sampled_from(["", "K", "M", "G"]))
def test_whole_numbers_are_ints(number: int, suffix: str) -> None:
    assert number_value(f"{number}{suffix}") == number * {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}[suffix]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("3x3", (3, 3)),
        ("1x7", (1, 7)),
        ("64x56x56", (64, 56, 56)),
        ("3 x 224 x 224", (3, 224, 224)),
        ("k x k", (5, 5)),
        ("64 x h x 56", (64, 7, 56)),
        ("3x3 x 2", (3, 3, 2)),
        ("2 x 3x3", (2, 3, 3)),
        ("x x x", (9, 9)),
        ("x x 3 x x", (9, 3, 9)),
        ("2 * x x x + 1", (18, 10)),
        ("x1 x x2", (1, 2)),
        ("xx x xy", (11, 12)),
        ("(x) x (x)", (9, 9)),
        ("[x][0] x x", (9, 9)),
        ("max(x, 3) x x", (9, 9)),
        ("h / 7 x 4.0", (1, 4)),
        ("h // 2 x h % 4", (3, 3)),
        ("-1 x 2", (-1, 2)),
    ],
)
def test_sizes(text: str, parts: tuple[int, ...]) -> None:
    found = evaluate(text, k=5, h=7, x=9, x1=1, x2=2, xx=11, xy=12)
    assert (found, type(found)) == (Size(parts), Size)


def test_x_is_a_name_where_no_value_comes_before_it() -> None:
    file = parsed("""
        block x(x, y = x) {
            conv x x x, x, /x as x : x x x x x
            for x2 in [x, x] { conv x, x2 }
            let z = x if x == x else x x x
            unit x, x=x, y=3 x x
            x x
        }
    """)
    flow = file.blocks[0].body.statements[0]
    assert isinstance(flow, tree.Flow)
    conv = flow.elements[0]
    assert isinstance(conv, tree.Command)
    assert [argument.span.text for argument in conv.arguments] == ["x x x", "x", "/x"]
    assert flow.shape is not None
    assert flow.shape.span.text == "x x x x x"


# --- operators: Python's, but for a few


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> str:
    """An expression of numbers that Python reads alike."""
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from(["0", "1", "2", "3", "7", "10", "2.5", "n", "[4, 5, 6][1]", "len([1, 2])"]))
    a, b, c = (draw(expressions(depth - 1)) for _ in range(3))
    forms = ["{a} + {b}", "{a} - {b}", "{a} * {b}", "{a} / {b}", "{a} // {b}", "{a} % {b}", "-{a}", "+{a}", "({a})"]
    forms += ["({a}) ** 2", "-({a}) ** 2", "{a} if ({b}) < ({c}) else {b}", "(({a}) if ({b}) == ({c}) else {c})"]
    forms += ["({a}) if not ({a}) >= ({b}) and ({b}) != ({c}) or ({c}) <= ({a}) else {c}"]
    forms += ["({a}) if ({a}) < ({b}) <= ({c}) else 1", "max({a}, {b})", "min([{a}, {b}])", "sum([{a}, {b}, {c}])"]
    forms += ["[{a}, {b}, {c}][1:][0]", "[{a}, {b}][-1]", "sum(range(3)) + {a}", "len(range(1, 7, 2)[:2]) * {b}"]
    forms += ["sum([v for v in [{a}, {b}] if v > ({c})])", "[int(v) for v in [{a}]][0]"]
    forms += ["abs({a})", "sorted([{a}, {b}])[0]", "enumerate([{a}])[0][1]", "zip([{a}], [{b}])[0][0]"]
    return draw(st.sampled_from(forms)).format(a=a, b=b, c=c)


@given(expressions())
def test_expressions_mean_what_they_mean_in_python(text: str) -> None:
    functions = {"enumerate": lambda *given: [*enumerate(*given)], "zip": lambda *given: [*zip(*given, strict=True)]}
    try:
        wanted = eval(text, {"n": 3, **functions})
    except (ZeroDivisionError, OverflowError):
        wanted = None
    found = evaluate(text, n=3)
    if wanted is None or not abs(wanted) < 2**63 or isinstance(found, str):
        assert isinstance(found, str)
        assert found.startswith("E313")
    else:
        assert (found, type(found)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-2 ** 2", -4),
        ("2 ** -1", 0.5),
        ("2 ** - - 2", 4),
        ("(-2) ** 2", 4),
        ("6 / 2", 3.0),
        ("-7 // 2", -4),
        ("-7 % 3", 2),
        ("[1, 2] + [3]", [1, 2, 3]),
        ("[0] * 3", [0, 0, 0]),
        ('"a" + "b"', "ab"),
        ("not not true", True),
        ("1 if false else 2 if false else 3", 3),
        ("true or 1 // 0 == 1", True),
        ("false and 1 // 0 == 1", False),
        ("1 // 0 if false else 2", 2),
        ("1 == 1.0", True),
        ("3x3 == 3 x 3", True),
        ("[1, [2]] == [1, [2]]", True),
        ('"a" < "b"', True),
        ("1 < 2 < 3", True),
        ("1 < 3 < 2", False),
        ("3x4x5[1]", 4),
        ("3x4x5[1:]", Size((4, 5))),
        ("len(3x4x5)", 3),
        ("range(3)", [0, 1, 2]),
        ("range(5, 0, -2)", [5, 3, 1]),
        ("enumerate([7, 8], 1)", [[1, 7], [2, 8]]),
        ("zip([1, 2], [3, 4])", [[1, 3], [2, 4]]),
        ("round(2.5)", 2),
        ("ceil(2.1) + floor(2.9)", 5),
        ("max(3x4)", 4),
        ("[1, 2, 3][-1]", 3),
        ("[2 * v for v in [1, 2, 3]]", [2, 4, 6]),
        ("[v for v in range(9) if v % 3 == 0 if true else false]", [0, 3, 6]),
        ("[a x b for a, b in zip([1, 2], [3, 4])]", [Size((1, 3)), Size((2, 4))]),
        ("[[a * b for a in range(2)] for b in [1, 2]]", [[0, 1], [0, 2]]),
        ("[x for x in [1 if n == 3 else 2 for n in [3, 4]]]", [1, 2]),
        ("[v for v in []]", []),
        ("[v for v in 3x5]", [3, 5]),
        ("int(-2.5) + int(2.5)", 0),
        ("abs(-3)", 3),
        ("abs(-2.5)", 2.5),
        ("sqrt(9)", 3.0),
        ("log2(8)", 3.0),
        ("exp(0)", 1.0),
        ("sorted([3, 1, 2.5])", [1, 2.5, 3]),
        ('sorted(["b", "a"])', ["a", "b"]),
        ("index([4, 5, 4], 4)", 0),
        ("index([3x3, 5x5], 5x5)", 1),
        ('"abc"[1:2]', "b"),
    ],
)
def test_values(text: str, value: object) -> None:
    found = evaluate(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    [
        "1 // 0",
        "1 % 0",
        "1.0 / 0",
        "[1][1]",
        "[1][-2]",
        "[1][true]",
        "[1][0.0]",
        "3[0]",
        '1 + "a"',
        "true + 1",
        "[1] - [1]",
        '"a" * 3',
        "[1] * 1.5",
        "3x3 + 1",
        "1 < true",
        "[1] < [2]",
        "-true",
        "sum([true])",
        "sum(3)",
        "max()",
        "max([])",
        "range(1.0)",
        "range(1, 2, 0)",
        "range()",
        "zip([1], [1, 2])",
        "enumerate([1], 0.5)",
        "len(3)",
        "round([1])",
        "ceil(1, 2)",
        "7(3)",
        "[1][0.5:]",
        "(0 - 8) ** 0.5",
        "0 ** -1",
        "2.0 ** 9999",
        "sqrt(-1)",
        "log2(0)",
        "exp(1e9)",
        "abs(true)",
        "int([1])",
        "sorted([1, [2]])",
        'sorted([1, "a"])',
        "index([1], 2)",
        "index([true], 1)",
        "[a for a, b in [1]]",
    ],
)
def test_what_cannot_be_computed(text: str) -> None:
    found = evaluate(text)
    assert isinstance(found, str)
    assert found.startswith("E313"), found


@pytest.mark.parametrize("text", ["1 and true", "not 1", "1 if 1 else 2", "false or 0", '"" and true'])
def test_only_bools_are_true_or_false(text: str) -> None:
    found = evaluate(text)
    assert isinstance(found, str)
    assert found.startswith("E307"), found


@pytest.mark.parametrize(
    "text", ["", "1 2", "1\n2", "1\n}\nnetwork b {\n relu", "let a = 3", "1 }", "{ relu }", "# 1", "a = 1"]
)
def test_what_is_no_expression(text: str) -> None:
    report = Report()
    assert parse_expression(Source("-p n", text), report) is None
    assert report.errors


# --- lines

LINES = """
network t {
    input 3 x 32 x 32
    conv 3x3, 16, pad=[0, 1, 0, 1] -> bn -> relu as stem : 16 x 31 x 31
    concat { | relu | conv 1x1, (8 + 8) * 2 -> bn as b }
    if true { relu } else if false { tanh } else { sigmoid }
    let a, b = [1, 2]
}
"""


@pytest.mark.parametrize(
    "text",
    [
        LINES.replace("\n", "\r\n"),
        LINES.replace("    ", "\t"),
        LINES.replace("    ", "  \t "),
        LINES.replace("\n", "  # a comment, -> { ( \u00e9\u4e2d\U0001f600\n"),
        LINES.replace("\n", "\n\n   \n# alone\n"),
        LINES.replace(" -> ", "\n        -> "),
        LINES.replace(" -> ", " ->\n\n        # between\n    "),
        LINES.replace("| ", "\n        | ").replace(" }\n    if", "\n    }\n    if"),
        LINES.replace("| ", "|\n        "),
        LINES.replace(", ", ",\n        "),
        LINES.replace("[", "[\n  ").replace("(8 + 8)", "(8\n  +\n 8\n)"),
        LINES.replace("{ ", "{\n").replace(" }", "\n}"),
        LINES.replace("} else", "}\n    else"),
        LINES.replace(" ", "   "),
        LINES.strip(),
        LINES.replace(" = ", "=").replace(" x ", " x  ").replace(" + ", "+"),
    ],
)
def test_the_same_in_other_lines(text: str) -> None:
    assert without_places(parsed(text).networks[0].body) == without_places(parsed(LINES).networks[0].body)


def test_line_ends_after_operators_end_the_statement() -> None:
    _, report = parse(
        Source("test.arch", "network t {\n input 3 x\n 32 x 32\n let a = 1 +\n 2\n conv 3x3, 16\n as b\n}")
    )
    assert [finding.code for finding in report] == ["E101"] * 5


def test_a_byte_order_mark_is_no_character() -> None:
    source = decode_source(b"\xef\xbb\xbf# doc\nnetwork t {\n    input 3\n    relu\n}\n", "test.arch")
    file, report = parse(source)
    assert (list(report), file.networks[0].doc) == ([], "doc")


def test_a_byte_order_mark_elsewhere_is_one() -> None:
    _, report = parse(Source("test.arch", "network t {\n    input 3\n    relu \ufeff\n}\n"))
    assert [(finding.code, finding.remedies) for finding in report] == [("E102", ("it is invisible: delete it",))]


def test_comments_right_above_are_documentation() -> None:
    file = parsed("""
# The file.

# A block,
#   indented, é.
#
block a() { relu }  # not this
# of b
block b() { relu }
network t { input 3
    # not a definition
    relu
}
    # of u
network u = t()
# of nothing

network v = t()
""")
    docs = [definition.doc for definition in (*file.blocks, *file.networks)]
    assert docs == ["A block,\n  indented, é.", "of b", "", "of u", ""]


@pytest.mark.parametrize("text", ["", "\n", "# only a comment", "arch 1", "arch 1\n", "\r\n\t", "arch 1 # one\n\n\n"])
def test_files_without_definitions(text: str) -> None:
    file = parsed(text)
    assert (file.blocks, file.networks, file.uses) == ((), (), ())


# --- places


@pytest.mark.parametrize("path", ZOO, ids=lambda path: path.stem)
def test_an_expression_stands_where_its_span_says(path: Path) -> None:
    file = parsed(path.read_text(encoding="utf-8"))
    for part in parts_of((file.blocks, file.networks)):
        if isinstance(part, tree.Expression.__args__):
            assert part.span.text.count("(") == part.span.text.count(")")
            report = Report()
            again = parse_expression(Source("span", part.span.text), report)
            if isinstance(part, tree.Name) and again is None:
                continue  # the name of a command
            if "Labelled(" in repr(part):
                continue  # what stands behind `from`, where a name is a label
            assert without_places(again) == without_places(part)
        elif isinstance(part, tree.Command):
            assert part.span.text.startswith(part.name.id)


@given(expressions())
def test_a_span_holds_its_expression(text: str) -> None:
    expression = parse_expression(Source("test", text), Report())
    for part in parts_of(expression):
        if isinstance(part, tree.Expression.__args__):
            again = parse_expression(Source("span", part.span.text), Report())
            assert without_places(again) == without_places(part)


# --- the machinery


def test_the_parser_stops_after_many_mistakes() -> None:
    text = "network t {\n    input 3\n" + "    conv 3x3 3\n" * (2 * MAX_ERRORS) + "}\n"
    _, report = parse(Source("test.arch", text))
    assert len(report) == MAX_ERRORS


def test_a_long_file_is_read_in_one_go() -> None:
    """A quadratic parser would not end: 4,000 statements, 4,000 branches, 1,000 definitions."""
    many = "    relu\n" * 4_000
    branches = "| relu " * 4_000
    blocks = "".join(f"block b{i}(n) {{ conv 3x3, n }}\n" for i in range(1_000))
    file = parsed(f"{blocks}network t {{\n    input 3\n{many}    add {{ {branches} }}\n}}\n")
    body = file.networks[0].body
    assert body is not None
    assert (len(file.blocks), len(body.statements)) == (1_000, 4_002)


@pytest.mark.parametrize("line", ["relu (\n", "stage { relu (\n", "(" * 500 + "\n", "let a = [[({\n"])
def test_many_open_brackets_are_read_in_one_go(line: str) -> None:
    """Here a quadratic recovery would not end."""
    _, report = parse(Source("test.arch", f"network t {{\n    input 3\n{line * (60_000 // len(line))}"))
    assert not report.ok


def test_threads_parse_side_by_side() -> None:
    texts = [f"# {i}\nblock b{i}(n) {{ conv 3x3, {i} -> relu }}\n" * (1 + i % 5) for i in range(60)]
    alone = [without_places(parse(Source("test.arch", text))[0].blocks) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        together = [without_places(file.blocks) for file, _ in pool.map(lambda t: parse(Source("test.arch", t)), texts)]
    assert together == alone


@pytest.mark.parametrize("tables", ["missing", "corrupt", "of another grammar", "unwritable"])
def test_parse_tables_are_a_cache(tables: str, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    code = "import cnndsl, sys; print(len(cnndsl.loads('network t { input 3\\n relu }').graph), 'lark' in sys.modules)"

    def run() -> str:
        environ = {**os.environ, "CNNDSL_CACHE_DIR": str(folder), "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return done.stdout

    if tables == "unwritable":
        folder.write_text("a file where the folder should be")
        assert (run(), run()) == ("2 True\n", "2 True\n")
        return
    assert (run(), run()) == ("2 True\n", "2 False\n")
    (kept,) = folder.iterdir()
    whole = kept.read_text()
    if tables == "corrupt":
        kept.write_text(whole[: len(whole) // 2])
    elif tables == "of another grammar":
        kept.write_text(json.dumps({**json.loads(whole), "grammar": "start: NAME", "states": []}))
    if tables != "missing":
        assert (run(), run()) == ("2 True\n", "2 False\n")


ALPHABET = st.sampled_from([*'ab_x019.KeE+-*/%=<>!~()[]{}|,:#"\\ \t\n\r$é', "if", "else", "3x3", "->", "**"])


@given(st.lists(ALPHABET).map("".join))
def test_words_are_those_of_lark(text: str) -> None:
    """Ours are cut by one pattern, made of Lark's terminals."""
    ours = tables().lexer.tokens(text)
    theirs = lark().lex(text)
    assert [(t.type, str(t), t.start_pos, t.end_pos, t.line, t.column) for t in ours] == [
        (t.type, str(t), t.start_pos, t.end_pos, t.line, t.column) for t in theirs
    ]


@cache
def lark() -> Lark:
    return Lark((ROOT / "grammars" / "arch.lark").read_text(encoding="utf-8"), parser="lalr", lexer="basic")
