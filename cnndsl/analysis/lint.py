"""Warnings where a careful reviewer of the network would speak up: nothing is wrong, but something is wasted.

W603 a bias that a `bn` takes away, W604 a 1x1 kernel that strides over most of its input, W605 a result that no output
needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

from cnndsl.analysis.order import channels_behind, numbers_out_of_order
from cnndsl.diagnostics import Diagnostic
from cnndsl.diagnostics.wording import way
from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.base import show_shape
from cnndsl.ops.convolution import Conv
from cnndsl.passes.settle_bias import undoes_bias

Finding: TypeAlias = tuple[Node, Diagnostic]


def lint(graph: Graph) -> list[Diagnostic]:
    """All warnings about `graph` as the author wrote it (before any pass), in definition order."""
    rules = (_useless_biases, _skipped_pixels, _unused_results, channels_behind, numbers_out_of_order)
    return [_reached(graph, node, finding) for rule in rules for node, finding in rule(graph)]


def _reached(graph: Graph, node: Node, finding: Diagnostic) -> Diagnostic:
    """The finding with the block calls that led to its node, innermost first."""
    calls = [scope for scope in graph.scopes_around(node.name) if scope.block is not None and scope.path]
    notes = way([(scope.block, scope.span) for scope in calls], graph.name, graph.scopes[""].span.source)
    return replace(finding, calls=tuple(scope.span for scope in calls), notes=notes)


def _useless_biases(graph: Graph) -> Iterator[Finding]:
    """W603; the algebra is in `settle_bias`."""
    for node in graph:
        if getattr(node.op, "bias", None) is True and undoes_bias(graph, node):
            yield (
                node,
                Diagnostic(
                    "W603",
                    f"this `{node.op.word}` has a bias that the `bn` after it takes away again",
                    node.span,
                    label=f"{node.shape[0]:,} parameters without effect",
                    help=f"remove `bias=true`: a `{node.op.word}` before `bn` has no bias",
                ),
            )


def _skipped_pixels(graph: Graph) -> Iterator[Finding]:
    """W604. A shortcut's projection is left alone: He et al. 2015 define it so, and everybody does it."""
    for node in graph:
        if not isinstance(node.op, Conv) or node.op.kernel != (1, 1) or node.op.stride == (1, 1):
            continue
        if not _in_shortcut(graph, node):
            rows, columns = node.op.stride
            pool = f"avgpool {rows}x{columns}, /{rows}x{columns}"
            yield (
                node,
                Diagnostic(
                    "W604",
                    f"a 1x1 kernel with stride {rows}x{columns} skips pixels",
                    node.span,
                    label=f"reads one pixel of {rows * columns}",
                    help=f"give the stride to a larger kernel, or put `{pool}` before it",
                ),
            )


def _in_shortcut(graph: Graph, node: Node) -> bool:
    return any(scope.kind == "shortcut" for scope in graph.scopes_around(node.name))


def _unused_results(graph: Graph) -> Iterator[Finding]:
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
