"""Which nodes of a model are of the layers that stay in float."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cnndsl.diagnostics import did_you_mean
from cnndsl.errors import QuantizeError
from cnndsl.ir.graph import Graph

# Probabilities in steps of a 256th would rank a thousand classes no more.
ALWAYS = ("Softmax",)


def layer_of(node: Any) -> str:
    """The path of a node's layer: nodes before a layer's last have their operator behind it."""
    return str(node.name).partition("/")[0]


def kept_nodes(model: Any, graph: Graph, keep: Iterable[str]) -> list[str]:
    """The names of nodes that stay in float: of these layers, and of blocks all layers. Raises `QuantizeError`."""
    nodes = {node.name: layer_of(node) for node in model.graph.node}
    kept = {node.name for node in model.graph.node if node.op_type in ALWAYS}
    for path in keep:
        inside = [name for name, layer in nodes.items() if layer == path or layer.startswith(f"{path}.")]
        if not path or not inside:
            raise QuantizeError(_why_not(path, {*nodes.values()}, graph))
        kept |= {*inside}
    return [name for name in nodes if name in kept]


def _why_not(path: str, layers: set[str], graph: Graph) -> str:
    if path in graph or path in graph.scopes:
        return f"{path} cannot be kept in float by itself: it is part of the layer before it, or does nothing"
    known = [*layers, *filter(None, graph.scopes)]
    hint = did_you_mean(path, known, f"`cnndsl summary {graph.name} --depth 9` lists them")
    return f"{graph.name} has no layer or block {path!r}; {hint}"
