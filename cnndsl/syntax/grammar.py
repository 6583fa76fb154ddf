"""Lark's side of the parser: lexer and LALR tables from `grammars/arch.lark`, and the builder they call.

Tables are kept in a cache directory between runs, because making them takes longer than a check.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from lark import Lark, Token
from lark.parsers.lalr_interactive_parser import InteractiveParser

from cnndsl.cache import cache_directory
from cnndsl.shipped import shipped
from cnndsl.source import Source
from cnndsl.syntax.builder import TreeBuilder

_builder = TreeBuilder()
_lock = threading.Lock()  # Lark keeps one builder per grammar, and the builder knows the file it works on


@cache
def _lark() -> Lark:
    text = (shipped("grammars") / "arch.lark").read_text(encoding="utf-8")
    directory = cache_directory()
    return Lark(
        text,
        parser="lalr",
        lexer="basic",
        maybe_placeholders=True,
        transformer=_builder,
        cache=str(directory / "arch.lark.tables") if directory else False,
    )


def lex(source: Source) -> list[Token]:
    """The tokens of a file, line ends and unknown characters among them, comments and blanks not."""
    return list(_lark().lex(source.text))


@contextmanager
def machine_for(source: Source) -> Iterator[InteractiveParser]:
    """A parser to feed tokens to, which builds the tree of `source`."""
    with _lock:
        _builder.source = source
        yield _lark().parse_interactive("")
