"""What there is to say about one diagnostic code, at length."""

from __future__ import annotations

from textwrap import dedent

from cnndsl.records import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A code, its title in a few words, why it is wrong and how to mend it, and a whole file before and after.

    `bad` gives exactly this code; `good` gives no findings at all. Where it takes another input shape than that of
    the file, as with `--input`, `input` says it. The texts may be indented with the code
    around them: the common indent and blank lines at both ends go.
    """

    code: str
    title: str
    explanation: str
    bad: str
    good: str
    input: tuple[int, ...] | None = None

    @property
    def advice(self) -> frozenset[str]:
        """The codes to ask for: its own, if it is found only where it is asked for."""
        return frozenset({self.code} if self.code.startswith("W7") else ())

    def __post_init__(self) -> None:
        object.__setattr__(self, "explanation", dedent(self.explanation).strip())
        object.__setattr__(self, "bad", dedent(self.bad).strip() + "\n")
        object.__setattr__(self, "good", dedent(self.good).strip() + "\n")
