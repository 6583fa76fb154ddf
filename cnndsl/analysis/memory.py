"""The most activation memory that is in use at once when the layers run one after the other.

By liveness: a tensor is held from the layer that makes it to the last one that reads it, and while a layer runs its
inputs and its output are held together.
"""

from __future__ import annotations

from collections import Counter
from math import prod

from cnndsl.analysis.cost import FLOAT32
from cnndsl.ir.graph import Graph
from cnndsl.records import dataclass


@dataclass(frozen=True, slots=True)
class Peak:
    """The most bytes held at once, and the node during which (None in an empty network)."""

    bytes: int
    node: str | None


def peak_memory(graph: Graph, width: int = FLOAT32) -> Peak:
    """The peak of activation memory for one sample, `width` bytes a value, run in definition order.

    Every layer writes a new tensor: nothing is done in place, shared or fused. Outputs are held to the end, the input
    as long as it is read. Weights and the workspace of kernels are not counted.
    """
    unread = Counter(source for node in graph for source in set(node.inputs))
    unread.update(output.node for output in graph.outputs)  # read by the caller, after the end
    size = {node.name: prod(node.shape) * width for node in graph}
    held, peak = 0, Peak(0, None)
    for node in graph:
        held += size[node.name]
        if held > peak.bytes:
            peak = Peak(held, node.name)
        unread.subtract(set(node.inputs))
        held -= sum(size[name] for name in {node.name, *node.inputs} if unread[name] == 0)
    return peak
