"""Other graphs of one network: some of its tensors as outputs, its head alone, or with another classifier.

Layers keep their names, and with them their weights.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace

from cnndsl.diagnostics.suggest import did_you_mean
from cnndsl.diagnostics.wording import few
from cnndsl.errors import ModelError, ParameterError
from cnndsl.features.trunk import ENDS_MAPS, classifier
from cnndsl.ir.graph import Graph, Node, Output
from cnndsl.ops.inputs import Input
from cnndsl.ops.reshape import Flatten
from cnndsl.passes.drop_unused import drop_unused
from cnndsl.passes.free_name import free_name

COUNTS = ("features", "filters")  # what layers call the number that a classifier has of its classes
MOST_CLASSES = 2**31 - 1


def up_to(graph: Graph, names: Iterable[str]) -> Graph:
    """What computes these nodes, which are its outputs, in their order."""
    outputs = (Output(f"output{number}", name) for number, name in enumerate(names))
    return drop_unused(graph.rewrite(graph, outputs))


def parts_of(graph: Graph) -> list[str]:
    """The paths of all parts and layers."""
    return [*(path for path in graph.scopes if path), *(node.name for node in graph)]


def tensor_at(graph: Graph, path: str) -> str:
    """The node that gives the result of the layer or part at `path`. Raises `ParameterError` if there is not one."""
    if path in graph:
        return path
    if path not in graph.scopes or not path:
        known = parts_of(graph)
        hint = did_you_mean(path, known, f"it has {few(known)}")
        raise ParameterError(f"{graph.name} has no part {path}; {hint}")
    results = results_of(graph, path)
    if len(results) != 1:
        raise ParameterError(f"{path} gives {len(results)} tensors; name one: {few(results)}")
    return results[0]


def results_of(graph: Graph, path: str) -> list[str]:
    """What a part gives: its nodes that are read outside of it, or are outputs."""
    inside = [node.name for node in graph if node.name.startswith(f"{path}.")]
    return [name for name in inside if graph.is_output(name) or _is_read_outside(graph, name, path)]


def _is_read_outside(graph: Graph, name: str, path: str) -> bool:
    return any(not reader.name.startswith(f"{path}.") for reader in graph.consumers(name))


def head(graph: Graph, features: Node) -> Graph:
    """From the map that is classified to the result. Raises `ModelError` if the way reads anything else."""
    graph = graph.inference()
    before = graph.upstream([features.name])
    name = free_name("features", graph.taken_names())
    source = replace(features, name=name, op=Input(features.shape), inputs=(), again="")
    nodes = [source]
    for node in graph:
        if node.name not in before:
            if before.intersection([*node.inputs, node.again]) - {features.name}:
                raise ModelError(f"the head of {graph.name} reads more than its features, so it is no part by itself")
            inputs = (name if each == features.name else each for each in node.inputs)
            nodes.append(replace(node, inputs=tuple(inputs)))
    return graph.rewrite(nodes)


def without_classifier(graph: Graph) -> Graph:
    """The network up to its classifier, as a vector: activations after it are gone, pools are not."""
    layer = classifier(graph).layer
    (main,) = graph.inference().outputs
    after, source = {layer.name}, {layer.name: layer.inputs[0]}
    shapes = {node.name: node.shape for node in graph}
    kept: list[Node] = []
    for node in graph:
        inputs = tuple(source.get(name, name) for name in node.inputs)
        if node.name != layer.name and after.intersection(node.inputs):
            after.add(node.name)
            if not isinstance(node.op, ENDS_MAPS):
                source[node.name] = inputs[0]
        if node.name not in source:
            kept.append(_settled(node, inputs, shapes))
            shapes[node.name] = kept[-1].shape
    end = source.get(main.node, main.node)
    if len(shapes[end]) == 3:
        name = free_name("flatten", graph.taken_names())
        kept.append(_settled(Node(name, Flatten(), (), (), layer.span), (end,), shapes))
        end = name
    outputs = (replace(each, node=end) if each is main else each for each in graph.outputs)
    return graph.rewrite(kept, outputs)


def check_classes(number: object) -> None:
    """Raise `ParameterError` for what is no number of classes; 0 is one."""
    if type(number) is not int or not 0 <= number <= MOST_CLASSES:
        raise ParameterError(f"num_classes is a whole number from 0, not {number!r}")


def with_classes(graph: Graph, classes: int) -> Graph:
    """The network with a classifier of another size; without one for 0 classes. Raises `ParameterError`."""
    check_classes(classes)
    if classes == 0:
        return without_classifier(graph)
    layer = classifier(graph).layer
    count = next((each.name for each in fields(layer.op) if each.name in COUNTS), None)
    if count is None:
        raise ModelError(f"the classifier of {graph.name} is a `{layer.op.word}`, whose size is not its own")
    resized = replace(layer, op=replace(layer.op, **{count: classes}))
    shapes = {node.name: node.shape for node in graph}
    nodes = []
    for node in graph:
        nodes.append(_settled(resized if node.name == layer.name else node, node.inputs, shapes))
        shapes[node.name] = nodes[-1].shape
    return graph.rewrite(nodes)


def _settled(node: Node, inputs: tuple[str, ...], shapes: dict[str, tuple[int, ...]]) -> Node:
    """The node with these inputs, and of the shape that follows from theirs."""
    return replace(node, inputs=inputs, shape=node.op.output(*(shapes[name] for name in inputs)))
