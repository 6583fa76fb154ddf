"""How a layer's receptive field grows on the way to it: a step for each size, and the weights that this takes."""

from __future__ import annotations

from collections import Counter
from math import prod

from cnndsl.analysis.facts import Facts
from cnndsl.diagnostics.suggest import did_you_mean
from cnndsl.errors import Error
from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.convolution import Conv
from cnndsl.records import dataclass


class FieldError(Error):
    """A layer that there is not, or one without a field of its own."""


@dataclass(frozen=True, slots=True)
class Step:
    """The first layer on the way that sees so many pixels, (height, width)."""

    name: str
    layer: str
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Steps:
    """What the layer `at` sees of a picture, by growing steps; `weights` says in words what the way to it takes."""

    network: str
    at: str
    picture: tuple[int, int]
    field: tuple[int, int]
    exact: bool
    steps: tuple[Step, ...]
    weights: str

    @property
    def shows_picture(self) -> bool:
        """Whether the border of the picture is near enough to be drawn around the field."""
        return all(length <= 4 * seen for length, seen in zip(self.picture, self.field, strict=True))

    def rings(self, most: int) -> list[Step]:
        """So many of the steps at most, evenly chosen, the last one among them."""
        count = len(self.steps)
        if count <= most:
            return list(self.steps)
        return [self.steps[round(at * (count - 1) / (most - 1))] for at in range(most)]


def field_steps(graph: Graph, at: str | None = None) -> Steps:
    """The steps to a layer, or to the last one that does not see everything. Raises `FieldError`."""
    facts, written = Facts(graph), graph
    graph = facts.graph
    node = _found(graph, at) if at is not None else _last(facts)
    field = facts.fields[node.name]
    picture = _picture(graph, node)
    if field.everywhere or len(node.shape) != 3:
        raise FieldError(f"{node.name} sees the whole picture; name a layer before it, as {_last(facts).name}")
    upstream = graph.upstream([node.name])
    way = [each for each in graph if each.name in upstream]
    sizes: dict[tuple[int, int], Step] = {}
    for each in way:
        if each.op.arity != 0 and not facts.fields[each.name].everywhere:
            size = facts.fields[each.name].size
            sizes.setdefault(size, Step(each.name, str(written[each.name].op), size))
    steps = sorted((step for size, step in sizes.items() if size <= field.size), key=lambda step: prod(step.size))
    return Steps(graph.name, node.name, picture, field.size, field.exact, tuple(steps), _weights(graph, way))


def _found(graph: Graph, at: str) -> Node:
    """The layer of that name, or the last one of that part."""
    if at in graph:
        return graph[at]
    inside = [node for node in graph if node.name.startswith(f"{at}.")]
    if not inside:
        names = [*(node.name for node in graph), *filter(None, graph.scopes)]
        raise FieldError(f"{graph.name} has no layer {at}; {did_you_mean(at, names, '`cnndsl summary` lists them')}")
    return inside[-1]


def _last(facts: Facts) -> Node:
    """The last layer whose positions do not all see everything."""
    seeing = [node for node in facts.inference if len(node.shape) == 3 and not facts.fields[node.name].everywhere]
    if not seeing:
        raise FieldError(f"{facts.graph.name} takes no picture")
    return seeing[-1]


def _picture(graph: Graph, node: Node) -> tuple[int, int]:
    shapes = [source.shape for source in graph.inputs if len(source.shape) == 3]
    if not shapes:
        raise FieldError(f"{graph.name} takes no picture")
    return max(shape[1] for shape in shapes), max(shape[2] for shape in shapes)


def _weights(graph: Graph, way: list[Node]) -> str:
    """`27C² = 110,592 weights, C = 64` where all convolutions keep their channels, else the number alone."""
    layers = [node for node in way if node.op.weighted and not node.again]
    shapes = [node.op.parameters(*graph.input_shapes(node))["weight"] for node in layers]
    count = sum(map(prod, shapes))
    widths = Counter(width for node in layers for width in (node.shape[0], graph.input_shapes(node)[0][0]))
    plain = all(isinstance(node.op, Conv) and node.op.groups == 1 for node in layers)
    if len(widths) == 1 and plain:
        (channels,) = widths
        return f"{count // channels**2}C² = {count:,} weights, C = {channels}"
    return f"{count:,} weights of convolutions and linear layers"
