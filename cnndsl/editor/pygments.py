"""Our own lexer for Pygments, which finds it by an entry point, and so for Sphinx and `pygmentize`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pygments.lexer import Lexer
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, Punctuation, String, Whitespace

from cnndsl.editor.words import classes
from cnndsl.elaborate.structures import STRUCTURES
from cnndsl.ops.base import is_built_in
from cnndsl.source import Source

_TOKENS = {
    "keyword": Keyword,
    "constant": Keyword.Constant,
    "number": Number,
    "string": String,
    "comment": Comment.Single,
    "operator": Operator,
    "bracket": Punctuation,
    "unknown": Error,
}


class ArchLexer(Lexer):  # type: ignore[misc]  # Pygments has no types
    """Architectures of cnndsl."""

    name = "arch"
    aliases = ("arch", "cnndsl")
    filenames = ("*.arch",)

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, Any, str]]:
        done = 0
        for span, kind in classes(Source("", text)):
            if span.start > done:
                yield done, Whitespace, text[done : span.start]
            yield span.start, _name(span.text) if kind == "name" else _TOKENS[kind], span.text
            done = span.end
        if done < len(text):
            yield done, Whitespace, text[done:]


def _name(word: str) -> Any:
    return Name.Builtin if is_built_in(word) or word in STRUCTURES else Name
