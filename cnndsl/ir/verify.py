"""Is this graph what a graph must be? `verify` derives everything anew and says in words what does not hold.

It runs after every pass, so a rewrite that breaks the graph is found where it happened, not in a wrong number later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.scopes import borders
from cnndsl.ops.base import LayerError, Shape, show_shape

SHOWN = 20


class VerificationError(Exception):
    """A graph that breaks the rules of the representation: a mistake in the compiler, not in the network.

    `problems` are sentences, each naming the node, output or scope it is about.
    """

    def __init__(self, name: str, problems: list[str]) -> None:
        more = [f"... and {len(problems) - SHOWN:,} more"] if len(problems) > SHOWN else []
        lines = [f"network {name} is not well formed:", *problems[:SHOWN], *more]
        super().__init__("\n  ".join(lines))
        self.problems = problems


def verify(graph: Graph) -> None:
    """Raise `VerificationError` with everything that is wrong with `graph`; linear in its size."""
    problems = [
        *_names(graph),
        *_inputs(graph),
        *_edges(graph),
        *_cycle(graph),
        *_shapes(graph),
        *_outputs(graph),
        *_scopes(graph),
        *_shared(graph),
    ]
    if problems:
        raise VerificationError(graph.name, problems)


def _names(graph: Graph) -> Iterator[str]:
    """That they are unique is seen to where the graph is made."""
    for node in graph:
        if not all(node.name.split(".")):
            yield f"{node.name!r}: a name is parts between dots, and none of them may be empty"


def _inputs(graph: Graph) -> Iterator[str]:
    """Every input is there and stands before its reader, and there are as many as the layer takes."""
    defined: set[str] = set()
    for node in graph:
        for source in dict.fromkeys(node.inputs):
            if source not in graph:
                yield f"{node.name}: reads {source}, and there is no such node"
            elif source == node.name:
                yield f"{node.name}: reads itself"
            elif source not in defined:
                yield f"{node.name}: reads {source}, which is defined after it"
        if not _arity_fits(node):
            yield f"{node.name}: `{node.op.word}` takes {_arity(node.op.arity)}, not {len(node.inputs)}"
        defined.add(node.name)


def _shared(graph: Graph) -> Iterator[str]:
    """What is applied again is there, is the same layer, and has weights of the same shapes."""
    for node in graph:
        if node.again and node.again not in graph:
            yield f"{node.name}: has the weights of {node.again}, and there is no such node"
        elif node.again and (graph[node.again].again or graph[node.again].op != node.op):
            yield f"{node.name}: is no second use of {node.again}"
        elif node.again and _weights(graph, node) != _weights(graph, graph[node.again]):
            yield f"{node.name}: has weights of other shapes than {node.again}"


def _weights(graph: Graph, node: Node) -> dict[str, Shape]:
    known = all(source in graph for source in node.inputs)
    return node.op.parameters(*graph.input_shapes(node)) if known else {}


def _arity_fits(node: Node) -> bool:
    return len(node.inputs) >= 2 if node.op.arity is None else len(node.inputs) == node.op.arity


def _arity(arity: int | None) -> str:
    if arity is None:
        return "two or more inputs"
    return f"{arity or 'no'} input{'' if arity == 1 else 's'}"


def _edges(graph: Graph) -> Iterator[str]:
    """The edges networkx keeps are those that `inputs` says, argument position by position."""
    network: Any = graph.network
    for node in graph:
        said = Counter((source, position) for position, source in enumerate(node.inputs))
        kept = Counter((source, position) for source, keys in network.pred[node.name].items() for position in keys)
        for source, position in said - kept:
            yield f"{node.name}: argument {position} is {source}, but networkx has no such edge"
        for source, position in kept - said:
            yield f"{node.name}: networkx has an edge from {source} as argument {position}, but `inputs` has not"


def _cycle(graph: Graph) -> Iterator[str]:
    import networkx as nx

    if not nx.is_directed_acyclic_graph(graph.network):
        edges = nx.find_cycle(graph.network)
        around = " -> ".join([edges[0][0], *(target for _, target, _ in edges)])
        yield f"{edges[0][0]}: stands in a cycle, {around}"


def _shapes(graph: Graph) -> Iterator[str]:
    """Every stored shape is what the layer makes of its inputs' stored shapes."""
    for node in graph:
        if _arity_fits(node) and all(source in graph for source in node.inputs):
            try:
                derived = node.op.output(*graph.input_shapes(node))
            except LayerError as error:
                yield f"{node.name}: {error}"
            else:
                if tuple(derived) != node.shape:
                    yield f"{node.name}: is {show_shape(derived)}, but {show_shape(node.shape)} is stored"


def _outputs(graph: Graph) -> Iterator[str]:
    for name, count in Counter(output.name for output in graph.outputs).items():
        if count > 1:
            yield f"{name}: {count} outputs have this name"
    for output in graph.outputs:
        if output.node not in graph:
            yield f"{output.name}: this output names {output.node}, and there is no such node"


def _scopes(graph: Graph) -> Iterator[str]:
    """Scopes nest, and each is one stretch of the definition order."""
    for path in graph.scopes:
        parent = path.rpartition(".")[0]
        if parent and parent not in graph.scopes:
            yield f"{path}: stands in {parent}, which is not a scope"
    closed: set[str] = set()
    for node, (ended, begun) in zip(graph, borders(node.name for node in graph), strict=True):
        closed.update(ended)
        for path in begun:
            if path not in graph.scopes:
                yield f"{node.name}: stands in {path}, which is not a scope"
            if path in closed:
                yield f"{node.name}: belongs to scope {path}, which other nodes interrupt before it"
                closed.discard(path)
