"""A network recorded with sizes that stay open: that of the batch, and height and width in steps that it takes.

Ceilings of pools and merged branches tie sizes together in ways that PyTorch knows better than a shape rule: what it
suggests is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.export import Dim

from cnndsl.backends.torch.recording import record
from cnndsl.backends.torch.steps import Steps
from cnndsl.errors import ExportError, reason
from cnndsl.export.form import Recorded
from cnndsl.ir.graph import Graph

STEP = re.compile(r"^\s*\w+ = (\d+)\*_\w+", re.MULTILINE)
LEAST = re.compile(r"^\s*\w+ = Dim\('\w+', min=(\d+)", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Sizes:
    """Heights and widths as multiples of `step`, of which there are `least` or more."""

    step: int
    least: int = 1

    def dim(self, name: str, size: int) -> Any:
        """A size that differs from `size` by a multiple of the step."""
        if self.step == 1:
            return Dim(name, min=self.least)
        multiple = self.step * Dim(f"_{name}", min=self.least)
        return multiple + size % self.step if size % self.step else multiple


def record_open(steps: Steps, *, batch: bool, sizes: Sizes | None) -> Recorded:
    """Record the network; its heights and widths are `sizes`, or what PyTorch suggests instead.

    Raises `ExportError` if it can leave them open in no such way.
    """
    axes = [dict(_axes(steps.graph, shape, batch, sizes)) for shape in _shapes(steps.graph)]
    dims = [{axis: size for axis, (_, size) in each.items()} for each in axes]
    called = [{axis: name for axis, (name, _) in each.items()} for each in axes]
    inputs = tuple(torch.zeros(2 if batch else 1, *shape) for shape in _shapes(steps.graph))
    try:
        return Recorded(record(steps, inputs, dims), called, sizes.step if sizes else None)
    except Exception as error:  # whatever PyTorch raises for what it cannot record
        suggested = Sizes(*(max(map(int, each.findall(str(error))), default=1) for each in (STEP, LEAST)))
        if sizes is not None and suggested > sizes:
            return record_open(steps, batch=batch, sizes=suggested)
        raise ExportError(f"PyTorch cannot record {steps.graph.name} so: {_why(error)}") from error


def _why(error: Exception) -> str:
    """The first guard that is violated, or what is said at all."""
    guard = re.search(r"^\s*- (.*)$", str(error), re.MULTILINE)
    return guard[1].rstrip(".") if guard else reason(error)


def _shapes(graph: Graph) -> list[tuple[int, ...]]:
    return [node.shape for node in graph.inputs]


def _axes(
    graph: Graph, shape: tuple[int, ...], batch: bool, sizes: Sizes | None
) -> Iterator[tuple[int, tuple[str, Any]]]:
    """The open axes of an input of that shape, by number: how each is called, and as a `Dim`. Inputs share sizes."""
    if batch:
        yield 0, ("batch", Dim("batch"))
    if sizes is not None:
        pictures = list(dict.fromkeys(_shapes(graph)))
        suffix = "" if shape == pictures[0] else str(pictures.index(shape) + 1)
        for axis, name in ((2, f"height{suffix}"), (3, f"width{suffix}")):
            yield axis, (name, sizes.dim(name, shape[axis - 1]))
