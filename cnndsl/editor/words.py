"""The classes of words for highlighting: what the lexer alone says, and finer what the names among them mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

from cnndsl.editor.symbols import Kind
from cnndsl.editor.view import View
from cnndsl.records import dataclass
from cnndsl.source import Source, Span
from cnndsl.syntax.tables import tables

Class: TypeAlias = Literal[
    "keyword", "constant", "name", "number", "string", "comment", "operator", "bracket", "unknown"
]
NUMBERS = frozenset({"NUMBER", "SIZE"})
CONSTANTS = frozenset({"TRUE", "FALSE"})
BRACKETS = frozenset({"LPAR", "RPAR", "LSQB", "RSQB", "LBRACE", "RBRACE"})

# In the terms of the language server protocol.
MEANINGS: Mapping[Kind, str] = {
    "network": "class",
    "block": "type",
    "parameter": "parameter",
    "value": "variable",
    "function": "function",
    "variable": "variable",
    "label": "property",
    "layer": "method",
    "structure": "macro",
    "argument": "parameter",
    "fact": "property",
}
_PLAIN = {"keyword": "keyword", "constant": "keyword", "number": "number", "string": "string", "comment": "comment"}
MEANT = tuple(dict.fromkeys([*_PLAIN.values(), "operator", "enumMember", *MEANINGS.values()]))


@dataclass(frozen=True)
class Word:
    """A word or sign, or a comment, and what it is."""

    span: Span
    kind: str


def classes(source: Source) -> Iterator[tuple[Span, Class]]:
    """Every word, sign and comment of a text in order, by the lexer that the parser reads with."""
    lexer = tables().lexer
    for match in lexer.pattern.finditer(source.text):
        group = match.lastgroup or ""
        kind = lexer.words.get(match[0], group)
        if kind == "COMMENT" or (kind not in lexer.ignored and kind != lexer.line_end):
            yield source.span(*match.span()), class_of(kind, match[0])


def class_of(kind: str, text: str) -> Class:
    """The class of a terminal of the grammar."""
    if kind == "COMMENT":
        return "comment"
    if kind == "NAME":
        return "name"
    if kind in NUMBERS:
        return "number"
    if kind == "STRING":
        return "string"
    if kind in CONSTANTS:
        return "constant"
    if kind in BRACKETS:
        return "bracket"
    if kind == "UNKNOWN":
        return "unknown"
    return "keyword" if re.fullmatch(r"\w+", text) else "operator"


def meant_words(view: View) -> list[Word]:
    """All words of a text with what they mean there: layers, blocks, parameters, labels, and choices such as `ceil`."""
    known = {each.span.start: each.symbol.kind for each in view.occurrences}
    found: list[Word] = []
    for span, kind in classes(view.source):
        if kind in _PLAIN:
            found.append(Word(span, _PLAIN[kind]))
        elif kind == "operator":  # also the `/` of a stride, which is a name to the language
            found.append(Word(span, "operator"))
        elif span.start in known:
            found.append(Word(span, MEANINGS[known[span.start]]))
        elif kind == "name":
            found.append(Word(span, "operator" if span.text == "x" else "enumMember"))
    return found
