"""What pages are written with: Markdown in which a text means itself, and tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def plain(text: str) -> str:
    """A text whose signs Markdown leaves alone, all but `code`."""
    parts = re.split(r"(`[^`\n]+`)", text)
    return "".join(part if index % 2 else re.sub(r"([\\`*_|<\[$~])", r"\\\1", part) for index, part in enumerate(parts))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """A table, whose first columns are `words` and whose others are numbers."""
    rule = [":--" if column < words else "--:" for column in range(len(heads))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, rule, *rows))


def page(*parts: str, listed: bool = False) -> str:
    """A whole page. What is not `listed` beside the text is reached by links alone."""
    return "\n\n".join([*(() if listed else ("---\norphan: true\n---",)), *filter(None, parts)]) + "\n"
