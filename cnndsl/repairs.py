"""Tries repairs on the whole network: what is offered takes its finding away, and what follows from it, and adds none.

A candidate fits where tensors met; only the rest of the network, its claims and its counts, can say whether it is what
the author meant. So its edits are made and the text is checked again, within a budget that no machine's speed decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from cnndsl.diagnostics import Diagnostic, Label, Report
from cnndsl.diagnostics.edits import edited
from cnndsl.diagnostics.trial import holds
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.causes.search import Key
from cnndsl.elaborate.given_inputs import GivenInputs
from cnndsl.records import dataclass, replace
from cnndsl.source import Source

MOST_TRIES = 60  # for one finding
MOST_WORK = 12_000  # layers and lines looked at again, for all findings of a file
OFFERED = 2
STEP = 10  # of costs: what costs less than that more than the best is about as natural

# The findings of a text, and how much was looked at for them: in one network, or all; for other inputs, if given.
Check = Callable[[Mapping[Source, Source], str | None, GivenInputs | None], tuple[Report, int]]


@dataclass
class Repairs:
    """The candidates for a file's findings, each with the network it was found in, and how a text is checked.

    size  how much one check looks at, about
    """

    candidates: Mapping[Key, tuple[str, tuple[Candidate, ...]]]
    check: Check
    size: int = 0
    work: int = 0

    def settle(self, report: Report) -> Report:
        """The findings with the repairs that work, each at what its best repair says is the cause."""
        if not self.candidates:
            return report
        following: set[Key] = set()
        repaired = {_key(each): self._repaired(each, report, following) for each in report}
        return report.mapped(lambda each: None if _key(each) in following else repaired[_key(each)])

    def _repaired(self, finding: Diagnostic, report: Report, following: set[Key]) -> Diagnostic:
        """The finding with its repairs; errors that go with it when it is repaired follow from it."""
        if _key(finding) in following or finding.fixes:  # such as that its line is another language's
            return finding
        network, candidates = self.candidates.get(_key(finding), ("", ()))
        working = [*self._working(finding, network, candidates, report)]
        alike = [each for each in working if each.cost == working[0].cost]
        if not working or len(alike) > OFFERED:
            return finding
        gone = self._gone_with(working[0], finding, report)
        following |= gone
        others = [each for each in working[1:OFFERED] if not gone or gone <= self._gone_with(each, finding, report)]
        return _with_cause(finding, [working[0], *others])

    def _gone_with(self, repair: Candidate, finding: Diagnostic, report: Report) -> set[Key]:
        """The other errors about shapes that a repair takes away."""
        others = [each for each in report.errors if each != finding and each.code.startswith("E2")]
        if not others or not repair.fix.edits:
            return set()
        after = edited([repair.fix])
        found, work = self.check(after.sources, None, repair.input)
        self.work += work
        left = {(each.code, each.span.source.name, each.span.start) for each in found.errors}
        places = {_key(each): after.moved(each.span) for each in others}
        return {key for key, place in places.items() if (key[0], place.source.name, place.start) not in left}

    def _working(
        self, finding: Diagnostic, network: str, candidates: Sequence[Candidate], report: Report
    ) -> Iterator[Candidate]:
        """The candidates that work, the most natural first, as long as they are about as natural as the first."""
        first: Candidate | None = None
        families: set[str] = set()
        for candidate in candidates[:MOST_TRIES]:
            if self.work + 2 * self.size > MOST_WORK or (first is not None and candidate.cost > first.cost + STEP):
                return
            if candidate.family in families or not self._works(candidate, finding, network, report):
                continue
            first = first or candidate
            families |= {candidate.family} - {""}
            yield candidate

    def _works(self, candidate: Candidate, finding: Diagnostic, network: str, report: Report) -> bool:
        """Whether the network, and then all of the file, has no finding with it that it has not without."""
        if not candidate.fix.edits and candidate.input is None:
            return False
        after = edited([candidate.fix])
        for name in (network, None):
            found, work = self.check(after.sources, name, candidate.input)
            self.work += work
            if not holds(report, finding, after, found):
                return False
        return True


def _key(finding: Diagnostic) -> Key:
    return finding.code, finding.span


def _with_cause(finding: Diagnostic, working: Sequence[Candidate]) -> Diagnostic:
    """The finding at the place that its best repair changes; where it stood before is said beside it."""
    best = working[0]
    fixes = tuple(each.fix for each in working if each.fix.edits)
    words = "\n".join(each.fix.title for each in working if not each.fix.edits)
    help = words or (None if fixes else finding.help)
    if not best.words or best.place == finding.span:
        return replace(finding, fixes=fixes, help=help)
    if not best.moves:
        return replace(finding, labels=(Label(best.place, best.words), *finding.labels), fixes=fixes, help=help)
    before = [Label(finding.span, finding.label)] * bool(finding.label)
    labels = tuple(each for each in (*before, *finding.labels) if each.span != best.place)
    return replace(finding, span=best.place, label=best.words, labels=labels, fixes=fixes, help=help)
