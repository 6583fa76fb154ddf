"""The representation: what `verify` refuses, the exact text of a graph, and its scope tree with equal parts folded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from textwrap import dedent

import pytest

from cnndsl import loads
from cnndsl.ir import Graph, Node, Output, Scope
from cnndsl.ir.scopes import borders
from cnndsl.ir.tree import Part, fold, tree
from cnndsl.ir.verify import VerificationError, verify
from cnndsl.ops.activation import Relu
from cnndsl.ops.base import Shape
from cnndsl.ops.convolution import Conv
from cnndsl.ops.inputs import Input
from cnndsl.ops.merge import Add
from cnndsl.source import Source

NOWHERE = Source("hand.arch", "").span(0, 0)

BLOCKS = """
    block basic(filters, stride = 1) {
        residual shortcut=projection {
            conv 3x3, filters, /stride -> bn -> relu
            conv 3x3, filters -> bn
        }
        relu
    }
    block inception(n1, r3, n3) {
        concat {
            | conv 1x1, n1 -> relu
            | conv 1x1, r3 -> relu -> conv 3x3, n3 -> relu as wide
            | identity
        }
    }
"""

NETWORKS = {
    "chain": "input 3 x 8 x 8\n conv 3x3, 4 -> relu\n global_avgpool -> linear 5",
    "residual": "input 3 x 16 x 16\n stage { basic 8\n repeat 3 { basic 8 } }\nstage { basic 16, stride=2\n basic 16 }",
    "inception": "input 8 x 8 x 8\n inception 4, 2, 4 as first\n inception 4, 2, 4\n flatten -> linear 3",
    "heads": "input 3 x 8 x 8\n conv 3x3, 4 as stem\n head aux, train_only=true { relu -> flatten -> linear 2 }\n"
    "head side { sigmoid }\n relu",
    "fractal": "input 3 x 8 x 8\n fractal 3, drop_path=0.15 { conv 3x3, 4 -> relu }",
    "dense": "input 3 x 8 x 8\n stage { dense 3 { bn -> relu -> conv 3x3, 2 } }",
    "paths": "input 8 x 4 x 4\n add { repeat 5 { | conv 1x1, 2 -> relu -> conv 1x1, 8 } }",
}


def network(name: str) -> Graph:
    return loads(f"{BLOCKS}\nnetwork {name} {{ {NETWORKS[name]} }}").graph


@pytest.fixture(params=NETWORKS)
def graph(request: pytest.FixtureRequest) -> Graph:
    return network(request.param)


def node(name: str, op: Conv | Relu | Input | Add, inputs: str = "", shape: Shape = (4, 8, 8)) -> Node:
    return Node(name, op, tuple(inputs.split()), shape, NOWHERE)


def by_hand(*nodes: Node, scopes: str = "", output: str | None = None) -> Graph:
    return Graph(
        "hand",
        nodes,
        [Output("output", output or nodes[-1].name)],
        [Scope(s, "stage", NOWHERE) for s in scopes.split()],
    )


# --- verify


def test_what_is_elaborated_is_well_formed(graph: Graph) -> None:
    verify(graph)


INPUT = node("input", Input((4, 8, 8)))

BROKEN: dict[str, tuple[Callable[[], Graph], str]] = {
    "an empty part of a name": (
        lambda: by_hand(INPUT, node(".relu", Relu(), "input")),
        "'.relu': a name is parts between dots, and none of them may be empty",
    ),
    "inputs exist": (
        lambda: by_hand(INPUT, node("relu", Relu(), "conv"), output="input"),
        "relu: reads conv, and there is no such node",
    ),
    "inputs come first": (
        lambda: by_hand(INPUT, node("b", Relu(), "a"), node("a", Relu(), "input")),
        "b: reads a, which is defined after it",
    ),
    "nothing reads itself": (
        lambda: by_hand(INPUT, node("a", Relu(), "a")),
        "a: reads itself",
    ),
    "weights used again are those of a first use": (
        lambda: by_hand(INPUT, node("a", Conv((1, 1), 4), "input"), replace(node("b", Relu(), "a"), again="a")),
        "b: is no second use of a",
    ),
    "weights used again fit": (
        lambda: by_hand(
            INPUT,
            node("a", Conv((1, 1), 7), "input", (7, 8, 8)),
            replace(node("b", Conv((1, 1), 7), "a", (7, 8, 8)), again="a"),
        ),
        "b: has weights of other shapes than a",
    ),
    "no cycles": (
        lambda: by_hand(INPUT, node("a", Add(), "input b"), node("b", Relu(), "a")),
        "a: stands in a cycle, a -> b -> a",
    ),
    "one input is one": (
        lambda: by_hand(INPUT, node("relu", Relu(), "input input")),
        "relu: `relu` takes 1 input, not 2",
    ),
    "an input reads nothing": (
        lambda: by_hand(INPUT, node("again", Input((4, 8, 8)), "input")),
        "again: `input` takes no inputs, not 1",
    ),
    "a merge has two inputs": (
        lambda: by_hand(INPUT, node("add", Add(), "input")),
        "add: `add` takes two or more inputs, not 1",
    ),
    "shapes are derived": (
        lambda: by_hand(INPUT, node("conv", Conv((3, 3), 5), "input")),
        "conv: is 5 x 8 x 8, but 4 x 8 x 8 is stored",
    ),
    "layers fit": (
        lambda: by_hand(INPUT, node("conv", Conv((3, 3), 4, groups=3), "input")),
        "conv: groups = 3 does not divide the 4 input channels",
    ),
    "outputs exist": (
        lambda: by_hand(INPUT, output="relu"),
        "output: this output names relu, and there is no such node",
    ),
    "outputs have names of their own": (
        lambda: Graph("hand", [INPUT], [Output("output", "input"), Output("output", "input")]),
        "output: 2 outputs have this name",
    ),
    "nodes stand in scopes": (
        lambda: by_hand(INPUT, node("a.b.relu", Relu(), "input"), scopes="a"),
        "a.b.relu: stands in a.b, which is not a scope",
    ),
    "scopes stand in scopes": (
        lambda: by_hand(INPUT, scopes="a.b"),
        "a.b: stands in a, which is not a scope",
    ),
    "scopes are intervals": (
        lambda: by_hand(
            INPUT, node("a.x", Relu(), "input"), node("y", Relu(), "a.x"), node("a.z", Relu(), "y"), scopes="a"
        ),
        "a.z: belongs to scope a, which other nodes interrupt before it",
    ),
}


@pytest.mark.parametrize("law", BROKEN)
def test_verify_says_what_is_wrong(law: str) -> None:
    make, problem = BROKEN[law]
    with pytest.raises(VerificationError) as caught:
        verify(make())
    assert problem in caught.value.problems
    assert problem in str(caught.value)


def test_no_graph_has_two_parts_of_one_name() -> None:
    relu, scope = node("a.relu", Relu(), "input"), Scope("a", "stage", NOWHERE)
    for nodes, scopes in (
        ([INPUT, relu, relu], [scope]),
        ([INPUT, relu], [scope, scope]),
        ([INPUT, node("a", Relu(), "input"), relu], [scope]),
    ):
        with pytest.raises(ValueError, match="several nodes or scopes of one name: a"):
            Graph("t", nodes, [Output("output", "a.relu")], scopes)


def test_verify_compares_the_edges_of_networkx() -> None:
    graph = by_hand(INPUT, node("a", Relu(), "input"), node("b", Add(), "input a"))
    graph.network.remove_edge("a", "b", 1)
    graph.network.add_edge("input", "b", 1)
    with pytest.raises(VerificationError) as caught:
        verify(graph)
    assert caught.value.problems == [
        "b: argument 1 is a, but networkx has no such edge",
        "b: networkx has an edge from input as argument 1, but `inputs` has not",
    ]


def test_a_tensor_may_be_read_twice_by_one_node() -> None:
    verify(by_hand(INPUT, node("twice", Add(), "input input")))


def test_many_problems_are_counted_not_listed() -> None:
    graph = by_hand(INPUT, *(node(f"r{i}", Relu(), "gone") for i in range(50)), output="input")
    with pytest.raises(VerificationError, match=r"\.\.\. and 30 more$") as caught:
        verify(graph)
    assert len(caught.value.problems) == 50


# --- text

GOLDEN = """\
network net: 3 x 9 x 7 -> 9 x 5 x 7, 9 x 5 x 7

%input                   = input 3 x 9 x 7                                : N x 3 x 9 x 7  # <text>:8
stem: label                                                                                # <text>:9
  %stem.conv             = conv(%input) 5x5, 4, bias=false                : N x 4 x 9 x 7  # <text>:9
  %stem.relu             = relu(%stem.conv)                               : N x 4 x 9 x 7  # <text>:9
two: block two filters=3, side="left"                                                      # <text>:10
  two.branch: branch                                                                       # <text>:3
    %two.branch.conv     = conv(%stem.relu) 3x3, 3, /2x1                  : N x 3 x 5 x 7  # <text>:3
  two.named: branch                                                                        # <text>:4
    %two.named.conv      = conv(%stem.relu) 1x5, 6, /2x1, pad=0x2         : N x 6 x 5 x 7  # <text>:4
    %two.named.relu      = relu(%two.named.conv)                          : N x 6 x 5 x 7  # <text>:4
  %two.concat            = concat(%two.branch.conv, %two.named.relu)      : N x 9 x 5 x 7  # <text>:2
aux: head                                                                                  # <text>:11
  %aux.flatten           = flatten(%two.concat)                           : N x 315        # <text>:11
  %aux.linear            = linear(%aux.flatten) 2                         : N x 2          # <text>:11
side: head                                                                                 # <text>:12
  %side.sigmoid          = sigmoid(%two.concat)                           : N x 9 x 5 x 7  # <text>:12
%relu                    = relu(%two.concat)                              : N x 9 x 5 x 7  # <text>:13

output = %relu
train-only output aux = %aux.linear
output side = %side.sigmoid"""


def test_the_text_of_a_graph_is_exact() -> None:
    text = """\
    block two(filters, side = "left") {
        concat {
            | conv 3x3, filters, /2x1
            | conv 1x5, 2 * filters, /2x1, pad=[0, 0, 2, 2] -> relu as named
        }
    }
    network net {
        input 3 x 9 x 7
        conv 5x5, 4, bias=false -> relu as stem
        two 3
        head aux, train_only=true { flatten -> linear 2 }
        head side { sigmoid }
        relu
    }
    """
    graph = loads(dedent(text)).graph
    assert str(graph) == GOLDEN


def parsed(text: str) -> Iterator[tuple[str, str, tuple[str, ...], Shape]]:
    """Name, layer, inputs and shape of every node, read back from a graph's text."""
    for line in text.splitlines():
        found = re.match(r" *%(\S+) += (\w+)(?:\(([^)]*)\))?(.*) : N x ([\dx ]+?) +# ", line)
        if found:
            name, word, inputs, arguments, shape = found.groups()
            sources = tuple(re.findall(r"%([\w.]+)", inputs or ""))
            yield name, f"{word}{arguments.rstrip()}", sources, tuple(map(int, shape.split(" x ")))


def test_the_text_holds_everything(graph: Graph) -> None:
    assert list(parsed(str(graph))) == [(n.name, str(n.op), n.inputs, n.shape) for n in graph]
    for path in filter(None, graph.scopes):
        assert re.search(rf"^ *{re.escape(path)}: ", str(graph), re.MULTILINE)
    for output in graph.outputs:
        assert f"= %{output.node}" in str(graph).splitlines()[-len(graph.outputs) + graph.outputs.index(output)]


def test_columns_are_aligned(graph: Graph) -> None:
    lines = [line for line in str(graph).splitlines() if " # " in line]
    columns = Counter(line.index(" # ") for line in lines)
    assert len(columns) == 1 or len(lines) - max(columns.values()) == sum(len(n.inputs) > 2 for n in graph)
    assert not any(line != line.rstrip() for line in str(graph).splitlines())


def test_a_long_cell_moves_no_other_line() -> None:
    names = [f"a_long_name_for_one_of_many_branches_{i}" for i in range(4)]
    branches = [node(name, Relu(), "input") for name in names]
    short = str(by_hand(INPUT, *branches)).splitlines()
    long = str(by_hand(INPUT, *branches, node("add", Add(), " ".join(names)))).splitlines()
    assert long[: len(short) - 2] == short[:-2]


# --- the scope tree


def test_a_walk_stands_in_the_scopes_around_each_node() -> None:
    names = ["input", "a.x", "a.b.c.y", "a.b.z", "ab.x", "ab.c.x", "abc", "d.e.f.g", "d.h"]
    inside: list[str] = []
    for name, (ended, begun) in zip(names, borders(names), strict=True):
        assert ended == inside[::-1][: len(ended)]  # innermost first
        inside = [*inside[: len(inside) - len(ended)], *begun]
        parts = name.split(".")
        assert inside == [".".join(parts[:depth]) for depth in range(1, len(parts))]


def nodes_of(part: Part) -> Iterator[Node]:
    """All nodes inside, repeats too, in order."""
    pending: list[Node | Part] = [part]
    while pending:
        item = pending.pop()
        if isinstance(item, Part):
            pending += [*reversed(item.repeats), *reversed(item.items)]
        else:
            yield item


def parts_of(part: Part) -> Iterator[Part]:
    pending = [part]
    while pending:
        part = pending.pop()
        yield part
        pending += [item for item in (*part.items, *part.repeats) if isinstance(item, Part)]


def test_the_tree_has_every_node_once_in_order(graph: Graph) -> None:
    root = tree(graph.nodes, graph.scopes)
    assert list(nodes_of(root)) == list(graph)
    assert {part.scope.path for part in parts_of(root)} == {"", *graph.scopes}
    for part in parts_of(root):
        assert list(nodes_of(part)) == list(graph.nodes[part.start : part.stop])
        assert all(n.name.startswith(f"{part.scope.path}.") for n in nodes_of(part) if part.scope.path)


def test_folding_loses_nothing(graph: Graph) -> None:
    folded = fold(graph.nodes, tree(graph.nodes, graph.scopes))
    assert list(nodes_of(folded)) == list(graph)
    for part in parts_of(folded):
        assert (
            len({tuple((n.op, n.shape) for n in nodes_of(replace(p, repeats=()))) for p in (part, *part.repeats)}) == 1
        )


def outline(part: Part) -> list[str]:
    """`stage1`, `stage1.basic1 x4`, ...: the paths of the folded tree."""
    found = []
    pending: list[Node | Part] = list(reversed(part.items))
    while pending:
        item = pending.pop()
        if isinstance(item, Part):
            found.append(item.scope.path + (f" x{item.count}" if item.repeats else ""))
            pending += reversed(item.items)
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "residual",
            "stage1|stage1.basic1|stage1.basic1.shortcut|stage1.basic2 x3|"
            "stage2|stage2.basic1|stage2.basic1.shortcut|stage2.basic2",
        ),
        (
            "inception",
            "first|first.branch1|first.wide|first.branch2|inception|inception.branch1|inception.wide|inception.branch2",
        ),
        ("paths", "branch1 x5"),
        ("dense", "stage|stage.layer1|stage.layer2|stage.layer3"),
    ],
)
def test_equal_neighbours_are_folded(name: str, expected: str) -> None:
    graph = network(name)
    assert outline(fold(graph.nodes, tree(graph.nodes, graph.scopes))) == expected.split("|")


def pair(second: str, ops: tuple[Relu | Add, ...] = (Relu(), Add())) -> Graph:
    """Two scopes of a relu and an add; `second` is what the second add reads."""
    return by_hand(
        INPUT,
        node("a.relu", Relu(), "input"),
        node("a.add", Add(), "a.relu input"),
        node("b.relu", ops[0], "a.add"),
        node("b.add", ops[1], second),
        scopes="a b",
    )


@pytest.mark.parametrize(
    ("second", "same"),
    [
        ("b.relu a.add", True),  # what the first does, one further
        ("a.add b.relu", False),  # the arguments the other way round
        ("b.relu input", False),  # from outside comes a second tensor
        ("b.relu a.relu", False),
        ("b.relu b.relu", False),
    ],
)
def test_parts_are_equal_only_if_they_are_wired_alike(second: str, same: bool) -> None:
    graph = pair(second)
    verify(graph)
    assert outline(fold(graph.nodes, tree(graph.nodes, graph.scopes))) == (["a x2"] if same else ["a", "b"])


# --- size


def long_chain(length: int) -> Graph:
    """Layers in scopes of ten within scopes of a thousand."""
    nodes = [INPUT]
    scopes = []
    for i in range(length):
        stage = f"stage{i // 1000}"
        block = f"{stage}.block{i // 10 % 100}"
        if i % 1000 == 0:
            scopes.append(stage)
        if i % 10 == 0:
            scopes.append(block)
        op = Relu() if i % 2 else Conv((3, 3), 4)
        nodes.append(node(f"{block}.layer{i % 10}", op, nodes[-1].name))
    return by_hand(*nodes, scopes=" ".join(scopes))


def deep_nest(depth: int) -> Graph:
    paths = [".".join(["s"] * (i + 1)) for i in range(depth)]
    return by_hand(INPUT, node(f"{paths[-1]}.relu", Relu(), "input"), scopes=" ".join(paths))


def test_large_networks_take_seconds() -> None:
    graph = long_chain(20_000)
    verify(graph)
    assert str(graph).count("\n") > 22_000
    root = fold(graph.nodes, tree(graph.nodes, graph.scopes))
    assert [(part.scope.path, part.count) for part in root.items if isinstance(part, Part)] == [("stage0", 20)]


def test_nesting_deeper_than_the_stack_of_python() -> None:
    graph = deep_nest(3000)
    verify(graph)
    assert len(outline(fold(graph.nodes, tree(graph.nodes, graph.scopes)))) == 3000
    assert str(graph).count("stage") == 3000
