"""Take out what acts in training alone: dropout, drop-path, train-only heads, and the draws of fractal joins.

    E[dropout(x)] = x,    join(x1, ..., xn) = (x1 + ... + xn) / n    in inference

What stays is what PyTorch's module computes in eval mode (Larsson et al. 2017, section 3, for the joins).
"""

from __future__ import annotations

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.fractal import DropPathDraw, FractalJoin
from cnndsl.ops.merge import Mean
from cnndsl.ops.regularization import Dropout, DropPath
from cnndsl.passes.notes import Notes
from cnndsl.records import replace


def drop_training(graph: Graph, notes: Notes | None = None) -> Graph:
    graph = graph.inference()
    source: dict[str, str] = {}
    kept: list[Node] = []
    for node in graph:
        inputs = tuple(source.get(name, name) for name in node.inputs)
        if isinstance(node.op, Dropout | DropPath):
            source[node.name] = inputs[0]
        elif isinstance(node.op, FractalJoin):
            *paths, _ = inputs
            if len(paths) == 1:
                source[node.name] = paths[0]
            else:
                kept.append(replace(node, op=Mean(), inputs=tuple(paths)))
        elif not isinstance(node.op, DropPathDraw):
            kept.append(replace(node, inputs=inputs))
    outputs = (replace(output, node=source.get(output.node, output.node)) for output in graph.outputs)
    return graph.rewrite(kept, outputs)
