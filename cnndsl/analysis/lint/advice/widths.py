"""W705: widths that are no multiple of eight, which tensor cores pad. NVIDIA 2023; Sandler et al. 2018."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.analysis.lint.finding import Finding
from cnndsl.diagnostics import Diagnostic
from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.convolution import Conv, ConvTranspose
from cnndsl.ops.linear import Linear

EIGHT = 8  # values in half precision that tensor cores read at once


def odd_widths(graph: Graph) -> Iterator[Finding]:
    """W705, but for gates and what the task decides: an output, of which there are as many as classes."""
    for node in graph:
        if isinstance(node.op, Conv | ConvTranspose | Linear) and node.shape[0] % EIGHT and not _decided(graph, node):
            width, near = node.shape[0], -(-node.shape[0] // EIGHT) * EIGHT
            yield (
                node,
                Diagnostic(
                    "W705",
                    f"{width} channels are no multiple of {EIGHT}",
                    node.span,
                    label=f"computed as {near} by tensor cores in half precision",
                    help=f"{near} cost about as much, {near - EIGHT} less" if near > EIGHT else f"{near} cost as much",
                ),
            )


def _decided(graph: Graph, node: Node) -> bool:
    """Whether nothing with weights reads it, as an output or a gate."""
    pending, seen = [node], set()
    while pending:
        for reader in graph.consumers(pending.pop().name):
            if reader.op.weighted:
                return False
            if reader.name not in seen and reader.shape[0] == node.shape[0]:
                seen.add(reader.name)
                pending.append(reader)
    return True
