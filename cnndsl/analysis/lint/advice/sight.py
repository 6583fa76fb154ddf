"""W701: a head whose pixels each see less than the picture. Luo et al. 2016; Araujo et al. 2019."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.analysis.lint.finding import Finding
from cnndsl.analysis.receptive import Field, receptive_fields
from cnndsl.diagnostics import Diagnostic
from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.base import show_shape
from cnndsl.ops.pooling import AdaptivePool, GlobalPool


def narrow_sight(graph: Graph) -> Iterator[Finding]:
    """W701, at a global pool of what sees too little, and at an output map that does."""
    fields = receptive_fields(graph)
    for node in graph:
        seen = fields[node.inputs[0]] if isinstance(node.op, GlobalPool | AdaptivePool) else fields[node.name]
        if _is_head(graph, node) and not seen.everywhere and _small(graph, seen):
            rows, columns = seen.size
            picture = show_shape(graph.inputs[0].shape[1:])
            yield (
                node,
                Diagnostic(
                    "W701",
                    f"each pixel of the head sees {rows} x {columns} of a {picture} picture",
                    node.span,
                    label=f"{'at most ' if not seen.exact else ''}{min(rows, columns)} pixels wide",
                    help="add layers, strides or dilation before it, or train on smaller pictures",
                ),
            )


def _is_head(graph: Graph, node: Node) -> bool:
    """A pool of the whole map that no gate is made of, or a map that is an output."""
    if isinstance(node.op, GlobalPool | AdaptivePool):
        return not any(reader.op.word == "mul" for reader in map(graph.__getitem__, _below(graph, node)))
    return len(node.shape) == 3 and node.shape[1:] != (1, 1) and graph.is_output(node.name)


def _below(graph: Graph, node: Node) -> set[str]:
    """What is made of the node's pixels alone: up to where something larger comes in."""
    found, pending = set(), [node]
    while pending:
        for reader in graph.consumers(pending.pop().name):
            if reader.name not in found:
                found.add(reader.name)
                pending += [reader] if reader.shape[1:] in ((), (1, 1)) else []
    return found


def _small(graph: Graph, field: Field) -> bool:
    shapes = {node.name: node.shape for node in graph.inputs}
    return any(
        len(shapes[name]) == 3 and (rows.size < shapes[name][1] or columns.size < shapes[name][2])
        for name, (rows, columns) in field.views.items()
    )
