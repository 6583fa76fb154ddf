"""Bundles: several tensors that flow together, by the graphs they give, in which nothing is left of them."""

from __future__ import annotations

import pytest

import cnndsl
from cnndsl.backends.torch import generate
from cnndsl.ir import Graph
from cnndsl.ir.verify import verify

PYRAMID = "group { | conv 3x3, 4 as fine | conv 3x3, 6, /2 as coarse }"


def graph(statements: str, blocks: str = "") -> Graph:
    """The graph of a network on 4 x 8 x 8, in order."""
    done = cnndsl.loads(f"{blocks}\nnetwork t {{\n input 4 x 8 x 8 as image\n {statements}\n}}").graph
    verify(done)
    return done


def outputs(statements: str, blocks: str = "") -> list[tuple[str, tuple[int, ...]]]:
    done = graph(statements, blocks)
    return [(output.name, done[output.node].shape) for output in done.outputs]


def results(statements: str, blocks: str = "") -> list[str]:
    """The nodes that a network gives."""
    return [output.node for output in graph(statements, blocks).outputs]


@pytest.mark.parametrize(
    ("statements", "given"),
    [
        (PYRAMID, "fine.conv coarse.conv"),
        ("group { | relu }", "branch.relu"),
        ("group { | identity | from in }", "branch.identity image"),
        (f"{PYRAMID}\n group {{ | identity | from in[-1] -> relu }}", "fine.conv coarse.conv branch.relu"),
        (f"{PYRAMID}\n group {{ | from in[1:] | from in[0] }}", "coarse.conv fine.conv"),
        (f"{PYRAMID} as levels\n from image -> relu\n from levels[1]", "levels.coarse.conv"),
        (f"{PYRAMID} as levels\n from levels[:1] -> each {{ relu }}", "branch.relu"),
        (f"{PYRAMID} -> each {{ relu }}", "branch1.relu branch2.relu"),
        (f"{PYRAMID} -> repeat 2 {{ each {{ relu }} }}", "branch3.relu branch4.relu"),
        (f"{PYRAMID} -> stage {{ each {{ relu }} }}", "stage.branch1.relu stage.branch2.relu"),
        (f"{PYRAMID} -> each {{ split 2 }}", " ".join(f"branch{i}.channel_slice{j}" for i in (1, 2) for j in (1, 2))),
        (f"{PYRAMID}\n residual {{ each {{ conv 3x3, in.channels }} }}", "add1 add2"),
        (f"{PYRAMID} -> each w in [5, 7] {{ conv 1x1, w as c }}", "branch1.c branch2.c"),
        ("split 2 -> add", "add"),
        ("split 1 -> concat -> relu", "relu"),
        ("group { for i in range(3) { | conv 1x1, i + 1 } } -> concat", "concat"),
    ],
)
def test_what_flows_on(statements: str, given: str) -> None:
    assert results(statements) == given.split()


def test_a_merge_takes_all_tensors_of_a_branch() -> None:
    done = graph(
        "split [1, 3] as parts\n concat { | from parts | from parts[1] -> each2 | from image }",
        "block each2() { split 3 }",
    )
    assert [node.shape[0] for node in map(done.__getitem__, done.output.inputs)] == [1, 3, 1, 1, 1, 4]


def test_each_hands_out_numbers_and_items() -> None:
    each = "each i, w, n in zip([5, 7], [1, 2]) { repeat n { conv 3x3, w + i } }"
    assert outputs(f"{PYRAMID} -> {each}") == [("output1", (5, 8, 8)), ("output2", (8, 4, 4))]


def test_a_bundle_has_a_length_and_its_tensors_have_facts() -> None:
    counted = "let n, wide = [len(in), in[1].channels + in[0].height]"
    done = graph(f"{PYRAMID}\n {counted}\n add {{ | from in[0] | from image }} -> conv 1x1, n * wide")
    assert done.output.shape == (2 * (6 + 8), 8, 8)


def test_blocks_take_and_give_bundles() -> None:
    swap = "block swap() { group { | from in[1] | from in[0] } }"
    assert results(f"{PYRAMID} -> swap -> swap -> swap", swap) == ["coarse.conv", "fine.conv"]


def test_outputs_are_called_by_their_labels() -> None:
    assert outputs(f"{PYRAMID}") == [("fine", (4, 8, 8)), ("coarse", (6, 4, 4))]
    assert [name for name, _ in outputs(f"{PYRAMID} -> each {{ relu }}")] == ["output1", "output2"]
    assert [name for name, _ in outputs(f"{PYRAMID}\n group {{ | identity | from in[0] }}")] == [
        "fine",
        "coarse",
        "output3",
    ]
    assert [name for name, _ in outputs(f"head fine {{ relu }}\n {PYRAMID}")] == ["fine_", "coarse", "fine"]


def test_heads_alone_are_enough() -> None:
    body = f"conv 3x3, 4 -> relu\n {PYRAMID}"
    heads = "head boxes { each { conv 3x3, 4 } }\n head scores { each { conv 3x3, 2 } }"
    assert [name for name, _ in outputs(f"{body}\n {heads}")] == ["boxes1", "boxes2", "scores1", "scores2"]
    assert [name for name, _ in outputs("conv 3x3, 4 as c\n head a { relu }\n from c")] == ["output", "a"]
    assert [name for name, _ in outputs("conv 3x3, 4\n head a { relu }\n relu")] == ["output", "a"]
    assert [name for name, _ in outputs("conv 3x3, 4\n head a, train_only=true { relu }")] == ["output", "a"]


def test_slices_of_all_channels_are_one_call_in_the_source() -> None:
    assert "x1, x2, x3, x4 = x.chunk(4, dim=1)" in generate(graph("split 4 -> each { conv 1x1, 2 } -> concat"))
    assert "x1, x2 = x.split([1, 3], dim=1)" in generate(graph("split [1, 3] -> each { conv 1x1, 2 } -> concat"))
    assert "chunk" not in generate(graph("group { | channel_slice 0, 2 | channel_slice 0, 4 } -> concat"))
