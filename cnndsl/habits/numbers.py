"""Numbers of labels that are one too many or too few, as those of a language that counts from 1."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cnndsl.diagnostics.model import Diagnostic, Edit, Fix
from cnndsl.source import Span

_READ = re.compile(r"(\w+)\[([^\[\]]*)\]")
_WANTED = re.compile(r"`\w+\[(\d+)\]`")
_MOST = 4  # places where a label is given a number


def renumbered(finding: Diagnostic) -> Iterator[Fix]:
    """Where a numbered label is not there: another number where it is read, then this one where it is given."""
    read = _READ.fullmatch(finding.span.text) if finding.code == "E303" else None
    wanted = _WANTED.search(finding.message)
    if read is not None and wanted is not None:
        yield from _read_otherwise(finding.span, read)
        yield from _given_otherwise(finding.span, read[1], wanted[1])


def _read_otherwise(place: Span, read: re.Match[str]) -> Iterator[Fix]:
    """`c[i - 1]` for `c[i - 2]` or `c[i]`; of several numbers that are written out nobody knows which was meant."""
    if read[2].strip().isdigit():
        return
    numbers = [*re.finditer(r"\b\d+\b", read[2])]
    for number in numbers:
        for other in (int(number[0]) - 1, int(number[0]) + 1):
            if other >= 0:
                start = place.start + read.start(2)
                edit = Edit(place.source.span(start + number.start(), start + number.end()), str(other))
                text = read[2][: number.start()] + str(other) + read[2][number.end() :]
                yield Fix(f"write `{read[1]}[{text}]`", (edit,))
    if not numbers:
        end = place.start + read.end(2)
        for step in (" - 1", " + 1"):
            yield Fix(f"write `{read[1]}[{read[2]}{step}]`", (Edit(place.source.span(end, end), step),))


def _given_otherwise(place: Span, name: str, wanted: str) -> Iterator[Fix]:
    """`as c[0]` for `as c[1]`."""
    given = [*re.finditer(rf"\bas\s+{name}\[\s*(\d+)\s*\]", place.source.text)]
    for label in given[:_MOST]:
        number = place.source.span(*label.span(1))
        yield Fix(f"write `as {name}[{wanted}]` in line {number.line}", (Edit(number, wanted),))
