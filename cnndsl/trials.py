"""Tries edits on the whole file: what is offered takes its finding away and adds none.

Whoever finds a mistake knows one place, and what is right there may be wrong further on; a check of the text with the
edits made knows. All trials of a file together have one budget, counted in layers, so that no machine's speed decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from cnndsl.diagnostics import Diagnostic, Fix, Label, Report
from cnndsl.diagnostics.edits import Edited, edited
from cnndsl.diagnostics.trial import holds
from cnndsl.elaborate.given_inputs import GivenInputs
from cnndsl.records import dataclass, replace
from cnndsl.source import Source

MOST_WORK = 16_000  # layers to look at again, for all findings of a file together

# What is found with these sources in place of those, and how much was looked at for it: in one network, or in all; for
# other inputs, if given. None if it cannot be looked for.
Check: TypeAlias = Callable[[Mapping[Source, Source], "str | None", "GivenInputs | None"], "tuple[Report, int] | None"]
Readings: TypeAlias = Callable[[Diagnostic], Iterable[Fix]]  # what its line may have meant, the likeliest first


@dataclass
class Trials:
    """Looks at a file again with edits made; `left` is how many layers that may still take."""

    report: Report
    check: Check
    left: int

    def after(self, edits: Edited, network: str | None = None, input: GivenInputs | None = None) -> Report | None:
        """What is found after some edits; None if it cannot be looked for, or if enough was."""
        found = self.check(edits.sources, network, input) if self.left > 0 else None
        if found is None:
            return None
        self.left -= found[1]
        return found[0]

    def holds(self, finding: Diagnostic, fix: Fix) -> bool | None:
        """Whether the fix takes the finding away and adds none; None if it cannot be told."""
        edits = edited([fix])
        found = self.after(edits)
        return None if found is None else holds(self.report, finding, edits, found)


def with_tried_fixes(trials: Trials, readings: Readings) -> Report:
    """The findings with those of their fixes that hold; when enough was tried, no more are.

    A reading that holds is the only fix. Of other fixes the words are kept as advice. A word that is no whole repair is
    still worth saying; a number with which shapes do not come out is not.
    """
    told = {(each.code, each.span) for each in trials.report.shown}

    def with_tried(finding: Diagnostic) -> Diagnostic:
        if (finding.code, finding.span) not in told:
            return finding
        likely = readings(finding) if trials.left > 0 else ()
        read = next((fix for fix in likely if trials.holds(finding, fix)), None)
        if read is not None:
            return _at_reading(replace(finding, fixes=(read,), help=_advice(finding)), read)
        kept, words = [], []
        for fix in finding.fixes:
            held = trials.holds(finding, fix)
            if held:
                kept.append(fix)
            elif held is None or not finding.code.startswith("E2"):
                words.append(fix.title)
        help = "\n".join([*words, *([finding.help] if finding.help is not None else [])]) or None
        return replace(finding, fixes=tuple(kept), help=help)

    return trials.report.rewritten(map(with_tried, trials.report))


def _at_reading(finding: Diagnostic, reading: Fix) -> Diagnostic:
    """A finding about shapes at what is read otherwise, if that is another line, such as that of the input."""
    place, *others = [edit.span for edit in reading.edits]
    if (
        others
        or not finding.code.startswith("E2")
        or place.source is not finding.span.source
        or place.line == finding.span.line
        or not place.length
    ):
        return finding
    words, _, _ = reading.title.partition(":")
    labels = (Label(finding.span, finding.label or "it is noticed here"), *finding.labels)
    return replace(finding, span=place, label=words, labels=tuple(each for each in labels if each.span != place))


def _advice(finding: Diagnostic) -> str | None:
    """What remains to be said beside a reading: of a syntax error, which rule was broken."""
    rules = [fix.title for fix in finding.fixes] if finding.code.startswith("E1") else []
    return "\n".join([*rules, *([finding.help] if finding.help is not None else [])]) or None
