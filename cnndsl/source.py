"""Where text came from: a `Source` is one file, a `Span` a stretch of it.

Everything that can be wrong in an `.arch` file carries a span, from the first token to the last graph node.
"""

from __future__ import annotations

from bisect import bisect_right
from pathlib import Path

from cnndsl.errors import SourceError
from cnndsl.records import dataclass, field

MAX_BYTES = 8 * 1024 * 1024
MAX_LINE = 10_000


@dataclass(frozen=True, eq=False)
class Source:
    """The text of one `.arch` file and the name it is shown under (a path, or `<stdin>`)."""

    name: str
    text: str
    path: Path | None = None
    _line_starts: list[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        starts = [0]
        at = self.text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.text.find("\n", at + 1)
        object.__setattr__(self, "_line_starts", starts)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a character offset, both counted from 1."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of line `number` (from 1), without its line end."""
        start = self._line_starts[number - 1]
        end = self._line_starts[number] - 1 if number < len(self._line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r")

    def start_of(self, number: int) -> int:
        """The offset of the first character of line `number` (from 1)."""
        return self._line_starts[number - 1]

    @property
    def line_count(self) -> int:
        return len(self._line_starts)

    def span(self, start: int, end: int) -> Span:
        return Span(self, start, end)


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (exclusive) of `source`."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def lines(self) -> range:
        """The numbers of all lines that it touches."""
        return range(self.line, self.source.position(max(self.start, self.end - 1))[0] + 1)

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def length(self) -> int:
        return self.end - self.start

    def holds(self, other: Span) -> bool:
        """Whether all of `other` lies in it."""
        return self.source is other.source and self.start <= other.start and other.end <= self.end

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of `other`."""
        return Span(self.source, self.start, max(self.end, other.end))

    def __str__(self) -> str:
        line, column = self.source.position(self.start)
        return f"{self.source.name}:{line}:{column}"


def read_source(path: Path) -> Source:
    """Read an `.arch` file; `SourceError` says in one line why it cannot be read."""
    try:
        if path.is_dir():
            raise SourceError(f"{path} is a directory, not an .arch file")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise SourceError(f"cannot read {path}: {reason}") from error
    except ValueError as error:  # a NUL byte in the path
        raise SourceError(f"cannot read {str(path)!r}: {error}") from error
    return decode_source(raw, str(path), path)


def decode_source(raw: bytes, name: str, path: Path | None = None) -> Source:
    """Turn bytes into a `Source`, refusing what is too large to be an `.arch` file or is not UTF-8."""
    if len(raw) > MAX_BYTES:
        raise SourceError(f"{name} is larger than {MAX_BYTES // 2**20} MiB, the most an .arch file may be")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{name} is not UTF-8 text: byte {error.start} is 0x{raw[error.start]:02x}") from error
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > MAX_LINE:
            raise SourceError(f"{name}:{number} is a line of {len(line):,} characters, more than {MAX_LINE:,}")
    return Source(name, text, path)
