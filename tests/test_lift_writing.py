"""The text that is written of a graph is that graph again, and short."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torchvision_scopes
import zoo
from random_networks import random_network
from random_streams import random_streams
from written_graphs import anonymous, differences

from cnndsl import loads
from cnndsl.ir import Graph
from cnndsl.lifting.writing import write, written
from cnndsl.lifting.writing.naming import snake
from cnndsl.source import Source
from cnndsl.syntax.format import format_source

SMALL = 1_200  # layers
SEEDS = (*range(40), 299, 327, 345, 507)
FILES = {path: zoo.first_two(path)[0] for path in zoo.FILES}
GRAPHS = [graph for graph in FILES.values() if len(graph) < SMALL]
OWN = {graph.name: path for path, graph in FILES.items()}


def lines(text: str) -> int:
    """Those with code."""
    return sum(not line.startswith("#") for line in map(str.strip, text.split("\n")) if line)


def same(graph: Graph) -> str:
    """The text of a graph, which is that graph, in canonical form."""
    found = written(graph)
    assert [*differences(graph, found)] == [], found.text
    assert format_source(Source(graph.name, found.text))[0] == found.text
    return found.text


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.name)
def test_the_zoo_is_written_as_it_is(graph: Graph) -> None:
    assert lines(same(graph)) <= 2 * lines(OWN[graph.name].read_text(encoding="utf-8"))


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.name)
def test_the_zoo_without_names_is_written_as_it_is(graph: Graph) -> None:
    same(anonymous(graph))


@pytest.mark.slow
@pytest.mark.parametrize("path", zoo.FILES, ids=zoo.stem)
def test_all_of_the_zoo_is_written_as_it_is(path: Path) -> None:
    for graph in zoo.graphs(path).values():
        same(graph)
        same(anonymous(graph))


@pytest.mark.parametrize("seed", SEEDS)
def test_random_networks_are_written_as_they_are(seed: int) -> None:
    graph = loads(random_network(seed)).graph
    same(graph)
    same(anonymous(graph))


@pytest.mark.parametrize("seed", range(12))
def test_random_streams_are_written_as_they_are(seed: int) -> None:
    graph = loads(random_streams(seed)).graph
    same(graph)
    same(anonymous(graph))


TEXTS = {
    "resnet": (
        "conv 3x3, 16 -> bn -> relu\n"
        "residual shortcut=projection { conv 3x3, 32, /2 -> bn -> relu\n conv 3x3, 32 -> bn }\n relu",
        ["residual shortcut=projection {", "conv 3x3, 32, /2 -> bn -> relu"],
    ),
    "dense": (
        "conv 3x3, 8\n dense 4 { bn -> relu -> conv 3x3, 4, bias=false }",
        ["dense 4 { bn -> relu -> conv 3x3, 4"],
    ),
    "repeat": ("repeat 5 { conv 3x3, 8 -> relu }", ["repeat 5 { conv 3x3, 8 -> relu }"]),
    "gate": (
        "conv 3x3, 32\n mul { | identity | global_avgpool -> conv 1x1, 8 -> relu -> conv 1x1, 32 -> sigmoid }",
        ["mul { | identity | global_avgpool -> conv 1x1, 8 -> relu -> conv 1x1, 32 -> sigmoid }"],
    ),
    "fractal": (
        "conv 3x3, 8\n fractal 3, drop_path=0.1 { conv 3x3, 8 -> bn -> relu }",
        ["fractal 3, drop_path=0.1 { conv 3x3, 8 -> bn -> relu }"],
    ),
    "again": (
        "group { | identity | maxpool 2x2, /2 } as p\n"
        "group { | from p[0] -> conv 3x3, 8 -> relu as t | from p[1] -> again t }",
        ["again t"],
    ),
    "branches": ("add { repeat 4 { | conv 3x3, 8 -> relu } }", ["repeat 4 { | conv 3x3, 8 -> relu }"]),
    "like": ("conv 3x3, 8, /2 -> relu -> resize like=image", ["resize like=image"]),
}


@pytest.mark.parametrize("name", TEXTS)
def test_structures_are_found(name: str) -> None:
    text, expected = TEXTS[name]
    graph = loads(f"network t {{\n input 3 x 32 x 32 as image\n {text}\n}}").graph
    found = same(graph)
    for line in expected:
        assert line in found


def test_blocks_that_differ_in_numbers_are_one() -> None:
    graph = zoo.graphs(next(path for path in zoo.FILES if path.stem == "resnet"))["resnet50"]
    for each in (graph, anonymous(graph)):
        text = same(each)
        assert text.count("block ") == 1
        assert "bottleneck(filters, stride = 1) {" in text and "conv 1x1, 4 * filters -> bn" in text


# Blocks of several tensors, and of lines that some calls leave out: a file, and lines that are written of its network.
FILES_OF_BLOCKS = {
    "streams": (
        """
        block exchange {
            group {
                | add { | from in[0] | from in[1] -> conv 1x1, 8 -> bn -> upsample 2 } -> relu
                | add { | from in[0] -> conv 3x3, 16, /2 -> bn | from in[1] } -> relu
            }
        }
        network streams {
            input 3 x 32 x 32
            group { | conv 3x3, 8 -> relu | conv 3x3, 16, /2 -> relu }
            repeat 8 { each { residual { conv 3x3, in.channels -> bn -> relu } } -> exchange }
            each { adaptive_avgpool 4 } -> concat -> flatten -> linear 5
        }
        """,
        ["block exchange {", "repeat 8 {", "each { unit }", "concat -> flatten"],
    ),
    "heads": (
        """
        block tower(results) {
            identity as parts
            for i in range(len(in)) {
                from parts[i]
                repeat 3 { conv 3x3, 8 -> bn -> relu }
                conv 3x3, results as level[i]
            }
            group { for i in range(len(parts)) { | from level[i] } }
        }
        network heads {
            input 8 x 32 x 32
            group { | identity | maxpool 2x2, /2 | maxpool 4x4, /4 } as levels
            head scores { tower 6 }
            from levels
            head boxes { tower 4 }
        }
        """,
        ["block tower(filters) {", "head scores { tower 6 }", "head boxes { tower 4 }"],
    ),
    "rounds of a block": (
        """
        block level(width, n) {
            conv 3x3, width, /2 -> bn
            repeat n { residual { conv 3x3, width -> bn -> relu } }
            conv 1x1, width -> relu
        }
        network stages {
            input 8 x 32 x 32
            level 16, 2 -> level 24, 4 -> level 32, 5
        }
        """,
        ["block level(filters, n) {", "repeat n {", "level 24, 4"],
    ),
    "parts of bundles": (
        """
        block pair {
            from in as two
            add { | from two[0] -> conv 3x3, 8 -> bn -> relu | from two[1] -> conv 1x1, 8 -> bn -> relu }
            conv 3x3, 8 -> bn -> relu
        }
        block layer {
            from in as parts
            from parts[:2] -> pair as first
            from parts[1:3] -> pair as last
            group { | from parts[0] -> conv 3x3, 8 -> bn -> relu | from first | from last }
        }
        network scales {
            input 8 x 32 x 32
            group { | conv 3x3, 8 -> relu | conv 3x3, 8 -> relu | conv 3x3, 8 -> relu }
            repeat 4 { layer }
            concat -> conv 3x3, 5
        }
        """,
        ["from parts[:2] -> pair as last"],
    ),
    "parts of channels": (
        """
        block mixed {
            concat {
                | channel_slice 0, 3 * in.channels // 4 -> conv 3x3, in.channels -> bn -> relu
                | channel_slice 3 * in.channels // 4, in.channels -> conv 5x5, in.channels -> bn -> relu
            }
            conv 3x3, 2 * in.channels -> bn -> relu
            conv 3x3, in.channels -> bn -> relu
        }
        network mixing {
            input 8 x 32 x 32
            mixed -> mixed -> conv 1x1, 16
            mixed -> mixed -> conv 1x1, 24
            mixed -> mixed
        }
        """,
        ["channel_slice 0, 3 * in.channels // 4 -> conv 3x3", "repeat 2 { mixed }"],
    ),
    "a stage of calls in a line": (
        """
        block unit(filters) {
            conv 1x1, filters -> bn -> relu
            conv 3x3, filters -> bn -> relu
            conv 1x1, filters -> bn -> relu
        }
        block level {
            conv 5x5, in.channels -> bn -> relu
            conv 3x3, in.channels -> bn -> relu as level
            stage { unit level.channels // 2 -> unit 2 * level.channels }
        }
        network levels {
            input 8 x 32 x 32
            level -> conv 1x1, 12
            level -> conv 1x1, 24
            level
        }
        """,
        ["stage { unit in.channels // 2 -> unit filters }"],
    ),
    "each of the results": (
        """
        network pyramid {
            input 8 x 32 x 32
            conv 3x3, 8 as fine
            conv 3x3, 12, /2 as coarse
            group {
                | from fine -> conv 3x3, 16 -> bn -> relu -> conv 1x1, 4
                | from coarse -> conv 3x3, 16 -> bn -> relu -> conv 1x1, 4
                | from coarse -> conv 3x3, 14, /2 -> relu -> conv 3x3, 16 -> bn -> relu -> conv 1x1, 4
            }
        }
        """,
        ["| from fine\n        | from coarse\n        | from coarse -> conv 3x3, 14, /2 -> relu\n", "each {"],
    ),
    "rounds of calls": (
        """
        block unit(width, stride = 1) {
            residual shortcut=projection {
                conv 1x1, width -> bn -> relu
                conv 3x3, width, /stride -> bn -> relu
                conv 1x1, width -> bn
            }
            relu
        }
        block level(width, n) {
            unit width, /2
            repeat n { unit width }
        }
        network levels {
            input 8 x 64 x 64
            level 16, 2 -> level 24, 4 -> level 32, 7
        }
        """,
        ["for filters, n in [[16, 2], [24, 4], [32, 7]] {", "repeat n { unit filters }"],
    ),
    "lines left out": (
        """
        block unit(width, filters, stride = 1, gated = false) {
            residual shortcut=projection {
                conv 1x1, width -> bn -> relu
                if stride > 1 { depthwise 3x3, /stride -> bn }
                if gated { mul { | identity | global_avgpool -> conv 1x1, 4 -> relu -> conv 1x1, width -> sigmoid } }
                conv 1x1, filters -> bn
            }
            relu
        }
        network units {
            input 8 x 32 x 32
            unit 16, 8 -> unit 24, 16, /2 -> unit 32, 16, gated=true -> unit 40, 24, /2, gated=true -> unit 48, 24
        }
        """,
        [
            "block unit(width, filters, with_depthwise = false, gated = false) {",
            "if with_depthwise { depthwise 3x3, /2 -> bn }",
            "if gated {",
            "unit 40, 24, with_depthwise=true, gated=true",
        ],
    ),
}


@pytest.mark.parametrize("name", FILES_OF_BLOCKS)
def test_blocks_are_found(name: str) -> None:
    text, expected = FILES_OF_BLOCKS[name]
    graph = loads(text).graph
    found = same(graph)
    for line in expected:
        assert line in found, found
    same(anonymous(graph))


def test_streams_without_names_are_blocks() -> None:
    text, _ = FILES_OF_BLOCKS["streams"]
    assert "repeat 8 { exchange }" in same(anonymous(loads(text).graph))


def test_hrnet_without_names_is_not_much_longer() -> None:
    graph = next(graph for graph in GRAPHS if graph.name == "hrnet_w18")
    text = same(anonymous(graph))
    assert "repeat 4 { exchange" in text
    assert lines(text) <= 1.5 * lines(same(graph))


# Lines that the text of a network with torchvision's scopes has.
MODULES = {
    "resnet50": [
        "block bottleneck(filters, stride = 1) {",
        "residual shortcut=projection {",
        "stage { bottleneck 128, /2 -> repeat 3 { bottleneck 128 } }",
    ],
    "densenet121": ["block dense_block(n) {", "dense n {"],
    "mobilenet_v2": ["residual when = in.channels == filters {", "repeat 3 { inverted_residual 96 }"],
    "googlenet": ["block inception(n1, r3, n3, r5, n5, pool) {", "inception 64, 96, 128, 16, 32, 32"],
}


@pytest.mark.parametrize("name", MODULES)
def test_scopes_of_modules_become_blocks(name: str) -> None:
    text = same(torchvision_scopes.network(name))
    assert text.count("\nblock ") == 1
    for line in MODULES[name]:
        assert line in text


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("InvertedResidual", "inverted_residual"),
        ("ConvBN", "conv_bn"),
        ("SEBlock", "se_block"),
        ("GhostV2", "ghost_v2"),
    ],
)
def test_classes_give_blocks_their_names(name: str, block: str) -> None:
    assert snake(name) == block


def test_rates_that_grow_are_counted() -> None:
    graph = zoo.graphs(next(path for path in zoo.FILES if path.stem == "convnext_tiny"))["convnext_tiny"]
    assert "for i in range(6, 15) { unit 0.1 * i / 17 }" in same(graph)


def test_labels_are_those_of_parts() -> None:
    graph = zoo.graphs(next(path for path in zoo.FILES if path.stem == "unet"))["unet"]
    assert "double_conv 64 as level1" in same(graph)


def test_a_list_and_a_number_have_no_default() -> None:
    pads = ["1", "1", "[0, 1, 0, 1]", "1"]
    rounds = [
        f"conv 3x3, {8 + i * i}, pad={pad} -> relu -> conv 3x3, {8 + i * i} -> bn -> relu6 -> maxpool 2x2, /1"
        for i, pad in enumerate(pads)
    ]
    text = same(loads(f"network t {{\n input 3 x 32 x 32\n {' -> conv 5x5, 3 -> '.join(rounds)}\n}}").graph)
    assert "(filters, pad) {" in text


def test_what_is_nested_deeply_gets_labels() -> None:
    made = "\n".join(f"conv 3x3, 8 as a{number}" for number in range(300))
    read = "\n".join(f"add {{ | from a{number} | identity }}" for number in reversed(range(300)))
    same(loads(f"network t {{\n input 8 x 4 x 4\n {made}\n {read}\n}}").graph)


@pytest.mark.parametrize("name", ["", "network", "für 3", "in"])
def test_any_name_will_do(name: str) -> None:
    """Of the network, and of a layer that must be named."""
    text = "relu as a\n conv 3x3, 8 as b\n conv 3x3, 3 as c\n concat { | from a | from b | from c }"
    graph = loads(f"network t {{\n input 3 x 8 x 8\n {text}\n}}").graph
    names = {node.name: name or "x" if node.op.word == "relu" else node.name for node in graph}
    nodes = [replace(node, name=names[node.name], inputs=tuple(names[each] for each in node.inputs)) for node in graph]
    same(Graph(name, nodes, [replace(output, node=names[output.node]) for output in graph.outputs]))


def test_a_header_is_a_comment() -> None:
    graph = loads("network t {\n input 3 x 8 x 8\n relu\n}").graph
    assert write(graph, header=["One.\nTwo.", "Three."]).startswith("# One.\n# Two.\n# Three.\narch 1\n")
    assert write(graph, header="From a file.\n\nAs it is.").startswith("# From a file.\n#\n# As it is.\narch 1\n")
