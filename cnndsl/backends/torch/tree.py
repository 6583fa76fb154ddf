"""The graph as a tree of sections, one for each scope, which become the modules of the generated code.

A section knows which tensors it reads from outside and which of its own are read outside; both may be several,
since skip connections cross the borders of scopes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from cnndsl.ir.graph import Graph, Node, Scope
from cnndsl.ir.scopes import borders, own_name
from cnndsl.ops.base import Shape, TorchExpression, TorchModule
from cnndsl.source import Source


@dataclass(eq=False, slots=True)
class Layer:
    """A node in its section. `others` are further nodes that one expression with several results computes with it."""

    name: str
    node: Node
    input_shapes: tuple[Shape, ...]
    spelling: TorchModule | TorchExpression
    train_only: bool
    others: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return self.node.name

    @property
    def again(self) -> str:
        """The path of the module that it calls again."""
        return self.node.again if isinstance(self.spelling, TorchModule) else ""

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.node.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.node.name, *self.others)

    @property
    def line(self) -> tuple[Source, int]:
        """Its source and the line in it."""
        return self.node.span.source, self.node.span.line


@dataclass(eq=False, slots=True)
class Section:
    """A scope with what is in it.

    `inputs` are in order of first use, `outputs` in order of definition, but what flows as a bundle comes first, in the
    bundle's order. `borrows` are the paths of modules outside that are called again in it.
    """

    name: str
    scope: Scope
    parts: list[Part] = field(default_factory=list)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    train_only: bool = False
    borrows: dict[str, None] = field(default_factory=dict)

    @property
    def again(self) -> str:
        """The path of the section that it is once more: the same module, called again."""
        return self.scope.again

    @property
    def path(self) -> str:
        return self.scope.path

    @property
    def line(self) -> tuple[Source, int]:
        """Its source and the line in it."""
        return self.scope.span.source, self.scope.span.line

    @property
    def modules(self) -> Iterator[Layer | Section]:
        """The parts that become modules: all but stateless expressions, and what is called again."""
        return (part for part in self.parts if is_module(part))


Part: TypeAlias = Layer | Section


def is_module(part: Part) -> bool:
    """Whether a part becomes a module of its own."""
    return not part.again and (isinstance(part, Section) or isinstance(part.spelling, TorchModule))


def grow(graph: Graph) -> tuple[list[Section], list[Layer], dict[str, list[Section]]]:
    """All sections of `graph`, each after the sections in it, so that the whole network is the last, those that are
    called again among them; the layers; and the sections around each node, outermost first.

    A scope without modules is no section: what it computes is written where it is used.
    """
    scope = graph.scopes.get("") or Scope("", "network", graph.nodes[0].span)
    results = dict.fromkeys(output.node for output in graph.outputs)
    root = Section(graph.name, scope, [], tuple(node.name for node in graph.inputs), tuple(results))
    layers = list(_layers(graph))
    holding = _holding(layers, graph)
    around = {node.name: [root] for node in graph.inputs}
    opened, finished = [root], []
    for layer, (ended, begun) in zip(layers, borders(layer.node.name for layer in layers), strict=True):
        finished += [opened.pop() for path in ended if path in holding]
        for path in begun:
            if path in holding:
                _open(graph.scopes[path], opened)
        _put(layer, opened[-1])
        around[layer.node.name] = list(opened)
    finished.extend(reversed(opened))
    _wire(layers, around, root)
    for section in finished:
        section.train_only = all(part.train_only for part in section.parts)
    return finished, layers, around


def _layers(graph: Graph) -> Iterator[Layer]:
    """Every node but the inputs, by its full name for now."""
    always = graph.upstream(output.node for output in graph.outputs if not output.train_only)
    for node in graph:
        if node.op.arity != 0:
            shapes = graph.input_shapes(node)
            yield Layer(node.name, node, shapes, node.op.torch(*shapes), node.name not in always)


def _holding(layers: list[Layer], graph: Graph) -> set[str]:
    """The paths of the scopes with a module in them, and of those that are modules called again."""
    found: set[str] = set()
    for layer in layers:
        path = layer.node.name.rpartition(".")[0] if isinstance(layer.spelling, TorchModule) else ""
        if layer.again:
            path = _called(path, graph)
        while path and path not in found:
            found.add(path)
            path = "" if graph.scopes[path].again else path.rpartition(".")[0]
    return found


def _called(path: str, graph: Graph) -> str:
    """The outermost scope around `path` that is called again, if that is one; what is in it is no module here."""
    found = ""
    while path and graph.scopes[path].again:
        found, path = path, path.rpartition(".")[0]
    return found


def _open(scope: Scope, opened: list[Section]) -> None:
    section = Section(own_name(scope.path), scope)
    opened[-1].parts.append(section)
    opened.append(section)


def _put(layer: Layer, section: Section) -> None:
    """A layer where it belongs, called by the first part of its name that is its own there."""
    layer.name = layer.node.name.removeprefix(f"{section.path}.").partition(".")[0]
    section.parts.append(layer)


def _wire(layers: list[Layer], around: dict[str, list[Section]], root: Section) -> None:
    """Give every section its inputs and outputs. `around` holds the sections around a node, outermost first."""
    inputs: dict[Section, dict[str, None]] = {}
    kept: dict[str, int] = dict.fromkeys(root.outputs, 1)  # how many of the sections around a tensor see all its uses
    for layer in layers:
        here = around[layer.node.name]
        for source in layer.inputs:
            common = common_sections(around[source], here)
            kept[source] = min(kept.get(source, common), common)
            for section in here[common:]:
                inputs.setdefault(section, {})[source] = None
    _expose(layers, around, kept)
    outputs: dict[Section, list[str]] = {}
    for layer in layers:
        for section in around[layer.node.name][kept.get(layer.node.name, len(around)) :]:
            outputs.setdefault(section, []).append(layer.node.name)
    for section in {*inputs, *outputs}:
        section.inputs = _in_order(inputs.get(section, ()), section.scope.takes)
        section.outputs = _in_order(outputs.get(section, ()), section.scope.gives)


def _expose(layers: list[Layer], around: dict[str, list[Section]], kept: dict[str, int]) -> None:
    """What a module gives when it is called again, it gives at its first call too."""
    for layer in layers:
        for section in around[layer.path][kept.get(layer.path, len(around[layer.path])) :]:
            if section.again:
                first = _counterpart(layer.path, section, layers)
                outside = [each.path for each in around[first]]
                kept[first] = min(kept.get(first, len(outside)), outside.index(section.again))


def _counterpart(path: str, section: Section, layers: list[Layer]) -> str:
    """The layer that in the first call does what this one does in `section`: the one of the same number."""
    before, now = (
        [each.path for each in layers if each.path.startswith(f"{of}.")] for of in (section.again, section.path)
    )
    return before[now.index(path)]


def _in_order(tensors: Iterable[str], bundle: tuple[str, ...]) -> tuple[str, ...]:
    """Tensors of a bundle as they stand in it, and then the others."""
    known = dict.fromkeys(tensors)
    return tuple(dict.fromkeys([*(each for each in bundle if each in known), *known]))


def common_sections(one: Sequence[Section], other: Sequence[Section]) -> int:
    """How many sections, from the outside in, two nodes are both in."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a is not b:
            break
        count += 1
    return count
