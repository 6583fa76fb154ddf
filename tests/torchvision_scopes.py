"""Networks of the zoo with the scopes that torchvision's modules give them, for what reads such scopes."""

from __future__ import annotations

import re
from dataclasses import replace

import zoo

from cnndsl.ir import Graph, Node, Scope

# What becomes of a node's path, in this order, and the class of each scope.
RENAMED = {
    "resnet50": [(r"^stage(\d+)\.bottleneck(\d+)", r"layer\1.\2"), (r"\.shortcut\.", r".downsample.")],
    "densenet121": [
        (r"^(stage|transition)", r"features.\1"),
        (r"\.stage(\d+)\.layer(\d+)", r".denseblock\1.denselayer\2"),
        (r"\.denselayer\d+\.concat$", r".concat"),
    ],
    "mobilenet_v2": [
        (r"^stage(\d+)\.bottleneck(\d*)\.inverted\.(conv|bn|relu6)1$", r"features.\1_\2.conv.0.\3"),
        (r"^stage(\d+)\.bottleneck(\d*)\.inverted\.(depthwise|bn2|relu62)$", r"features.\1_\2.conv.1.\3"),
        (r"^stage(\d+)\.bottleneck(\d*)\.inverted\.", r"features.\1_\2.conv."),
        (r"^stage(\d+)\.bottleneck(\d*)\.", r"features.\1_\2."),
        (r"^(conv1|bn1|relu61)$", r"features.0.\1"),
    ],
    "googlenet": [
        (r"\.branch1\.", r".branch1.0."),
        (r"\.branch(\d)\.(conv|relu)(\d)$", r".branch\1.\3.\2"),
        (r"^conv2\.(conv|relu)(\d)$", r"conv2_\2.\1"),
    ],
}
CLASSES = {
    r"layer\d": "Sequential",
    r"layer\d\.\d+": "Bottleneck",
    r"layer\d\.\d+\.downsample": "Sequential",
    r"features": "Sequential",
    r"features\.denseblock\d": "_DenseBlock",
    r"features\.denseblock\d\.denselayer\d+": "_DenseLayer",
    r"features\.transition\d": "_Transition",
    r"features\.\d+_\d*": "InvertedResidual",
    r"features\.\d+_\d*\.conv": "Sequential",
    r"features\.(0|\d+_\d*\.conv\.\d)": "Conv2dNormActivation",
    r"inception\w+": "Inception",
    r"inception\w+\.branch\d": "Sequential",
    r"(inception\w+\.branch\d\.\d|conv\d(_\d)?)": "BasicConv2d",
}


def network(name: str) -> Graph:
    """One of the networks `RENAMED`."""
    graph = next(found[name] for path in zoo.FILES if name in (found := zoo.graphs(path)))
    return _joined_at_once(_renamed(graph, RENAMED[name]))


def _renamed(graph: Graph, rules: list[tuple[str, str]]) -> Graph:
    names: dict[str, str] = {}
    for node in graph:
        path = node.name
        for pattern, became in rules:
            path = re.sub(pattern, became, path)
        names[node.name] = path if path not in names.values() else f"{path}_{len(names)}"
    nodes = [replace(node, name=names[node.name], inputs=tuple(names[each] for each in node.inputs)) for node in graph]
    outputs = [replace(output, node=names[output.node]) for output in graph.outputs]
    return Graph(graph.name, nodes, outputs, [graph.scopes[""], *_scopes(nodes)])


def _scopes(nodes: list[Node]) -> list[Scope]:
    paths: dict[str, Scope] = {}
    for node in nodes:
        parts = node.name.split(".")[:-1]
        for depth in range(1, len(parts) + 1):
            path = ".".join(parts[:depth])
            block = next((name for pattern, name in CLASSES.items() if re.fullmatch(pattern, path)), None)
            paths.setdefault(path, Scope(path, "block" if block else "stage", node.span, block))
    return [*paths.values()]


def _joined_at_once(graph: Graph) -> Graph:
    """Every concat that reads another reads all that this joins, as a list that grows."""
    joined: dict[str, tuple[str, ...]] = {}
    nodes = []
    for node in graph:
        if node.op.word == "concat":
            joined[node.name] = tuple(name for each in node.inputs for name in joined.get(each, (each,)))
        nodes.append(replace(node, inputs=joined.get(node.name, node.inputs)))
    return Graph(graph.name, nodes, graph.outputs, graph.scopes.values())
