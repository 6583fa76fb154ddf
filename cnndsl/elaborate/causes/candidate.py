"""A repair that is still to be tried on the whole file."""

from __future__ import annotations

from cnndsl.diagnostics import Fix
from cnndsl.elaborate.given_inputs import GivenInputs
from cnndsl.records import dataclass
from cnndsl.source import Span


@dataclass(frozen=True, slots=True)
class Candidate:
    """A change of the text, how odd it would be, and what it says of the cause.

    cost    the least is the most natural; what differs by less than a step of ten is equally so
    place   what is to blame if this is the repair, and `words` what happened there
    input   the inputs' shapes instead of edits, where a caller gave them
    moves   whether the finding is to stand at that place, or only to mention it
    family  of those that differ in a number alone, one is enough
    alone   whether it is one only if nothing else is wrong then
    """

    fix: Fix
    cost: int
    place: Span
    words: str
    input: GivenInputs | None = None
    moves: bool = True
    family: str = ""
    alone: bool = False
