"""W614: two linear maps with nothing between, which are one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import prod

from cnndsl.analysis.lint.edits import fix, inserted_before
from cnndsl.analysis.lint.finding import Finding, before
from cnndsl.diagnostics import Diagnostic, Label
from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.activation import Identity
from cnndsl.ops.convolution import Conv
from cnndsl.ops.linear import Linear
from cnndsl.ops.regularization import Dropout


def linear_maps(graph: Graph) -> Iterator[Finding]:
    """W614, but for what saves weights on purpose: a narrow layer in the middle, rows and columns one after the other,
    channels by themselves."""
    for node in graph:
        if not isinstance(node.op, Conv | Linear):
            continue
        first = before(graph, node, (type(node.op),), through=(Dropout, Identity))
        if first is not None and not _is_factorisation(graph, first, node) and _stand_together(graph, first, node):
            yield (
                node,
                Diagnostic(
                    "W614",
                    f"nothing but linear maps between this `{node.op.word}` and the `{first.op.word}` before it",
                    node.span,
                    label="one layer computes the same",
                    labels=(Label(first.span, "from here"),) if first.span != node.span else (),
                    help="or leave one of them out",
                    fixes=fix("put an activation between them, such as `relu`", inserted_before(node, "relu")),
                ),
            )


def _stand_together(graph: Graph, first: Node, second: Node) -> bool:
    """Whether they were written as neighbours: not in two blocks, and not where `from` begins anew, as the heads of a
    pyramid do behind its last convolutions."""
    start = second.span.start
    begins_anew = re.search(r"\bfrom\s+\S+\s*->\s*\Z", second.span.source.text[max(0, start - 200) : start])
    return begins_anew is None and _block_call(graph, first) == _block_call(graph, second)


def _block_call(graph: Graph, node: Node) -> str:
    return next((scope.path for scope in graph.scopes_around(node.name) if scope.block is not None), "")


def _is_factorisation(graph: Graph, first: Node, second: Node) -> bool:
    """Whether the two do with less what one layer would do, as somebody may want."""
    channels, between, after = graph.input_shapes(first)[0][0], first.shape[0], second.shape[0]
    if isinstance(first.op, Linear) or isinstance(second.op, Linear):
        return between < min(channels, after)
    assert isinstance(first.op, Conv) and isinstance(second.op, Conv)
    if first.op.groups > 1 or second.op.groups > 1:
        return True
    one, other = first.op.kernel, second.op.kernel
    if any(min(pair) > 1 for pair in zip(one, other, strict=True)):
        return between < min(channels, after)
    both = between * (channels * prod(one) + after * prod(other))
    return both < channels * after * prod(one) * prod(other)
