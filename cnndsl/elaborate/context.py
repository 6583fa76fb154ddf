"""What one elaboration carries along: the report, the stack that leads to the current place, and the budget."""

from __future__ import annotations

from collections.abc import Mapping

from cnndsl.diagnostics import Diagnostic, Fix, Label, Report
from cnndsl.diagnostics.wording import way
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.causes.search import Search
from cnndsl.elaborate.values import Block, Failed, brief
from cnndsl.records import dataclass, field
from cnndsl.source import Source, Span

MAX_NODES = 40_000
NODES_PER_NETWORK = 20  # as many take as long as a network beside its layers
STEPS_PER_NODE = 4  # statements and rounds that elaborating one layer may take, those around it included
MAX_CALLS = 64
MAX_DEPTH = 96  # braces and calls within each other; each takes about six of Python's thousand frames
NO_RECURSION = "write the repetition with `repeat` or `for`"


@dataclass(slots=True)
class Entry:
    """One step of the way to the current place: a block call, a loop round, a stage.

    `text` is anything with a `str`, which is asked for only if there is something to report. `span` is that of a
    block call, to say its line. As a context manager, it is on the stack inside.
    """

    stack: list[Entry]
    text: object
    span: Span | None = None

    def __enter__(self) -> None:
        self.stack.append(self)

    def __exit__(self, *_: object) -> None:
        self.stack.pop()


@dataclass(frozen=True, slots=True)
class Round:
    """A round of a loop, in words: `2nd of 3 rounds (i = 1)`, or `2nd of 3 tensors`."""

    number: int
    count: int
    names: Mapping[str, object] = field(default_factory=dict)
    of: str = "rounds"

    def __str__(self) -> str:
        values = ", ".join(f"{name} = {brief(value)}" for name, value in self.names.items())
        return f"{ordinal(self.number)} of {self.count} {self.of}" + (f" ({values})" if values else "")


@dataclass(slots=True)
class Budget:
    """What is left for the networks of a file together: layers and calls of blocks, and steps on the way to them."""

    nodes: int = MAX_NODES
    steps: int = STEPS_PER_NODE * MAX_NODES

    @classmethod
    def of(cls, max_nodes: int) -> Budget:
        """That of a file in which a network may have so many."""
        return cls(max(max_nodes, MAX_NODES), STEPS_PER_NODE * max(max_nodes, MAX_NODES))

    def spend(self, nodes: int, steps: int) -> None:
        self.nodes -= nodes
        self.steps -= steps

    @property
    def spent(self) -> bool:
        """Whether it is too little for another network."""
        return min(self.nodes, self.steps) < NODES_PER_NETWORK


@dataclass
class Context:
    """Shared by everything that elaborates one network.

    source     the file of the network, whose lines are told without its name
    statement  of the network itself that is being run
    active     the blocks whose text is being run, outermost first, by the ids of their bodies
    calls      how deep calls of blocks are nested
    search     for repairs, with what it has found; None if nobody asks for any
    """

    report: Report
    network: str = ""
    source: Source | None = None
    statement: Span | None = None
    max_nodes: int = MAX_NODES
    budget: Budget = field(default_factory=Budget)
    nodes: int = 0
    steps: int = 0
    stack: list[Entry] = field(default_factory=list)
    active: dict[int, Block] = field(default_factory=dict)
    calls: int = 0
    search: Search | None = None

    def inside(self, text: object, span: Span | None = None) -> Entry:
        """For a `with`: what is found inside is told to be in `text`."""
        return Entry(self.stack, text, span)

    def step(self, span: Span, count: int = 1) -> None:
        """Account for `count` statements; raises `TooLarge` above the limits."""
        steps = self.steps + count
        if steps > STEPS_PER_NODE * self.max_nodes:
            raise self._too_large(f"the network takes more than {STEPS_PER_NODE * self.max_nodes:,} steps", span)
        if steps > self.budget.steps:
            raise self._too_large("the networks of this file together take too many steps", span)
        self.steps = steps

    def node(self, span: Span, count: int = 1) -> None:
        """Account for `count` layers, or calls of blocks; raises `TooLarge` above the limits."""
        nodes = self.nodes + count
        if nodes > self.max_nodes:
            raise self._too_large(f"the network grows beyond {self.max_nodes:,} layers and blocks", span)
        if nodes > self.budget.nodes:
            raise self._too_large("the networks of this file together have too many layers and blocks", span)
        self.nodes = nodes

    def _too_large(self, message: str, span: Span) -> TooLarge:
        """E501 at the statement of the network that leads to so much; where the limit is reached says little."""
        place = self.statement or span
        labels = (Label(span, "the limit is reached here"),) if place != span else ()
        help = "raise the limit with `--max-nodes` if it is meant to be this large"
        return TooLarge(self.fail("E501", message, place, labels=labels, help=help))

    def fail(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        label: str = "",
        labels: tuple[Label, ...] = (),
        help: str | None = None,
        fixes: tuple[Fix, ...] = (),
        candidates: tuple[Candidate, ...] = (),
    ) -> Failed:
        """Report a finding at the current place; `raise` what it returns to abandon the statement."""
        if candidates and self.search is not None:
            self.search.found[code, span] = (self.network, candidates)
        self.report.add(Diagnostic(code, message, span, label, labels, self.notes(), help, fixes=fixes))
        return Failed(message)

    def notes(self) -> tuple[str, ...]:
        """How the current place was reached."""
        return way([(entry.text, entry.span) for entry in reversed(self.stack)], self.network, self.source)

    @property
    def call(self) -> Span | None:
        """The innermost block call that leads here."""
        return next((entry.span for entry in reversed(self.stack) if entry.span is not None), None)


class TooLarge(Exception):
    """The network is over its limit: the elaboration ends here."""


def ordinal(n: int) -> str:
    """1st, 2nd, 3rd, 4th, ..."""
    suffix = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{suffix}"
