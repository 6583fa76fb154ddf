"""A network recorded with sizes that stay open: that of the batch, and height and width in steps that it takes.

Ceilings of pools and merged branches tie sizes together in ways that PyTorch knows better than a shape rule: what it
suggests is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from torch.export import Dim

from cnndsl.backends.torch.recording import record
from cnndsl.backends.torch.steps import Steps
from cnndsl.errors import ExportError, reason
from cnndsl.export.form import Recorded
from cnndsl.ir.graph import Graph

SUGGESTED = re.compile(r"^\s*\w+ = (\d+)\*_\w+", re.MULTILINE)


def record_open(steps: Steps, *, batch: bool, step: int | None) -> Recorded:
    """Record the network; heights and widths differ by multiples of `step`, or of what PyTorch suggests instead.

    Raises `ExportError` if it can leave them open in no such way.
    """
    axes = [dict(_axes(steps.graph, shape, batch, step)) for shape in _shapes(steps.graph)]
    sizes = [{axis: size for axis, (_, size) in each.items()} for each in axes]
    called = [{axis: name for axis, (name, _) in each.items()} for each in axes]
    try:
        return Recorded(record(steps, sizes, 2 if batch else 1), called, step)
    except Exception as error:  # whatever PyTorch raises for what it cannot record
        suggested = max(map(int, SUGGESTED.findall(str(error))), default=0)
        if step is not None and suggested > step:
            return record_open(steps, batch=batch, step=suggested)
        raise ExportError(f"PyTorch cannot record {steps.graph.name} so: {reason(error)}") from error


def _shapes(graph: Graph) -> list[tuple[int, ...]]:
    return [node.shape for node in graph.inputs]


def _axes(graph: Graph, shape: tuple[int, ...], batch: bool, step: int | None) -> Iterator[tuple[int, tuple[str, Any]]]:
    """The open axes of an input of that shape, by number: how each is called, and as a `Dim`. Inputs share sizes."""
    if batch:
        yield 0, ("batch", Dim("batch"))
    if step is not None:
        pictures = list(dict.fromkeys(_shapes(graph)))
        suffix = "" if shape == pictures[0] else str(pictures.index(shape) + 1)
        for axis, name in ((2, f"height{suffix}"), (3, f"width{suffix}")):
            yield axis, (name, _multiple(name, shape[axis - 1], step))


def _multiple(name: str, size: int, step: int) -> Any:
    """A size that differs from `size` by a multiple of `step`."""
    if step == 1:
        return Dim(name)
    steps = step * Dim(f"_{name}")
    return steps + size % step if size % step else steps
