"""What one variant comes to: its numbers, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping

from cnndsl.analysis.facts import Facts
from cnndsl.comparison.measures import MEASURES
from cnndsl.diagnostics import Report
from cnndsl.elaborate import elaborate_network
from cnndsl.errors import ParameterError
from cnndsl.records import dataclass, field
from cnndsl.sweeping.sweep import Ground


@dataclass(frozen=True)
class Outcome:
    """Whole numbers by measure, in their smallest unit; none where there is an error, which is one line."""

    numbers: Mapping[str, int] = field(default_factory=dict)
    error: str = ""


class Costing:
    """Counts variants of one network, whose files it reads once."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.module = ground.module()

    def __call__(self, parameters: Mapping[str, str]) -> Outcome:
        ground, report = self.ground, Report()
        try:
            done = elaborate_network(
                self.module,
                ground.network,
                report,
                parameters=parameters,
                input=ground.input,
                max_nodes=ground.max_nodes,
            )
        except ParameterError as error:
            return Outcome(error=str(error))
        if not report.ok:
            return Outcome(error=_first(report))
        facts = Facts(done.graph)
        return Outcome({name: int(measure.of(facts)) for name, measure in MEASURES.items()})


def _first(report: Report) -> str:
    """The first error with its place, and how many there are."""
    errors = report.errors
    first = errors[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{first.span.source.name}:{first.span.line}: {first.code}: {first.message}{more}"
