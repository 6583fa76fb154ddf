"""Fenced blocks of pages: the tests run them, and the site shows what their commands draw."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

FENCE = re.compile(r"^```(?P<word>[\w-]*)(?P<rest>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (\w+\.(?:arch|py))\n")


@dataclass(frozen=True)
class Block:
    """One fenced block, and the `text` block right after it, if there is one."""

    page: Path
    line: int
    word: str
    rest: str
    body: str
    printed: str | None = None

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    found = [*FENCE.finditer(text)]
    for match, after in zip_longest(found, found[1:]):
        follows = after and after["word"] == "text" and not text[match.end() : after.start()].strip()
        line = text.count("\n", 0, match.start()) + 1
        printed = after["body"] if after and follows else None
        yield Block(page, line, match["word"], match["rest"].strip(), match["body"], printed)


def save_named(page: Iterable[Block], folder: Path) -> None:
    """Write the files of a page's examples that have a name."""
    for block in page:
        if block.word in ("arch", "python") and (name := NAMED.match(block.body)):
            (folder / name[1]).write_text(block.body, encoding="utf-8")
