"""A second opinion on generated code: runs a graph node by node, as its layers spell themselves.

It knows neither scopes nor classes nor variables, so it shares nothing with the code generator but the layers.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnndsl.ir import Graph, Node
from cnndsl.ops.base import TorchModule
from cnndsl.passes.settle_bias import settle_bias


def interpret(graph: Graph, state: dict[str, Tensor], *inputs: Tensor) -> dict[str, Tensor]:
    """Every output of `graph` by its name, in eval mode."""
    graph = settle_bias(graph)
    needed = graph.upstream(output.node for output in graph.outputs)
    values = {node.name: tensor for node, tensor in zip(graph.inputs, inputs, strict=True)}
    with torch.no_grad():
        for node in graph:
            if node.name not in values and node.name in needed:
                values[node.name] = _compute(graph, node, state, [values[source] for source in node.inputs])
    return {output.name: values[output.node] for output in graph.outputs}


def _compute(graph: Graph, node: Node, state: dict[str, Tensor], inputs: list[Tensor]) -> Tensor:
    spelling = node.op.torch(*graph.input_shapes(node))
    scope = {"nn": nn, "F": F, "torch": torch, "math": math, "Tensor": Tensor}
    names = [f"input{i}" for i in range(len(inputs))]
    tensors = dict(zip(names, inputs, strict=True))
    if not isinstance(spelling, TorchModule):
        return eval(spelling.text(*names), scope | tensors)
    if spelling.source is not None:
        exec(f"from __future__ import annotations\n{spelling.helper}\n{spelling.source}", scope)
    module = eval(spelling.constructor(), scope).eval()
    prefix = node.key("")
    module.load_state_dict({name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)})
    return eval(f"module({spelling.inputs.format(*names)})", scope | tensors | {"module": module})
