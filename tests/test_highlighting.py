"""Highlighters see the words that the parser's own lexer sees: TextMate's grammar, Pygments, and what editors ask."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, Punctuation, String, Whitespace
from zoo import FILES

import cnndsl
from cnndsl.editor import textmate
from cnndsl.editor.pygments import ArchLexer
from cnndsl.editor.words import Class, classes
from cnndsl.source import Source

GRAMMAR = Path(cnndsl.__file__).parent.parent / "grammars" / "arch.tmLanguage.json"
SCOPES: dict[str, Class] = {
    "comment": "comment",
    "string": "string",
    "keyword.operator": "operator",
    "keyword": "keyword",
    "constant.language": "constant",
    "constant.numeric": "number",
    "punctuation": "bracket",
    "entity": "name",
    "support": "name",
    "variable": "name",
}
TOKENS = {
    Comment: "comment",
    String: "string",
    Operator: "operator",
    Keyword.Constant: "constant",
    Keyword: "keyword",
    Number: "number",
    Punctuation: "bracket",
    Name: "name",
    Error: "unknown",
}
SNIPPETS = (
    "network",
    "a",
    "x",
    "3x3",
    "1e3K",
    "->",
    "|",
    '"a\\n"',
    "#",
    " ",
    "\n",
    "true",
    "~",
    "==",
    "//",
    "é",
    "$",
    '"',
    "2.",
    "in",
    "{",
)


def by_lexer(text: str) -> list[tuple[int, str, Class]]:
    """Words, signs and comments with their places; letters that mean nothing are left out."""
    return [(span.start, span.text, kind) for span, kind in classes(Source("", text)) if kind != "unknown"]


def by_textmate(text: str) -> Iterator[tuple[int, str, Class]]:
    """As a TextMate engine reads it: line by line, always the pattern that matches first, of two the one before."""
    patterns = [(re.compile(each["match"]), each) for each in json.loads(GRAMMAR.read_text("utf-8"))["patterns"]]
    start = 0
    for line in text.split("\n"):
        at = 0
        while found := [
            (match.start(), number, match)
            for number, (pattern, _) in enumerate(patterns)
            if (match := pattern.search(line, at))
        ]:
            _, number, match = min(found, key=lambda each: each[:2])
            rule = patterns[number][1]
            scopes = (
                {0: rule["name"]} if "name" in rule else {int(n): each["name"] for n, each in rule["captures"].items()}
            )
            for group, scope in scopes.items():
                yield (
                    start + match.start(group),
                    match[group],
                    next(SCOPES[each] for each in SCOPES if scope.startswith(each)),
                )
            at = match.end()
        start += len(line) + 1


def by_pygments(text: str) -> Iterator[tuple[int, str, str]]:
    for at, token, word in ArchLexer().get_tokens_unprocessed(text):
        if token is not Whitespace and token is not Error:
            yield at, word, next(TOKENS[each] for each in TOKENS if token in each)


@pytest.mark.parametrize(
    "path", [*FILES, *sorted((FILES[0].parent / "std").glob("*.arch"))], ids=lambda path: path.stem
)
def test_highlighters_agree_with_the_lexer_over_the_zoo(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    expected = by_lexer(text)
    assert [*by_textmate(text)] == expected
    assert [*by_pygments(text)] == expected


@given(st.lists(st.sampled_from(SNIPPETS)).map("".join))
def test_highlighters_agree_with_the_lexer_on_anything(text: str) -> None:
    expected = by_lexer(text)
    assert [*by_textmate(text)] == expected
    assert [*by_pygments(text)] == expected
    assert "".join(word for _, _, word in ArchLexer().get_tokens_unprocessed(text)) == text


def test_the_grammar_file_is_fresh(renew: bool) -> None:
    if renew:
        GRAMMAR.write_text(textmate.text(), encoding="utf-8")
    assert GRAMMAR.read_text(encoding="utf-8") == textmate.text()


def test_pygments_finds_the_lexer_by_its_entry_point(tmp_path: Path) -> None:
    folder = tmp_path / "cnndsl_highlighting-1.dist-info"
    folder.mkdir()
    declared = "[pygments.lexers]\narch = cnndsl.editor.pygments:ArchLexer\n"
    (folder / "entry_points.txt").write_text(declared, encoding="utf-8")
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: cnndsl-highlighting\nVersion: 1\n", encoding="utf-8")
    program = "from pygments.lexers import get_lexer_by_name; print(type(get_lexer_by_name('arch')).__module__)"
    root = str(GRAMMAR.parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONPATH": f"{tmp_path}:{root}"}
    )
    assert done.stdout == "cnndsl.editor.pygments\n", done.stderr
    assert get_lexer_by_name is not None
