"""What one elaboration carries along: the report, the stack that leads to the current place, and the budget."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cnndsl.diagnostics import Diagnostic, Label, Report
from cnndsl.elaborate.values import Failed
from cnndsl.source import Span

MAX_NODES = 200_000
STEPS_PER_NODE = 8  # statements and layers that elaborating one layer may take, loops and calls around it included
MAX_CALLS = 64
NO_RECURSION = "write the repetition with `repeat` or `for`"


@dataclass(frozen=True, slots=True)
class Entry:
    """One step of the way to the current place: a block call, a loop round, a stage."""

    text: str
    span: Span | None = None  # of a block call, to say its line


@dataclass
class Context:
    """Shared by everything that elaborates one network."""

    report: Report
    network: str = ""
    max_nodes: int = MAX_NODES
    steps: int = 0
    stack: list[Entry] = field(default_factory=list)

    @contextmanager
    def inside(self, text: str, span: Span | None = None) -> Iterator[None]:
        self.stack.append(Entry(text, span))
        try:
            yield
        finally:
            self.stack.pop()

    def step(self, span: Span, count: int = 1) -> None:
        """Account for `count` statements or nodes; raises `TooLarge` above the limit."""
        self.steps += count
        if self.steps > STEPS_PER_NODE * self.max_nodes:
            raise TooLarge(
                self.fail(
                    "E501",
                    f"the network grows beyond {self.max_nodes:,} layers",
                    span,
                    help="raise the limit with `--max-nodes` if it is meant to be this large",
                )
            )

    def fail(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        label: str = "",
        labels: tuple[Label, ...] = (),
        help: str | None = None,
    ) -> Failed:
        """Report a finding at the current place; `raise` what it returns to abandon the statement."""
        self.report.add(Diagnostic(code, message, span, label, labels, self.notes(), help))
        return Failed(message)

    def notes(self) -> tuple[str, ...]:
        """How the current place was reached, innermost first, in one line."""
        if not self.stack:
            return ()
        parts = [
            f"{entry.text} (line {entry.span.line})" if entry.span is not None else entry.text
            for entry in reversed(self.stack)
        ]
        shown = parts if len(parts) <= 8 else [*parts[:6], f"{len(parts) - 7} more", parts[-1]]
        the = "the " if shown[0][0].isdigit() else ""
        return (f"in {the}{', '.join(shown)} of network {self.network}",)


class TooLarge(Exception):
    """The network is over its limit: the elaboration ends here."""


def ordinal(n: int) -> str:
    """1st, 2nd, 3rd, 4th, ..."""
    suffix = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{suffix}"
