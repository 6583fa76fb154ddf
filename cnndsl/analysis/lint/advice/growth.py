"""W704: concats that hand on all that comes in, so that channels only grow. Szegedy et al. 2015; Huang et al. 2017."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.analysis.lint.finding import Finding
from cnndsl.diagnostics import Diagnostic
from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.convolution import Conv
from cnndsl.ops.linear import Linear
from cnndsl.ops.merge import Concat
from cnndsl.ops.pooling import GlobalPool
from cnndsl.ops.reshape import Flatten

TIMES = 2  # how many concats in a row; one alone is a way to join


def growing_without_end(graph: Graph) -> Iterator[Finding]:
    """W704, at the last of several concats each of which holds the one before, unless what is behind it narrows it."""
    grown: dict[str, list[Node]] = {}
    for node in graph:
        if isinstance(node.op, Concat):
            before = _handed_on(graph, node)
            if before is not None:
                grown[node.name] = [*grown.get(_origin(graph, before).name, [before]), node]
    inner = {run[-2].name for run in grown.values()}
    for name, run in grown.items():
        if len(run) > TIMES and name not in inner and not _is_narrowed(graph, run[-1]):
            yield run[-1], _finding(run)


def _finding(run: list[Node]) -> Diagnostic:
    first, last = run[0], run[-1]
    return Diagnostic(
        "W704",
        f"{len(run) - 1} concats in a row hand their input on: {first.shape[0]} channels have become {last.shape[0]}",
        last.span,
        label="and nothing behind it makes them fewer",
        help=f"a `conv 1x1, {last.shape[0] // 2}` behind the last of them, or a 1x1 behind the pool in each",
    )


def _handed_on(graph: Graph, concat: Node) -> Node | None:
    """What all branches begin with, if one of them is that very tensor, or a pool of it at stride 1."""
    for name in concat.inputs:
        source = _origin(graph, graph[name])
        if source.shape[0] < concat.shape[0] and source.shape[1:] == concat.shape[1:]:
            others = [other for other in concat.inputs if other != name]
            if others and all(source.name in graph.upstream([other]) for other in others):
                return source
    return None


def _origin(graph: Graph, node: Node) -> Node:
    """The tensor whose channels these are: through pools and what works on each value where it stands."""
    while len(node.inputs) == 1 and not node.op.weighted and node.shape[0] == graph[node.inputs[0]].shape[0]:
        if len(node.shape) != 3 or isinstance(node.op, GlobalPool):
            break
        node = graph[node.inputs[0]]
    return node


def _is_narrowed(graph: Graph, node: Node) -> bool:
    """Whether it is read by a layer with fewer channels, or by a head."""
    pending = [node]
    while pending:
        for reader in graph.consumers(pending.pop().name):
            if isinstance(reader.op, GlobalPool | Flatten | Linear):
                return True
            if isinstance(reader.op, Conv) and reader.op.filters < node.shape[0]:
                return True
            pending += [reader] if reader.shape[0] == node.shape[0] and not reader.op.weighted else []
    return graph.is_output(node.name)
