"""One walk over a graph in definition order, in which a node can be taken into one before it.

Passes that fuse share this: who reads a tensor is asked of the graph as it was, what a node became of the new one.
"""

from __future__ import annotations

from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.recipe import Recipes
from cnndsl.ops.base import Op
from cnndsl.records import replace


class Sweep:
    """The graph that is being made of `graph`. `position` orders its nodes; `alias` says what became of a name."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.made: dict[str, Node] = {}
        self.alias: dict[str, str] = {}
        self.position: dict[str, int] = {}

    def keep(self, node: Node) -> None:
        """Take over a node, reading what its inputs have become."""
        inputs = tuple(self.alias.get(name, name) for name in node.inputs)
        self.put(node if inputs == node.inputs else replace(node, inputs=inputs))

    def put(self, node: Node) -> None:
        self.position.setdefault(node.name, len(self.position))
        self.made[node.name] = node

    def source(self, node: Node, index: int = 0) -> Node:
        """The new node that an input of `node`, a node of the old graph, comes from."""
        name = node.inputs[index]
        return self.made[self.alias.get(name, name)]

    def absorb(
        self, node: Node, into: Node, op: Op, recipes: Recipes | None = None, inputs: tuple[str, ...] = ()
    ) -> None:
        """Let `into` compute `node` as well, now as `op` with these recipes; `inputs` are read besides its own."""
        more = {} if recipes is None else {"recipes": recipes}
        shapes = (self.made[name].shape for name in (*into.inputs, *inputs))
        shape = op.output(*shapes)
        self.put(replace(into, op=op, inputs=(*into.inputs, *inputs), shape=shape, **more))  # type: ignore[arg-type]
        self.alias[node.name] = into.name

    def read_elsewhere(self, name: str, reader: Node) -> str | None:
        """Why `name` of the old graph must keep existing beside `reader`, as a sentence; None if it need not."""
        if self.graph.is_output(name):
            return f"{name} is an output of the network"
        others = [each.name for each in self.graph.consumers(name) if each.name != reader.name]
        if others:
            return f"{name} is also read by {others[0]}"
        return None if reader.inputs.count(name) == 1 else f"{reader.name} reads {name} twice"

    def result(self) -> Graph:
        outputs = (replace(output, node=self.alias.get(output.node, output.node)) for output in self.graph.outputs)
        return self.graph.rewrite(self.made.values(), outputs)
