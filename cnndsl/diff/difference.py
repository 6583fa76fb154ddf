"""The difference of two networks: the same, or which edits lead from one to the other and what each part then costs."""

from __future__ import annotations

from cnndsl.analysis.facts import Facts
from cnndsl.diff.changes import Change, changes
from cnndsl.diff.costs import Block, blocks
from cnndsl.diff.pairing import paired
from cnndsl.ir.graph import Graph
from cnndsl.ir.isomorphism import Vertex, match
from cnndsl.records import dataclass, field


@dataclass(frozen=True)
class Difference:
    """How `old` became `new`.

    changes  edits, in the order of the flow; none if both are the same network, however they are written
    blocks   what the parts of both cost, the whole first
    """

    old_title: str
    new_title: str
    old: Facts = field(repr=False)
    new: Facts = field(repr=False)
    changes: tuple[Change, ...]
    blocks: tuple[Block, ...] = field(repr=False)

    def __bool__(self) -> bool:
        return bool(self.changes)


def compare(old: Graph, new: Graph, old_title: str = "", new_title: str = "") -> Difference:
    """What differs between two networks, layer by layer, whatever the layers are called."""
    both, facts = paired(old, new), (Facts(old), Facts(new))
    found = () if _same(old, new) else tuple(changes(old, new, both))
    counted = tuple(blocks(*facts, both))
    return Difference(old_title or old.name, new_title or new.name, *facts, found, counted)


def _same(old: Graph, new: Graph) -> bool:
    """Whether the two compute the same by the same layers: names, parts and the order of definition are no matter."""
    return match(_vertices(old), _vertices(new)) is not None


def _vertices(graph: Graph) -> dict[str, Vertex]:
    position = {node.name: at for at, node in enumerate(graph.inputs)}
    weights = _uses(graph)
    vertices = {
        node.name: Vertex(
            (str(node.op), node.shape, position.get(node.name), weights.get(node.name)),
            tuple((source, "") for source in node.inputs),
        )
        for node in graph
    }
    for output in graph.outputs:
        vertices[f"output {output.name}"] = Vertex((output.name, output.train_only), ((output.node, ""),))
    return vertices


def _uses(graph: Graph) -> dict[str, int]:
    """The layers that share weights, by the number of their set."""
    owners = {node.again for node in graph if node.again}
    numbers = {name: at for at, name in enumerate(node.name for node in graph if node.name in owners)}
    return {node.name: numbers[node.again or node.name] for node in graph if (node.again or node.name) in numbers}
