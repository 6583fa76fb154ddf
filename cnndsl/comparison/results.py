"""Accuracies of networks of the zoo as others have measured them: data with its source, from `archs/results.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from typing import Literal

from cnndsl.records import dataclass
from cnndsl.shipped import shipped

Source = Literal["papers", "torchvision"]


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement, in percent: of what, by whom, where it is printed, and what of each picture the network saw."""

    network: str
    top1: float | None
    top5: float | None
    crop: str
    by: str
    title: str
    where: str
    page: str
    dataset: str
    source: Source


def all_results() -> list[Result]:
    """Every measurement, in the order of the file."""
    with (shipped("archs") / "results.toml").open("rb") as file:
        groups = tomllib.load(file)
    return [
        Result(
            network=entry["network"],
            top1=entry.get("top1"),
            top5=entry.get("top5"),
            crop=entry["crop"],
            source="torchvision" if key == "torchvision" else "papers",
            **{name: group[name] for name in ("by", "title", "where", "page", "dataset")},
        )
        for key, group in groups.items()
        for entry in group["results"]
    ]


def chosen(networks: Iterable[str], axes: Iterable[str], source: Source | None) -> dict[str, Result]:
    """The measurement of each network that has one with these numbers, all by one kind of source if that is possible.

    Without a source torchvision's if it has measured all of them, else the papers', and torchvision's for the rest.
    """
    networks, axes = list(networks), list(axes)
    usable = [each for each in all_results() if all(getattr(each, axis) is not None for axis in axes)]
    by_source: dict[str, dict[str, Result]] = {"torchvision": {}, "papers": {}}
    for each in usable:
        by_source[each.source].setdefault(each.network, each)
    if source is not None:
        found = by_source[source]
    elif all(network in by_source["torchvision"] for network in networks):
        found = by_source["torchvision"]
    else:
        found = by_source["torchvision"] | by_source["papers"]
    return {network: found[network] for network in networks if network in found}
