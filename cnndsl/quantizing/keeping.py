"""Which layers stay in float, and which nodes of a model these are."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from cnndsl.diagnostics import did_you_mean
from cnndsl.errors import QuantizeError
from cnndsl.ir.graph import Graph
from cnndsl.passes.pipeline import EXPORT_PIPELINE, run

# Probabilities in steps of a 256th would rank a thousand classes no more.
ALWAYS = ("Softmax", "LogSoftmax")


def kept_layers(graph: Graph, keep: Iterable[str]) -> set[str]:
    """Those that `keep` names, and of blocks all that are in them. Raises `QuantizeError` for what is neither."""
    layers = [node.name for node in run(graph.inference(), EXPORT_PIPELINE) if node.op.arity != 0]
    kept: set[str] = set()
    for path in keep:
        inside = [name for name in layers if name == path or name.startswith(f"{path}.")]
        if not path or not inside:
            raise QuantizeError(_why_not(path, layers, graph))
        kept |= {*inside}
    return kept


def _why_not(path: str, layers: list[str], graph: Graph) -> str:
    if path in graph or path in graph.scopes:
        return f"{path} cannot be kept in float by itself: it is part of the layer before it, or does nothing"
    known = [*layers, *filter(None, graph.scopes)]
    hint = did_you_mean(path, known, f"`cnndsl summary {graph.name} --depth 9` lists them")
    return f"{graph.name} has no layer or block {path!r}; {hint}"


def layer_of(node: Any) -> str:
    """The path of a node's layer: nodes before a layer's last have their operator behind it."""
    return str(node.name).partition("/")[0]


def kept_nodes(model: Any, layers: Collection[str]) -> list[str]:
    """The names of nodes that stay in float."""
    return [node.name for node in model.graph.node if layer_of(node) in layers or node.op_type in ALWAYS]
