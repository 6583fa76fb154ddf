"""W611: layers that hand on what they get."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf

from cnndsl.analysis.lint.edits import fix, removed
from cnndsl.analysis.lint.finding import Finding, is_written_out, speaks_of
from cnndsl.diagnostics import Diagnostic
from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.upstream import upstream
from cnndsl.ops.base import LayerError, Shape
from cnndsl.ops.bounds import ANY, Bounds, within

GROWN = 2  # how much larger the input is at which a layer is tried too


def layers_without_effect(graph: Graph) -> Iterator[Finding]:
    """W611, where the layer stands so in the file: one that a parameter or a loop decides has its use at other values.

    A pool to one pixel is of use on any larger map, so a layer is tried at a larger input of the network too.
    """
    idle = [node for node in graph if _does_nothing(graph, node)]
    grown = _grown_shapes(graph) if idle else {}
    for node in idle:
        shapes = [grown[name] or _grow(graph[name].shape) for name in node.inputs]
        if is_written_out(node) and node.op.does_nothing(*shapes):
            yield node, _no_effect(graph, node, "hands on what it gets")
    activations = [node for node in graph if node.op.passes is not None and node not in idle]
    bounds = values_of(graph, (node.inputs[0] for node in activations))
    for node in activations:
        passes, source = node.op.passes, graph[node.inputs[0]]
        if passes is not None and within(bounds[source.name], passes) and is_written_out(node):
            yield node, _no_effect(graph, node, f"{_spoken(passes)} comes in from `{source.op.word}`")


def values_of(graph: Graph, names: Iterable[str]) -> dict[str, Bounds]:
    """Between what the values of these nodes lie, and of others on which that depends."""
    needed = upstream(names, lambda name: graph[name].inputs if _is_bounded(graph[name]) else ())
    found: dict[str, Bounds] = {}
    for node in graph:
        if node.name in needed:
            known = _is_bounded(node)
            found[node.name] = node.op.bounds(*[found[name] for name in node.inputs]) if known else ANY
    return found


def _is_bounded(node: Node) -> bool:
    return node.op.picks or speaks_of(node.op, "bounds")


def _does_nothing(graph: Graph, node: Node) -> bool:
    return speaks_of(node.op, "does_nothing") and node.op.does_nothing(*graph.input_shapes(node))


def _spoken(passes: Bounds) -> str:
    low, high = passes
    if high < inf:
        return f"nothing below {low:g} or above {high:g}"
    return "nothing negative" if low == 0 else f"nothing below {low:g}"


def _grow(shape: Shape) -> Shape:
    return (shape[0], *(size * GROWN for size in shape[1:]))


def _grown_shapes(graph: Graph) -> dict[str, Shape | None]:
    """What shapes come of a larger input; None where the network does not take it."""
    found: dict[str, Shape | None] = {}
    for node in graph:
        shapes = [shape for name in node.inputs if (shape := found[name]) is not None]
        if not node.inputs:
            found[node.name] = _grow(node.shape)
        elif len(shapes) < len(node.inputs):
            found[node.name] = None
        else:
            try:
                found[node.name] = node.op.output(*shapes)
            except LayerError:
                found[node.name] = None
    return found


def _no_effect(graph: Graph, node: Node, why: str) -> Diagnostic:
    weights = node.op.parameters(*graph.input_shapes(node))
    taken_out = fix("remove it", removed(node), safe=not weights)
    message, help = f"this `{node.op.word}` has no effect", None if taken_out else "remove it"
    return Diagnostic("W611", message, node.span, label=why, help=help, fixes=taken_out)
