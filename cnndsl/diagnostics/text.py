"""Findings for people, in rustc's form: the place, its lines with carets under them, how it came to that, a repair.

Places in one file are shown together in line order; each other file gets a `-->` section of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, pairwise

from cnndsl.diagnostics.display import DrawnLine, crop, draw, fits, visible, window_around
from cnndsl.diagnostics.model import Diagnostic, Report
from cnndsl.diagnostics.style import PLAIN, Style
from cnndsl.diagnostics.wording import left_out
from cnndsl.records import dataclass
from cnndsl.source import Span


def render_text(report: Report, style: Style = PLAIN) -> str:
    """The findings with a blank line between two, no line end at the end; "" if there are none."""
    parts = [*(render_finding(finding, style) for finding in report.shown), left_out(report)]
    return "\n\n".join(filter(None, parts))


def render_finding(finding: Diagnostic, style: Style = PLAIN) -> str:
    """One finding, over several lines, no line end at the end."""
    marks = _marks(finding, style)
    margin = _Margin(max(len(str(mark.span.line)) for mark in marks), style)
    lines = [_title(finding, style)]
    for source in dict.fromkeys(mark.span.source for mark in marks):
        lines += _section([mark for mark in marks if mark.span.source is source], margin)
    lines += _remarks(finding, margin)
    return "\n".join(line.rstrip() for line in lines)


@dataclass(frozen=True, slots=True)
class _Mark:
    """A span to underline, and the words beside the line under it."""

    span: Span
    text: str
    stroke: str
    color: str

    def cells(self, line: DrawnLine) -> tuple[int, int]:
        """What to underline: of a span over several lines, what it holds of the first."""
        start = self.span.column - 1
        text = self.span.text.split("\n", 1)[0]
        return line.cells(start, start + len(text.rstrip()))


def _marks(finding: Diagnostic, style: Style) -> list[_Mark]:
    """The places of a finding, the one that caused it first."""
    cause = _Mark(finding.span, finding.label, "^", style.severity(finding.severity))
    return [cause, *(_Mark(label.span, label.text, "-", style.related) for label in finding.labels)]


@dataclass(frozen=True, slots=True)
class _Margin:
    """What stands left of the source: `digits` cells for line numbers, and a bar."""

    digits: int
    style: Style

    def _paint(self, sign: str) -> str:
        return self.style.paint(self.style.margin, sign)

    def arrow(self, span: Span) -> str:
        return f"{self._paint(' ' * self.digits + '-->')} {visible(str(span))}"

    def line(self, number: int, text: str) -> str:
        return f"{self._paint(f'{number:>{self.digits}} |')} {text}"

    def under(self, text: str = "") -> str:
        return f"{self._paint(' ' * self.digits + ' |')} {text}"

    def gap(self) -> str:
        return self._paint(" " * self.digits + " ::")

    def remark(self, text: str) -> str:
        return f"{self._paint(' ' * self.digits + ' =')} {text}"

    def continued(self, text: str) -> str:
        return " " * (self.digits + 3) + text


def _title(finding: Diagnostic, style: Style) -> str:
    kind = style.paint(style.severity(finding.severity), f"{finding.severity}[{finding.code}]")
    return kind + style.paint(style.message, f": {visible(finding.message)}")


def _section(marks: list[_Mark], margin: _Margin) -> list[str]:
    """The lines of one file that have marks, in their order; `::` stands for lines left out between two."""
    lines = [margin.arrow(marks[0].span), margin.under()]
    by_line = [
        (number, list(group)) for number, group in groupby(sorted(marks, key=_place), key=lambda mark: mark.span.line)
    ]
    for previous, (number, group) in pairwise([(by_line[0][0] - 1, []), *by_line]):
        if number > previous[0] + 1:
            lines.append(margin.gap())
        lines += _marked_line(number, group, margin)
    return lines


def _place(mark: _Mark) -> tuple[int, int]:
    return mark.span.start, mark.span.end


def _marked_line(number: int, marks: list[_Mark], margin: _Margin) -> Iterator[str]:
    """A source line and its underlined marks; shown once per mark where a long line cannot show all of them at once."""
    line = draw(marks[0].span.source.line(number))
    cells = [mark.cells(line) for mark in marks]
    extent = (min(start for start, _ in cells), max(end for _, end in cells))
    if fits(extent, line):
        yield from _excerpt(number, line, extent, marks, margin)
    else:
        for mark, place in zip(marks, cells, strict=True):
            yield from _excerpt(number, line, place, [mark], margin)


def _excerpt(
    number: int, line: DrawnLine, extent: tuple[int, int], marks: list[_Mark], margin: _Margin
) -> Iterator[str]:
    window = window_around(extent, line)
    yield margin.line(number, crop(line, window))
    for mark in marks:
        start, end = window.clip(mark.cells(line))
        words = f"{mark.stroke * (end - start)} {visible(mark.text)}".rstrip()
        yield margin.under(" " * start + margin.style.paint(mark.color, words))


def _remarks(finding: Diagnostic, margin: _Margin) -> Iterator[str]:
    """How it came to that, and the repair; lines after the first of a remark stand under its text."""
    style = margin.style
    for note in finding.notes:
        first, *rest = note.split("\n")
        yield margin.remark(visible(first))
        yield from (margin.continued(visible(line)) for line in rest)
    for remedy in finding.remedies:
        first, *rest = remedy.split("\n")
        yield margin.remark(f"{style.paint(style.help, 'help:')} {visible(first)}")
        yield from (margin.continued(" " * len("help: ") + visible(line)) for line in rest)
