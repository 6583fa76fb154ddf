"""What a name may stand for, and where it does: each thing that has a name is one `Symbol`, whichever file it is in."""

from __future__ import annotations

from typing import Literal, TypeAlias

from cnndsl.records import dataclass
from cnndsl.source import Span

Kind: TypeAlias = Literal[
    "network", "block", "parameter", "value", "function", "variable", "label", "layer", "structure", "argument", "fact"
]


@dataclass(frozen=True)
class Symbol:
    """What a name stands for; `place` is where the text binds it, None for a word of the language.

    of  the layer or structure whose argument it is
    """

    kind: Kind
    name: str
    place: Span | None = None
    of: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for the same thing, whichever reading of its file it comes from."""
        return (self.kind, self.name, self.of) if self.place is None else (file_of(self.place), self.place.start)


@dataclass(frozen=True)
class Occurrence:
    span: Span
    symbol: Symbol
    defines: bool = False


def file_of(span: Span) -> object:
    """Which file a place is in."""
    path = span.source.path
    return span.source.name if path is None else path.resolve()
