"""The graph of an elaborated network: frozen `Node`s in a `Graph`, structure kept by networkx.

A node's `inputs` are the truth about wiring and argument order; the networkx edges are derived from them
(and `verify` compares the two).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from cnndsl.ir.node import Node, Output, Scope
from cnndsl.ir.text import format_network
from cnndsl.ir.upstream import upstream
from cnndsl.ops.base import Shape

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["Graph", "Node", "Output", "Scope"]


class Graph:
    """An immutable network: its nodes in definition order (which is a topological order), outputs and scopes.

    Every node and scope has a name of its own; a graph without that cannot be made. A pass makes a new
    graph with `rewrite`. Every listing is deterministic: definition order, always.
    """

    def __init__(
        self, name: str, nodes: Iterable[Node], outputs: Iterable[Output], scopes: Iterable[Scope] = ()
    ) -> None:
        self.name = name
        self.nodes: tuple[Node, ...] = tuple(nodes)
        self.outputs: tuple[Output, ...] = tuple(outputs)
        scopes = tuple(scopes)
        self._by_name = {node.name: node for node in self.nodes}
        self.scopes: dict[str, Scope] = {scope.path: scope for scope in scopes}
        if len({**self._by_name, **self.scopes}) < len(self.nodes) + len(scopes):
            counts = Counter([*(node.name for node in self.nodes), *(scope.path for scope in scopes)])
            alike = ", ".join(each for each, count in counts.items() if count > 1)
            raise ValueError(f"network {name} has several nodes or scopes of one name: {alike}")

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Node:
        return self._by_name[name]

    def __str__(self) -> str:
        return format_network(self.name, self.nodes, self.outputs, self.scopes)

    @cached_property
    def network(self) -> nx.MultiDiGraph[str]:
        """The same structure as a networkx graph; edge keys are argument positions (a node may read `x` twice)."""
        import networkx as nx  # a third of a whole `cnndsl check`, which derives no edges

        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph(name=self.name)
        graph.add_nodes_from(self._by_name)
        for node in self.nodes:
            for position, source in enumerate(node.inputs):
                graph.add_edge(source, node.name, position)
        return graph

    @cached_property
    def _consumers(self) -> dict[str, tuple[Node, ...]]:
        found: dict[str, list[Node]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for source in dict.fromkeys(node.inputs):
                found[source].append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}

    @cached_property
    def _results(self) -> frozenset[str]:
        return frozenset(output.node for output in self.outputs)

    def consumers(self, name: str) -> tuple[Node, ...]:
        """The nodes that read `name`, in definition order, each once."""
        return self._consumers[name]

    def taken_names(self) -> set[str]:
        """The names of all nodes and scopes, which a pass must leave to them."""
        return {*self._by_name, *self.scopes}

    def scopes_around(self, name: str) -> Iterator[Scope]:
        """The scopes that a node stands in, innermost first; the whole network is the last."""
        path = name
        while path:
            path = path.rpartition(".")[0]
            if path in self.scopes:
                yield self.scopes[path]

    def input_shapes(self, node: Node) -> tuple[Shape, ...]:
        return tuple(self._by_name[source].shape for source in node.inputs)

    def is_output(self, name: str) -> bool:
        return name in self._results

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The nodes that stand for the network's inputs."""
        return tuple(node for node in self.nodes if node.op.arity == 0)

    @property
    def output(self) -> Node:
        """The node of the main output."""
        return self._by_name[self.outputs[0].node]

    def upstream(self, names: Iterable[str]) -> set[str]:
        """The named nodes and everything they depend on, those whose weights they have among them."""
        return upstream(names, self._needs)

    def _needs(self, name: str) -> tuple[str, ...]:
        node = self._by_name[name]
        return (*node.inputs, node.again) if node.again else node.inputs

    def inference(self) -> Graph:
        """The part that runs outside training: without train-only heads and what only they need."""
        outputs = tuple(output for output in self.outputs if not output.train_only)
        needed = self.upstream(output.node for output in outputs) | {node.name for node in self.inputs}
        if len(needed) == len(self.nodes) and len(outputs) == len(self.outputs):
            return self
        return Graph(self.name, (n for n in self.nodes if n.name in needed), outputs, self.scopes.values())

    def rewrite(
        self, nodes: Iterable[Node], outputs: Iterable[Output] | None = None, scopes: Iterable[Scope] | None = None
    ) -> Graph:
        """A graph of the same name with other nodes, given in a topological order."""
        scopes = self.scopes.values() if scopes is None else scopes
        return Graph(self.name, nodes, self.outputs if outputs is None else outputs, scopes)
