"""The network with the outputs that a file shall have: of inference, of training heads, and tensors in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from cnndsl.diagnostics import did_you_mean
from cnndsl.errors import ExportError
from cnndsl.ir.graph import Graph, Output


def with_outputs(graph: Graph, *, heads: bool = False, taps: Iterable[str] = ()) -> Graph:
    """The graph with all its outputs told in inference; `taps` are paths of layers, or of blocks for their last layer.

    Raises `ExportError` for a path that is none, and for heads where there are none.
    """
    if heads and not any(output.train_only for output in graph.outputs):
        raise ExportError(f"{graph.name} has no heads for training alone")
    outputs = [replace(output, train_only=False) for output in graph.outputs if heads or not output.train_only]
    outputs += _taps(graph, outputs, taps)
    return graph.rewrite(graph, outputs)


def _taps(graph: Graph, outputs: list[Output], paths: Iterable[str]) -> Iterator[Output]:
    taken = {output.name for output in outputs}
    for path in paths:
        if path in taken:
            raise ExportError(f"{path} is an output already")
        taken.add(path)
        yield Output(path, _layer(graph, path))


def _layer(graph: Graph, path: str) -> str:
    if path in graph:
        return path
    inside = [node.name for node in graph if path and node.name.startswith(f"{path}.")]
    if not inside:
        known = [*(node.name for node in graph), *filter(None, graph.scopes)]
        hint = did_you_mean(path, known, f"`cnndsl summary {graph.name} --depth 9` lists them")
        raise ExportError(f"{graph.name} has no layer or block {path!r}; {hint}")
    return inside[-1]
