"""What is known around a foreign line, and what an element of a chain becomes."""

from __future__ import annotations

from collections.abc import Collection

from cnndsl.records import dataclass

FLOW = {"x", "y", "h", "net", "out", "output", "input", "inputs", "img", "image", "feat", "features", "data", "self"}


@dataclass
class Scope:
    """What the file names around the line.

    labels   that layers carry in it
    blocks   its own and the imported ones
    rebound  names that are assigned more than once, and so stand for what flows rather than for one tensor
    """

    labels: Collection[str] = ()
    blocks: Collection[str] = ()
    rebound: Collection[str] = ()


@dataclass
class Written:
    """One element of a chain in our words, and the label that follows it.

    separate  whether a new line begins behind it
    sure      whether nothing was guessed
    remarks   what its author should know: which argument is called what here
    """

    text: str
    label: str | None = None
    separate: bool = False
    sure: bool = True
    remarks: tuple[str, ...] = ()

    @property
    def ends_line(self) -> bool:
        return self.separate or self.label is not None
