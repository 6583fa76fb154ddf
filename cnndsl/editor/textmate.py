"""The grammar for highlighters that know TextMate's format (VS Code, GitHub, Sublime Text), made from our own lexer.

Flat patterns are enough: no text of the language means another thing in another place. They are written to
`grammars/arch.tmLanguage.json` by `pytest --renew tests/test_highlighting.py`.
"""

from __future__ import annotations

import json
import re

from cnndsl.editor.words import class_of
from cnndsl.elaborate.structures import STRUCTURES
from cnndsl.ops.base import built_in_layers
from cnndsl.syntax.tables import tables

NAME = "[A-Za-z_][A-Za-z0-9_]*"
_COMPARISONS = ["==", "!=", "<=", ">=", "<", ">", "~"]
_AFTER_NUMBER = "(?![A-Za-z0-9_])"
_BEGIN, _END = "(?<![A-Za-z0-9_])", "(?![A-Za-z0-9_])"  # of a word; \b would count letters of other scripts


def grammar() -> dict[str, object]:
    """Patterns in the order in which they are tried."""
    words = tables().lexer.words
    classes = {word: class_of(kind, word) for word, kind in words.items()}
    keywords, constants, signs, brackets = (
        [word for word in words if classes[word] == kind] for kind in ("keyword", "constant", "operator", "bracket")
    )
    definitions = {"1": {"name": "keyword.other.arch"}, "2": {"name": "entity.name.type.arch"}}
    patterns: list[dict[str, object]] = [
        {"match": "#.*", "name": "comment.line.number-sign.arch"},
        {"match": r'"(?:[^"\\]|\\["\\nt])*"', "name": "string.quoted.double.arch"},
        {
            "match": rf"{_BEGIN}(block|network){_END}\s+((?!{_any(keywords + constants)}){NAME})",
            "captures": definitions,
        },
        {"match": _any(keywords), "name": "keyword.control.arch"},
        {"match": _any(constants), "name": "constant.language.arch"},
        {"match": _any([*built_in_layers()]), "name": "support.function.layer.arch"},
        {"match": _any([*STRUCTURES]), "name": "support.class.structure.arch"},
        {"match": NAME, "name": "variable.other.arch"},
        {"match": f"[0-9]+(?:x[0-9]+)+{_AFTER_NUMBER}", "name": "constant.numeric.size.arch"},
        {
            "match": rf"[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[KMG]?{_AFTER_NUMBER}",
            "name": "constant.numeric.arch",
        },
        {"match": _either([*signs, *_COMPARISONS]), "name": "keyword.operator.arch"},
        {"match": _either(brackets), "name": "punctuation.bracket.arch"},
    ]
    return {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "arch",
        "scopeName": "source.arch",
        "fileTypes": ["arch"],
        "patterns": patterns,
    }


def _any(words: list[str]) -> str:
    return f"{_BEGIN}(?:{'|'.join(sorted(words))}){_END}"


def _either(signs: list[str]) -> str:
    return "|".join(map(re.escape, sorted(signs, key=lambda sign: (-len(sign), sign))))


def text() -> str:
    """The grammar as its file has it."""
    return json.dumps(grammar(), indent=2, ensure_ascii=False) + "\n"
