"""Variants with their outcomes: which meet the condition, and which of these are on the Pareto front."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cnndsl.errors import SweepError
from cnndsl.records import dataclass, replace
from cnndsl.sweeping.condition import Condition
from cnndsl.sweeping.outcome import Outcome
from cnndsl.sweeping.sweep import Variant


@dataclass(frozen=True)
class Goals:
    """Measures of which less is better, and those of which more is."""

    least: tuple[str, ...]
    most: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        return self.least + self.most

    def in_words(self) -> str:
        """`least macs and most params`"""
        given = (("least", self.least), ("most", self.most))
        return " and ".join(f"{word} {', '.join(names)}" for word, names in given if names)


@dataclass(frozen=True)
class Row:
    """A variant that was counted: `kept` if it meets the condition, `front` if no other that does is better."""

    variant: Variant
    numbers: Mapping[str, int]
    error: str = ""
    kept: bool = False
    front: bool = False


def rows(
    outcomes: Mapping[Variant, Outcome], order: Iterable[Variant], where: Condition | None, goals: Goals
) -> list[Row]:
    """Those variants that have an outcome, in their order."""
    found = [_row(variant, outcomes[variant], where) for variant in order if variant in outcomes]
    best = front([row for row in found if row.kept], goals)
    return [replace(row, front=row.variant in best) for row in found]


def _row(variant: Variant, outcome: Outcome, where: Condition | None) -> Row:
    if outcome.error or where is None:
        return Row(variant, outcome.numbers, outcome.error, not outcome.error)
    try:
        return Row(variant, outcome.numbers, kept=where.holds(variant, outcome.numbers))
    except SweepError as error:
        return Row(variant, outcome.numbers, str(error))


def front(kept: Sequence[Row], goals: Goals) -> set[Variant]:
    """The variants than which none is as good in all goals and better in one. Of equal ones all are among them."""
    costs = {
        row.variant: (*(row.numbers[name] for name in goals.least), *(-row.numbers[name] for name in goals.most))
        for row in kept
    }
    best: dict[tuple[int, ...], bool] = {}
    for cost in sorted({*costs.values()}):  # one that comes later is better than none that came before
        if not any(all(a <= b for a, b in zip(other, cost, strict=True)) for other in best):
            best[cost] = True
    return {variant for variant, cost in costs.items() if cost in best}
