"""Formats files: finds them, says what would change, and writes them; one that cannot be read stays as it is."""

from __future__ import annotations

import os
import re
from difflib import unified_diff
from pathlib import Path

from cnndsl.diagnostics import Report
from cnndsl.errors import SourceError
from cnndsl.files import rewriter, write_together
from cnndsl.records import dataclass
from cnndsl.source import Source, decode_source
from cnndsl.syntax import parse
from cnndsl.syntax.format import format_source

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True)
class Formatted:
    """A file, its text in canonical form, and its syntax errors; with any, the text is as it was."""

    source: Source
    text: str
    report: Report

    @property
    def changed(self) -> bool:
        return self.text != self.source.text

    def diff(self) -> str:
        """What changed, as `diff -u` shows it."""
        before, after = (_LINE.findall(text) for text in (self.source.text, self.text))
        lines = unified_diff(before, after, self.source.name, self.source.name)
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)

    def write(self) -> None:
        """Put the text in place of the file's. Raises `OutputError`."""
        assert self.source.path is not None
        path = self.source.path.resolve()
        write_together(path.parent, {path.name: rewriter(path, self.source.name, self.source.text, self.text)})


def formatted(source: Source) -> Formatted:
    """A file in canonical form. Raises `SourceError` if that would be too large to be read again."""
    text, report = format_source(source)
    if text != source.text:
        _, mistakes = parse(decode_source(text.encode("utf-8"), f"{source.name} in canonical form"))
        assert not mistakes, f"the canonical form of {source.name} has syntax errors"
    return Formatted(source, text, report)


def arch_files(path: Path) -> list[Path]:
    """The file; of a folder all `.arch` files in it and in those inside it, but hidden ones. Raises `SourceError`."""
    if not path.is_dir():
        return [path]
    found: list[Path] = []
    for folder, folders, files in os.walk(path, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(folder, name) for name in sorted(files) if name.endswith(".arch") and not name.startswith(".")]
    if not found:
        raise SourceError(f"there is no .arch file in {path}")
    return found


def _refuse(error: OSError) -> None:
    raise SourceError(f"cannot read {error.filename}: {(error.strerror or type(error).__name__).lower()}") from error
