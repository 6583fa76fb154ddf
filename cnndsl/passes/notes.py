"""What passes say about themselves: which layer went into which, and why another did not.

`cnndsl compile --explain` prints it at the lines of the `.arch` file; passes run silently unless someone listens.
"""

from __future__ import annotations

from cnndsl.records import dataclass, field


@dataclass(frozen=True, slots=True)
class Fused:
    """The nodes `gone` are now computed by the node `into`; `how` completes "it was ..."."""

    into: str
    gone: tuple[str, ...]
    how: str


@dataclass(frozen=True, slots=True)
class Declined:
    """A pass looked at `node` and left it; `reason` is a sentence for its author."""

    node: str
    reason: str


@dataclass(slots=True)
class Notes:
    """The notes of a run, in order."""

    fusions: list[Fused] = field(default_factory=list)
    refusals: list[Declined] = field(default_factory=list)

    def fused(self, into: str, *gone: str, how: str) -> None:
        self.fusions.append(Fused(into, gone, how))

    def declined(self, node: str, reason: str) -> None:
        self.refusals.append(Declined(node, reason))
