"""Tries repairs on the whole network: what is offered takes its finding away, and what follows from it, and adds none.

A candidate fits where tensors met; only the rest of the network, its claims and its counts, can say whether it is what
the author meant. Where several things are wrong, one cause for most of them is the likeliest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnndsl.diagnostics import Diagnostic, Label, Report
from cnndsl.diagnostics.edits import Edited, edited
from cnndsl.diagnostics.trial import holds
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.causes.search import Key, Search
from cnndsl.records import dataclass, replace
from cnndsl.source import Span
from cnndsl.trials import Trials

MOST_TRIES = 60  # for one finding
OFFERED = 2
STEP = 10  # of costs: what costs less than that more than the best is about as natural
_FOLLOWING = ("E2", "E3", "E4")  # the codes of what may follow from another error


@dataclass
class Repairs:
    """The candidates for a file's findings, each with the network it was found in, and how they are tried."""

    search: Search
    trials: Trials

    def settle(self, report: Report) -> Report:
        """The findings with the repairs that work, each at what its best repair says is the cause."""
        following: set[Key] = set()
        repaired = {_key(each): self._repaired(each, report, following) for each in report}
        unmended = {
            key: each
            for each in report
            if (key := _key(each)) in self.search.behind and repaired[key] == each and not each.fixes
        }
        repaired |= self._of_one_block(unmended, following)
        return report.mapped(lambda each: None if _key(each) in following else repaired[_key(each)])

    def _repaired(self, finding: Diagnostic, report: Report, following: set[Key]) -> Diagnostic:
        """The finding with its repairs; errors that go with it when it is repaired follow from it."""
        if _key(finding) in following:
            return finding
        if finding.fixes:  # such as that its line is another language's
            following |= self._gone_with_fix(finding, report)
            return finding
        working, gone = self._working(finding, report)
        if not working or len([each for each in working if each.cost == working[0].cost]) > OFFERED:
            return finding
        following |= gone
        return _with_cause(finding, working[:OFFERED])

    def _working(self, finding: Diagnostic, report: Report) -> tuple[list[Candidate], frozenset[Key]]:
        """The candidates that take most away, which that is, and of them those about as natural as the first."""
        network, candidates = self.search.found.get(_key(finding), ("", ()))
        others = _others(finding, report)
        best: list[Candidate] = []
        most: frozenset[Key] = frozenset()
        for candidate in candidates[:MOST_TRIES]:
            if best and len(most) == len(others) and candidate.cost > best[0].cost + STEP:
                break
            like = _is_like(candidate, best)
            if like and len(most) == len(others):  # none takes more away
                continue
            gone = self._gone_with(candidate, finding, network, others, report)
            if gone is None or (candidate.alone and len(gone) < len(others)):
                continue
            if not best or len(gone) > len(most):
                best, most = [candidate], gone
            elif gone == most and not like and candidate.cost <= best[0].cost + STEP:
                best.append(candidate)
        return best, most

    def _of_one_block(self, unmended: Mapping[Key, Diagnostic], following: set[Key]) -> dict[Key, Diagnostic]:
        """Findings that nothing mends: those as one that have a block behind them, where all of them may come from."""
        told: dict[Key, Diagnostic] = {}
        for key, finding in unmended.items():
            if key in following:
                continue  # told with another, or gone with its repair
            others = [each for each in unmended if each not in following and each not in told and each != key]
            behind = self.search.behind
            sharing = {block: [each for each in others if block in behind[each]] for block in behind[key]}
            block = max(sharing, key=lambda each: len(sharing[each]), default=None)
            if block is not None and sharing[block]:
                following.update(sharing[block])
                told[key] = _with_others(finding, block, [unmended[each] for each in sharing[block]])
        return told

    def _gone_with_fix(self, finding: Diagnostic, report: Report) -> frozenset[Key]:
        """The other errors that the first fix of a finding takes away, which was tried."""
        others, after = _others(finding, report), edited(finding.fixes[:1])
        found = self.trials.after(after) if others and finding.severity == "error" else None
        return frozenset() if found is None else _gone(others, after, found)

    def _gone_with(
        self,
        candidate: Candidate,
        finding: Diagnostic,
        network: str,
        others: Sequence[Diagnostic],
        report: Report,
    ) -> frozenset[Key] | None:
        """The other errors that a candidate takes away; None if it is no repair of its network, or of the file."""
        if not candidate.fix.edits and candidate.input is None:
            return None
        after, found = edited([candidate.fix]), None
        for name in (network, None):
            found = self.trials.after(after, name, candidate.input)
            if found is None or not holds(report, finding, after, found):
                return None
        return _gone(others, after, found) if found is not None else None


def _others(finding: Diagnostic, report: Report) -> list[Diagnostic]:
    """The errors that may follow from one."""
    return [each for each in report.errors if each != finding and each.code.startswith(_FOLLOWING)]


def _with_others(finding: Diagnostic, block: Span, others: Sequence[Diagnostic]) -> Diagnostic:
    """A finding with others as further places of it, since one block lies behind all of them."""
    here = (Label(each.span, each.message) for each in others)
    of_them = "both" if len(others) == 1 else f"all {len(others) + 1}"
    labels = (*finding.labels, Label(block, f"`{block.text}` lies behind {of_them} of them"), *here)
    return replace(finding, labels=tuple({(each.span, each.text): each for each in labels}.values()))


def _is_like(candidate: Candidate, others: Sequence[Candidate]) -> bool:
    """Whether it differs in a number alone from one that is offered already."""
    return candidate.family != "" and any(candidate.family == each.family for each in others)


def _gone(errors: Sequence[Diagnostic], after: Edited, found: Report) -> frozenset[Key]:
    """Those of some errors that are not found any more."""
    left = {(each.code, each.span.source.name, each.span.start) for each in found.errors}
    places = {_key(each): after.moved(each.span) for each in errors}
    return frozenset(key for key, place in places.items() if (key[0], place.source.name, place.start) not in left)


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
