"""What networks are compared by: numbers that are computed here, and accuracies that others have measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from cnndsl.analysis.facts import Facts
from cnndsl.comparison.results import Result, Source, chosen
from cnndsl.errors import Error
from cnndsl.records import dataclass


class CompareError(Error):
    """Networks that cannot be compared so."""


class Measure(NamedTuple):
    """A number of a network in words, in a unit, and how it is written."""

    words: str
    unit: float
    form: str
    of: Callable[[Facts], float]


MEASURES: dict[str, Measure] = {
    "params": Measure("parameters, millions", 1e6, ".2f", lambda facts: facts.params),
    "macs": Measure("multiply-accumulates, billions", 1e9, ".2f", lambda facts: facts.macs),
    "memory": Measure("most activations at once, MB", 1e6, ".2f", lambda facts: facts.memory),
    "depth": Measure("layers with weights on the longest path", 1, ".0f", lambda facts: facts.depth),
    "field": Measure("receptive field, pixels", 1, ".0f", lambda facts: max(facts.field.size)),
}
ACCURACIES = {"top1": "top-1 accuracy, %", "top5": "top-5 accuracy, %"}
AXES = (*MEASURES, *ACCURACIES)


@dataclass(frozen=True, slots=True)
class Entry:
    """A network with its numbers by axis, in the axis's unit, and where its accuracy comes from."""

    network: str
    numbers: Mapping[str, float]
    result: Result | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Networks in the order in which they were named; `size` may be no axis."""

    entries: tuple[Entry, ...]
    x: str
    y: str
    size: str | None

    @property
    def axes(self) -> tuple[str, ...]:
        """Those that are shown, each once."""
        return tuple(dict.fromkeys(axis for axis in (self.x, self.y, self.size) if axis is not None))

    @property
    def sources(self) -> list[Result]:
        """One result for each (source, crop)."""
        results = (entry.result for entry in self.entries if entry.result is not None)
        return list({(each.by, each.crop): each for each in results}.values())


def axis_words(axis: str) -> str:
    return ACCURACIES[axis] if axis in ACCURACIES else MEASURES[axis].words


def written(axis: str, value: float) -> str:
    return f"{value:.2f}" if axis in ACCURACIES else f"{value:{MEASURES[axis].form}}"


def compare(
    networks: Sequence[tuple[str, Facts]], x: str, y: str, size: str | None = None, source: Source | None = None
) -> Comparison:
    """Networks by name, each once. Raises `CompareError` for those that nobody has measured."""
    axes = tuple(dict.fromkeys(axis for axis in (x, y, size) if axis is not None))
    measured = [axis for axis in axes if axis in ACCURACIES]
    facts = dict(networks)
    results = chosen(facts, measured, source) if measured else {}
    unknown = [name for name in facts if measured and name not in results]
    if unknown:
        whose = f" by {source}" if source else ""
        raise CompareError(
            f"archs/results.toml has no {' and '.join(measured)}{whose} of {', '.join(unknown)}; "
            f"computed are {', '.join(MEASURES)}"
        )
    entries = (Entry(name, _numbers(axes, of, results.get(name)), results.get(name)) for name, of in facts.items())
    return Comparison(tuple(entries), x, y, size)


def _numbers(axes: Iterable[str], facts: Facts, result: Result | None) -> dict[str, float]:
    return {
        axis: getattr(result, axis) if axis in ACCURACIES else MEASURES[axis].of(facts) / MEASURES[axis].unit
        for axis in axes
    }


def mixed(comparison: Comparison) -> str:
    """What to know before comparing accuracies: empty if all were measured alike."""
    sources = comparison.sources
    if len(sources) < 2:
        return ""
    crops = list(dict.fromkeys(each.crop for each in sources))
    papers = {each.by for each in sources if each.source == "papers"}
    whose = [f"{len(papers)} paper{'' if len(papers) == 1 else 's'}"] if papers else []
    whose += ["torchvision"] if len(papers) < len({each.by for each in sources}) else []
    how = f"{' and '.join(whose)} ({', '.join(crops)})"
    return f"Accuracies are by {how}: recipes and crops differ, and small gaps say nothing."
