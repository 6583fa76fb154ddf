"""W612: results that say nothing of the input. And W618, a softmax that has little to say."""

from __future__ import annotations

from collections.abc import Iterator
from math import e

from cnndsl.analysis.lint.edits import fix, removed, replaced
from cnndsl.analysis.lint.finding import Finding, before, is_written_out, speaks_of
from cnndsl.analysis.lint.no_effect import values_of
from cnndsl.diagnostics import Diagnostic, Fix
from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.activation import Hardsigmoid, Sigmoid, Softmax
from cnndsl.ops.bounds import within
from cnndsl.ops.scale import Scale


def constants(graph: Graph) -> Iterator[Finding]:
    """W612. A factor that comes from a parameter may be 0 to switch a branch off."""
    for node in graph:
        why = node.op.constant(*graph.input_shapes(node)) if speaks_of(node.op, "constant") else ""
        if why and not (isinstance(node.op, Scale) and not is_written_out(node)):
            yield (
                node,
                Diagnostic(
                    "W612",
                    f"the result of this `{node.op.word}` does not depend on its input",
                    node.span,
                    label=why,
                    help=CONSTANT_HELP.get(node.op.word, "remove it, or give it more values to compare"),
                    fixes=fix("say `sigmoid`", replaced(node, "sigmoid")) if isinstance(node.op, Softmax) else (),
                ),
            )


CONSTANT_HELP = {
    "softmax": "two classes need two features, or `sigmoid` of one",
    "scale": "remove what is multiplied by 0, or learn the factor: `scale learned=true, init=0`",
}


def squashed_twice(graph: Graph) -> Iterator[Finding]:
    """W618: a softmax of numbers between 0 and 1."""
    softmaxes = [node for node in graph if isinstance(node.op, Softmax) and graph.input_shapes(node)[0][0] > 1]
    bounds = values_of(graph, (node.inputs[0] for node in softmaxes))
    for node in softmaxes:
        if within(bounds[node.inputs[0]], (0, 1)):
            classes = graph.input_shapes(node)[0][0]
            yield (
                node,
                Diagnostic(
                    "W618",
                    f"a softmax of {classes} numbers from 0 to 1 is never above {e / (e + classes - 1):.2f}",
                    node.span,
                    label=f"`{graph[node.inputs[0]].op.word}` has squashed them already",
                    help="give it the numbers as the layer with weights puts them out",
                    fixes=_without(graph, node),
                ),
            )


def _without(graph: Graph, softmax: Node) -> tuple[Fix, ...]:
    first = before(graph, softmax, (Sigmoid, Hardsigmoid, Softmax))
    return () if first is None else fix(f"remove the `{first.op.word}` before it", removed(first))
