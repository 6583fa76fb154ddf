"""W605: what nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.analysis.lint.finding import Finding
from cnndsl.diagnostics import Diagnostic
from cnndsl.ir.graph import Graph
from cnndsl.ops.base import show_shape


def unused_results(graph: Graph) -> Iterator[Finding]:
    """W605, at the last node of what is unused; nothing can be said of a graph without outputs."""
    needed = graph.upstream(output.node for output in graph.outputs)
    for node in graph:
        if graph.outputs and node.name not in needed and not graph.consumers(node.name):
            yield (
                node,
                Diagnostic(
                    "W605",
                    f"the result of this `{node.op.word}` is never used",
                    node.span,
                    label=f"{node.name}, {show_shape(node.shape)}",
                    help="label it and read it with `from`, or remove what leads to it",
                ),
            )
