"""How far repairs of a file are looked for: one budget for all of its networks."""

from __future__ import annotations

from typing import TypeAlias

from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.records import dataclass, field
from cnndsl.source import Span

Key: TypeAlias = tuple[str, Span]  # a finding's code and place

MOST_FINDINGS = 8
MOST_WORK = 200_000  # layers whose shapes are worked out again


@dataclass
class Search:
    """What has been found for which finding, with the network it was found in, and what may still be done.

    behind  for each finding the blocks in whose calls the layers behind it stand, by their names where they are defined
    """

    found: dict[Key, tuple[str, tuple[Candidate, ...]]] = field(default_factory=dict)
    behind: dict[Key, tuple[Span, ...]] = field(default_factory=dict)
    left: int = MOST_WORK

    def is_wanted(self, code: str, span: Span) -> bool:
        """Whether to look for repairs of a finding: it is new, and there are few."""
        return self.left > 0 and (code, span) not in self.found and len(self.found) < MOST_FINDINGS
