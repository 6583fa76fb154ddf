"""How text from a file looks in a terminal: which cells each character takes, and what stands for an unprintable one.

Carets stand under the right character only if tabs, wide characters, accents and control characters are counted
as the terminal draws them; and a file must not be able to send escape sequences to the reader's terminal.
"""

from __future__ import annotations

from itertools import accumulate
from unicodedata import category, east_asian_width

from cnndsl.records import dataclass

TAB_STOP = 4
LINE_LIMIT = 160
_CONTEXT = 8  # cells of a long line shown beside what is underlined, at least
_CUT = "…"


def glyph(character: str) -> str:
    """What is printed for a character: itself, a control picture (`␛`), or its code point (`<U+202E>`)."""
    if character.isascii():
        code = ord(character)
        return character if 0x20 <= code < 0x7F else chr(0x2400 + code) if code < 0x20 else "␡"
    return character if character.isprintable() or category(character) == "Zs" else f"<U+{ord(character):04X}>"


def width(text: str) -> int:
    """Terminal cells that printable text takes: 2 for wide East Asian characters, 0 for combining marks."""
    return len(text) if text.isascii() else sum(map(_character_width, text))


def _character_width(character: str) -> int:
    if category(character) in ("Mn", "Me"):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def visible(text: str) -> str:
    """Text with every character in it printable, on one line."""
    return text if text.isascii() and text.isprintable() else "".join(map(glyph, text))


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """A source line as drawn: `glyphs[i]` stands for its character i, in the cells `edges[i]` to `edges[i + 1]`."""

    glyphs: tuple[str, ...]
    edges: tuple[int, ...]

    @property
    def width(self) -> int:
        return self.edges[-1]

    def cells(self, start: int, end: int) -> tuple[int, int]:
        """The cells of characters `start` to `end`, at least one; characters past the end of the line count as it."""
        last = len(self.glyphs)
        left = self.edges[min(start, last)]
        return left, max(self.edges[min(end, last)], left + 1)


def draw(line: str) -> DrawnLine:
    """Draw a line, tabs expanded to every fourth cell."""
    glyphs: list[str] = []
    at = 0
    for character in line:
        drawn = " " * (TAB_STOP - at % TAB_STOP) if character == "\t" else glyph(character)
        glyphs.append(drawn)
        at += width(drawn)
    return DrawnLine(tuple(glyphs), tuple(accumulate(map(width, glyphs), initial=0)))


@dataclass(frozen=True, slots=True)
class Window:
    """The cells `left` to `right` of a line, as much of it as is shown."""

    left: int
    right: int

    def clip(self, cells: tuple[int, int]) -> tuple[int, int]:
        """Where `cells` are within the window, at least one cell."""
        start = min(max(cells[0], self.left), self.right) - self.left
        return start, max(min(cells[1], self.right) - self.left, start + 1)


def fits(cells: tuple[int, int], line: DrawnLine) -> bool:
    """Whether a window can show all of `cells` and something around them."""
    return line.width <= LINE_LIMIT or cells[1] - cells[0] <= LINE_LIMIT - 2 * _CONTEXT


def window_around(cells: tuple[int, int], line: DrawnLine) -> Window:
    """The whole line if it is short enough, else the part with `cells` in its middle, or their start on its left."""
    if line.width <= LINE_LIMIT:
        return Window(0, LINE_LIMIT)
    margin = (LINE_LIMIT - (cells[1] - cells[0])) // 2 if fits(cells, line) else _CONTEXT
    left = max(min(cells[0] - margin, line.width - LINE_LIMIT), 0)
    return Window(left, left + LINE_LIMIT)


def crop(line: DrawnLine, window: Window) -> str:
    """What the window shows of the line, with `…` where it goes on."""
    left = window.left + (window.left > 0)
    right = window.right - (line.width > window.right)
    inside = [i for i in range(len(line.glyphs)) if left <= line.edges[i] and line.edges[i + 1] <= right]
    before = _CUT + " " * (line.edges[inside[0]] - left) if window.left else ""
    after = _CUT if line.width > window.right else ""
    return before + "".join(line.glyphs[i] for i in inside) + after
