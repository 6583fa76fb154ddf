"""W703: a 3x3 or 5x5 on a wide map that no 1x1 has made narrow. Szegedy et al. 2015; He et al. 2016."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from cnndsl.analysis.lint.finding import Finding
from cnndsl.diagnostics import Diagnostic
from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.base import Shape
from cnndsl.ops.convolution import Conv

WIDE = 256  # channels: those of ResNet's narrowest bottleneck
NARROWER = 4


def unreduced_kernels(graph: Graph) -> Iterator[Finding]:
    """W703, with what a 1x1 to a quarter of the channels would save."""
    for node in graph:
        if not isinstance(node.op, Conv) or node.op.groups > 1 or min(node.op.kernel) < 3:
            continue
        shape = graph.input_shapes(node)[0]
        if shape[0] >= WIDE and not _comes_from_1x1(graph, node):
            now, then = node.op.macs(shape), with_reduction(node.op, shape)
            if then < now:
                yield node, _finding(node, shape, now, then)


def _finding(node: Node, shape: Shape, now: int, then: int) -> Diagnostic:
    kernel = "x".join(map(str, node.op.kernel)) if isinstance(node.op, Conv) else ""
    return Diagnostic(
        "W703",
        f"a {kernel} on {shape[0]} channels takes {now:,} MACs",
        node.span,
        label=f"{now / then:.1f} times those behind a 1x1",
        help=f"`conv 1x1, {shape[0] // NARROWER}` before it leaves {then:,}, its own among them",
    )


def with_reduction(conv: Conv, shape: Shape) -> int:
    """MACs of a 1x1 to a quarter of the channels and of the same kernel behind it."""
    narrow = shape[0] // NARROWER
    first = prod(shape) * narrow
    return first + prod(conv.output(shape)) * narrow * prod(conv.kernel)


def _comes_from_1x1(graph: Graph, node: Node) -> bool:
    """Whether the last convolution before it, on the same channels, is a 1x1."""
    source = graph[node.inputs[0]]
    while len(source.inputs) == 1 and not source.op.weighted and source.op.window(*graph.input_shapes(source)).stays:
        source = graph[source.inputs[0]]
    return isinstance(source.op, Conv) and source.op.kernel == (1, 1)
