"""W702: a layer with most of the parameters, as VGG's fc6. Lin et al. 2014."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.analysis.cost import costs
from cnndsl.analysis.lint.finding import Finding
from cnndsl.diagnostics import Diagnostic
from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.base import show_shape
from cnndsl.ops.linear import Linear

MOST = 0.5  # of the network's parameters


def heavy_layers(graph: Graph) -> Iterator[Finding]:
    """W702, where the vector is a map of several pixels, which a global pool could be taken of."""
    found = costs(graph)
    whole = sum(cost.params for cost in found.values())
    for node in graph:
        params = found[node.name].params
        image = _map_before(graph, node) if isinstance(node.op, Linear) else None
        if image is not None and params > MOST * whole:
            pooled = (params - node.shape[0]) // (image.shape[1] * image.shape[2]) + node.shape[0]
            yield (
                node,
                Diagnostic(
                    "W702",
                    f"this layer has {params:,} of {whole:,} parameters, {params / whole:.0%}",
                    node.span,
                    label=f"each output has a weight for each of the {show_shape(image.shape)} values",
                    help=f"with `global_avgpool` before it, it has {pooled:,}",
                ),
            )


def _map_before(graph: Graph, node: Node) -> Node | None:
    """The map of several pixels that the vector is made of, as it stands."""
    source = graph[node.inputs[0]]
    while len(source.shape) == 1 and source.inputs and not source.op.weighted:
        source = graph[source.inputs[0]]
    return source if len(source.shape) == 3 and source.shape[1:] != (1, 1) else None
