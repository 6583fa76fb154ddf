"""The optimising passes: on any network they compute the same, and each says why it leaves a layer alone."""

from __future__ import annotations

import pytest
from equal_graphs import assert_equal
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_networks import networks

from cnndsl import loads
from cnndsl.analysis.cost import costs, total
from cnndsl.ir import Graph
from cnndsl.ir.recipe import Original, apply, originals
from cnndsl.ops.fused import Affine, Fused
from cnndsl.passes import CPU_PIPELINE, GPU_PIPELINE, PIPELINE, Notes, Pass, run
from cnndsl.passes.add_in_place import add_in_place
from cnndsl.passes.blocked_stem import blocked_stem
from cnndsl.passes.drop_identity import drop_identity
from cnndsl.passes.drop_training import drop_training
from cnndsl.passes.fold_bn import fold_bn
from cnndsl.passes.fuse_activation import fuse_activation
from cnndsl.passes.fuse_add import fuse_add
from cnndsl.passes.merge_expansions import merge_expansions
from cnndsl.passes.merge_siblings import merge_siblings
from cnndsl.passes.order_pool import order_pool
from cnndsl.passes.pack_weights import pack_weights
from cnndsl.passes.part_shared import part_shared
from cnndsl.passes.placement import Slice, concat_slices
from cnndsl.passes.projection_shortcut import projection_shortcut
from cnndsl.passes.prologue import prologue
from cnndsl.passes.separate_padding import separate_padding
from cnndsl.passes.standardize_weights import standardize_weights

PREPARING = (part_shared, standardize_weights, separate_padding)  # all others count on what these leave


@pytest.mark.parametrize("pipeline", [CPU_PIPELINE, GPU_PIPELINE], ids=["cpu", "gpu"])
@given(networks())
@settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
def test_every_pass_keeps_what_is_computed(pipeline: tuple[Pass, ...], graph: Graph) -> None:
    stages: list[Graph] = []
    run(graph, pipeline, observe=lambda _, made: stages.append(made))
    try:
        assert_equal(stages[-1], graph)
    except AssertionError:
        for stage in stages:  # the first that is wrong is the culprit's
            assert_equal(stage.inference(), graph)
        raise


@given(networks())
@settings(max_examples=examples(24), deadline=None, suppress_health_check=list(HealthCheck))
def test_projections_keep_what_is_computed(graph: Graph) -> None:
    passes = (drop_training, fold_bn, fuse_add, fuse_activation, projection_shortcut)
    assert_equal(run(run(graph), (*PREPARING, *passes)), graph)


@given(networks(), st.permutations([each for each in CPU_PIPELINE if each not in (*PIPELINE, *PREPARING)]))
@settings(max_examples=examples(20), deadline=None, suppress_health_check=list(HealthCheck))
def test_in_any_order(graph: Graph, passes: list[object]) -> None:
    assert_equal(run(run(graph), (*PREPARING, *passes)).inference(), graph)  # type: ignore[arg-type]


def prepared(body: str, *passes: object, size: str = "4 x 8 x 8") -> tuple[Graph, Notes]:
    notes = Notes()
    graph = run(loads(f"network n {{ input {size}\n {body} }}").graph)
    return run(graph, passes, notes=notes), notes  # type: ignore[arg-type]


def layers(graph: Graph) -> list[str]:
    return [f"{node.name}: {node.op}" for node in graph if node.inputs]


DECLINED = {
    "conv 3x3, 4 -> relu -> bn": "before it stands `relu`, which has no weights to fold it into",
    "conv 3x3, 4 as kept\n bn\n add { | identity | from kept }": "kept is also read by add",
    "conv 3x3, 4 as kept\n head side { relu }\n from kept -> bn": "kept is also read by side.relu",
    "maxpool 2x2, /2 -> bn": "before it stands `maxpool`, which has no weights to fold it into",
}


@pytest.mark.parametrize("body", DECLINED)
def test_a_batch_norm_that_cannot_be_folded_says_why(body: str) -> None:
    graph, notes = prepared(body, fold_bn)
    assert [refusal.reason for refusal in notes.refusals] == [DECLINED[body]]
    assert any(isinstance(node.op, Affine) for node in graph)


def test_an_output_is_never_folded_away() -> None:
    graph, notes = prepared("conv 3x3, 4 as kept\n head side { identity }\n from kept -> bn", fold_bn)
    assert [refusal.reason for refusal in notes.refusals] == ["kept is an output of the network"]
    assert layers(graph) == ["kept: conv 3x3, 4, bias=true", "bn: affine"]


@pytest.mark.parametrize("layer", ["conv 3x3, 4", "depthwise 3x3", "flatten -> linear 4", "conv_transpose 2x2, 4, /2"])
def test_a_batch_norm_alone_is_folded(layer: str) -> None:
    graph, notes = prepared(f"{layer} -> bn", fold_bn)
    (fused,) = (node for node in graph if isinstance(node.op, Fused))
    assert graph.output is fused and not notes.refusals
    assert fused.op.core.bias is True


def test_a_recipe_reads_as_it_computes() -> None:
    graph, _ = prepared("conv 3x3, 4, bias=true -> bn eps=0.001", fold_bn)
    scale = "bn_scale(bn.weight, bn.running_var, 0.001)"
    recipes = {name: str(recipe) for name, recipe in graph["conv"].recipes.items()}
    assert recipes == {
        "weight": f"scale_rows(conv.weight, {scale})",
        "bias": f"add(mul(conv.bias, {scale}), bn_shift(bn.bias, bn.running_mean, {scale}))",
    }
    assert set(originals(graph["conv"].recipe("weight"))) == {"conv.weight", "bn.weight", "bn.running_var"}


def test_recipes_compare_by_value() -> None:
    assert apply("times", Original("a"), 2) == apply("times", Original("a"), 2) != apply("times", Original("b"), 2)


def test_a_whole_residual_block_is_its_convolutions() -> None:
    body = "residual { conv 1x1, 4 -> bn -> relu -> conv 3x3, 4 -> bn }\n relu"
    graph, notes = prepared(body, fold_bn, fuse_add, fuse_activation)
    assert [str(node.op) for node in graph if node.inputs] == [
        "fused conv 1x1, 4, bias=true + relu",
        "fused conv 3x3, 4, bias=true + add + relu",
    ]
    assert graph.output.inputs == (graph.nodes[1].name, "input") and not notes.refusals


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("add { | conv 3x3, 4 | tanh | identity }", "it adds 3 tensors, and a kernel takes one more"),
        (
            "add { | conv 3x3, 4 | maxpool 3x3, /1, pad=1 }",
            "its last input comes from `maxpool`, which takes nothing along",
        ),
        ("conv 3x3, 4 as kept\n add { | identity | identity }", "add reads kept twice"),
        (
            "flatten -> linear 4 as kept\n add { | from kept | linear 4 }",
            "a sum after a linear layer is too small to matter",
        ),
    ],
)
def test_a_sum_that_stays_says_why(body: str, reason: str) -> None:
    _, notes = prepared(body, fuse_add)
    assert [refusal.reason for refusal in notes.refusals] == [reason]


def test_an_activation_that_is_read_before_stays() -> None:
    _, notes = prepared("conv 3x3, 4 as kept\n relu -> concat { | identity | from kept }", fuse_activation)
    assert [refusal.reason for refusal in notes.refusals] == ["kept is also read by concat"]


INCEPTION = (
    "concat { | conv 1x1, 4 -> relu | conv 1x1, 3 -> relu -> conv 3x3, 4 -> relu"
    " | maxpool 3x3, /1, pad=1 -> conv 1x1, 2 -> relu | conv 1x1, 5 }"
)


def test_siblings_become_one() -> None:
    graph, notes = prepared(INCEPTION, fuse_activation, merge_siblings)
    merged = graph["siblings"]
    assert str(merged.op) == "fused conv 1x1, 7, bias=true + relu"
    assert str(merged.recipe("weight")) == "concat(branch1.conv.weight, branch2.conv1.weight)"
    assert layers(graph)[:3] == [
        "siblings: fused conv 1x1, 7, bias=true + relu",
        "branch1.conv: channel_slice 0, 4",
        "branch2.conv1: channel_slice 4, 7",
    ]
    assert [refusal.reason for refusal in notes.refusals] == [
        "its siblings differ in stride, bias, batch norm or activation"
    ]
    one, other = (total(costs(each).values()) for each in (graph, prepared(INCEPTION)[0]))
    assert (one.params, one.macs) == (other.params, other.macs)


FIRE = "conv 1x1, 2 -> relu\n concat { | conv 1x1, 3 -> relu | conv 3x3, 5 -> relu }"


def test_expansions_become_one() -> None:
    graph, _ = prepared(FIRE, fuse_activation, merge_expansions)
    assert layers(graph)[1:] == ["concat: fused conv 3x3, 8, bias=true + relu, 3 of them 1x1"]
    assert str(graph["concat"].recipe("weight")) == "concat(centred(branch1.conv.weight, 3, 3), branch2.conv.weight)"
    one, other = (total(costs(each).values()) for each in (graph, prepared(FIRE)[0]))
    assert one.macs == other.macs
    assert_equal(graph, prepared(FIRE)[0])


def test_expansions_among_others_become_one() -> None:
    body = "concat { | identity | conv 1x1, 3 | conv 3x1, 5 | conv 1x1, 2 }"
    graph, _ = prepared(body, drop_identity, merge_expansions)
    assert layers(graph)[0] == "branch3.conv: fused conv 3x1, 8, bias=true, 3 of them 1x1"
    assert graph["concat"].inputs == ("input", "branch3.conv", "branch4.conv")
    assert_equal(graph, prepared(body)[0])


def test_a_pair_that_stays_does_not_keep_the_next_one() -> None:
    body = "concat { | conv 1x1, 3 -> relu | conv 3x3, 5 | conv 1x1, 2 | conv 3x3, 4 }"
    graph, notes = prepared(body, fuse_activation, merge_expansions)
    assert graph["concat"].inputs == ("branch1.conv", "branch2.conv", "branch4.conv")
    assert [refusal.node for refusal in notes.refusals] == ["branch1.conv"]
    assert_equal(graph, prepared(body)[0])


@pytest.mark.parametrize(
    ("branches", "reason"),
    [
        ("conv 1x1, 3 -> relu | conv 3x3, 5", "branch2.conv differs in stride, bias, batch norm or activation"),
        ("conv 1x1, 3 | conv 3x3, 5, bias=false", "branch2.conv differs in stride, bias, batch norm or activation"),
        ("conv 1x1, 4 | conv 3x3, 4, groups=2", "the windows of branch2.conv have other centres or channels"),
        ("conv 1x1, 4 | conv 2x2, 4, pad=[0, 1, 0, 1]", "the windows of branch2.conv have other centres or channels"),
        ("conv 1x1, 4 | conv 5x5, 4", "a kernel of 5x5 would be almost all zeros"),
        ("conv 1x1, 4 as kept | conv 3x3, 4", "kept.conv is read elsewhere too"),
        ("from before | from start -> conv 3x3, 4 | from before", "before is read elsewhere too"),
    ],
)
def test_expansions_that_stay_say_why(branches: str, reason: str) -> None:
    more = "\n head side { from kept }" if "kept" in branches else ""
    body = f"conv 1x1, 4 as start\n conv 1x1, 4 as before\n from start -> concat {{ | {branches} }}{more}"
    graph, notes = prepared(body, drop_identity, fuse_activation, merge_expansions)
    assert [refusal.reason for refusal in notes.refusals] == [reason]
    assert all(not each.op.centred for each in graph if isinstance(each.op, Fused))


def test_siblings_behind_batch_norms_of_their_own_stay() -> None:
    body = "concat { | bn -> relu -> conv 1x1, 3 | bn -> relu -> conv 1x1, 2 }"
    graph, _ = prepared(body, fold_bn, prologue, merge_siblings)
    assert "siblings" not in graph
    assert_equal(graph, loads(f"network n {{ input 4 x 8 x 8\n {body} }}").graph)


HRNET = (
    "conv 3x3, 4 as a\n conv 3x3, 4, /2 as b\n"
    "add { | from a -> conv 1x1, 2 | from b -> conv 1x1, 2 -> upsample 2 } as f0\n"
    "add { | from f0 | from a -> conv 1x1, 2 | from b -> conv 1x1, 2 -> upsample 2 }"
)


def test_siblings_of_several_tensors_may_become_one_at_one_place() -> None:
    graph, _ = prepared(HRNET, merge_siblings)
    assert [node.name for node in graph if "siblings" in node.name] == ["siblings", "siblings2"]
    assert_equal(graph, loads(f"network n {{ input 4 x 8 x 8\n {HRNET} }}").graph)


def test_siblings_of_an_outer_scope_stand_before_those_of_an_inner() -> None:
    body = "concat { | concat { | conv 1x1, 2 | conv 1x1, 3 | conv 1x1, 2, bias=false } | conv 1x1, 4, bias=false }"
    graph, _ = prepared(body, merge_siblings)
    assert [node.name for node in graph if "siblings" in node.name] == ["siblings", "branch1.siblings"]
    assert_equal(graph, prepared(body)[0])


APART = {
    "concat { | conv 1x1, 2, /2 | conv 1x1, 3 -> avgpool 2x2, /2 }": (
        "its siblings differ in stride, bias, batch norm or activation"
    ),
    "stage { conv 3x3, 4\n head side { conv 1x1, 2 } }\n conv 1x1, 3": (
        "the merged convolution would stand before what it reads"
    ),
}


@pytest.mark.parametrize("body", APART)
def test_siblings_that_stay_apart_say_why(body: str) -> None:
    graph, notes = prepared(body, merge_siblings)
    assert not any("siblings" in node.name for node in graph)
    assert {refusal.reason for refusal in notes.refusals} == {APART[body]}


def test_a_strided_pool_goes_first() -> None:
    graph, _ = prepared("conv 1x1, 2, bias=false\n avgpool 2x2, /2", order_pool)
    assert layers(graph) == ["avgpool: avgpool 2x2, /2", "conv: conv 1x1, 2, bias=false"]


def test_an_unstrided_pool_goes_last_where_channels_shrink() -> None:
    graph, _ = prepared("avgpool 3x3, /1, pad=1 -> conv 1x1, 2, bias=false", order_pool)
    assert layers(graph) == ["conv: conv 1x1, 2, bias=false", "avgpool: avgpool 3x3, /1, pad=1"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            "avgpool 3x3, /1, pad=1 -> conv 1x1, 2",
            "the pool counts its padding as zeros, and the convolution has a bias",
        ),
        ("avgpool 3x3, /1, pad=1 -> conv 3x3, 2", "only a plain 1x1 convolution can change places with a pool"),
        ("avgpool 2x2, /2 -> conv 1x1, 2", "the pool leaves less work to the convolution where it is"),
        ("avgpool 8x8, /1 -> conv 1x1, 2", "the pool leaves less work to the convolution where it is"),
        ("conv 1x1, 8, bias=false -> avgpool 3x3, /1", None),
    ],
)
def test_a_pool_that_stays_says_why(body: str, reason: str | None) -> None:
    _, notes = prepared(body, order_pool)
    assert [refusal.reason for refusal in notes.refusals] == ([reason] if reason else [])


def test_a_batch_norm_in_front_of_a_1x1_is_its_prologue() -> None:
    graph, _ = prepared("maxpool 2x2, /2 -> bn -> relu -> conv 1x1, 8", fold_bn, prologue)
    assert layers(graph)[1] == "conv: fused affine + relu + conv 1x1, 8, bias=true"
    assert set(graph["conv"].op.parameters((4, 4, 4))) == {"weight", "bias", "scale", "shift"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("bn -> relu -> conv 3x3, 8", "conv is no plain 1x1 convolution and would normalise elements more than once"),
        ("bn -> relu as kept\n conv 1x1, 4 -> concat { | identity | from kept }", "kept.relu is also read by concat"),
    ],
)
def test_a_prologue_that_stays_says_why(body: str, reason: str) -> None:
    _, notes = prepared(body, fold_bn, prologue)
    assert reason in [refusal.reason for refusal in notes.refusals]


STEMS = {
    "conv 7x7, 8, /2": ("3 x 32 x 28", "conv 4x4, 8, pad=[2, 1, 2, 1]"),
    "conv 11x11, 8, /4, pad=0": ("3 x 32 x 32", "conv 3x3, 8, pad=0"),
    "conv 5x5, 8, /2, pad=0": ("1 x 14 x 12", "conv 3x3, 8, pad=0"),
    "conv 6x8, 8, /2, pad=[0, 3, 1, 2]": ("2 x 14 x 12", "conv 3x5, 8, pad=[0, 1, 1, 1]"),
    "conv 9x9, 8, /3, pad=3": ("4 x 15 x 18", "conv 3x3, 8, pad=1"),
}


@pytest.mark.parametrize("stem", STEMS)
def test_a_stem_reads_blocks_of_pixels(stem: str) -> None:
    size, blocked = STEMS[stem]
    source = loads(f"network n {{ input {size}\n {stem} -> bn -> relu }}").graph
    graph, notes = prepared(f"{stem} -> bn -> relu", *PREPARING, blocked_stem, fold_bn, size=size)
    assert notes.fusions[0].how.startswith("reads blocks of ")
    assert layers(graph)[1] == f"conv: fused {blocked}, bias=true"
    assert_equal(graph, source)


NO_STEMS = {
    "conv 7x7, 8, /2x1": ("4 x 8 x 8", "its stride is not square"),
    "conv 7x7, 8, /2, dilation=2, pad=6": ("4 x 8 x 8", "dilated or grouped"),
    "conv 7x7, 8, /2": ("4 x 9 x 8", "do not tile a 9 x 8 picture"),
    "conv 3x3, 8, /2": ("4 x 8 x 8", "mostly zeros"),
    "conv 3x3, 8, /4, pad=0": ("4 x 8 x 8", "mostly zeros"),
    "conv 7x7, 8, /2 -> conv 7x7, 8, /2": ("5 x 8 x 8", None),
    "concat {\n | conv 7x7, 8, /2\n | conv 7x7, 4, /2\n }": ("4 x 8 x 8", None),
}


@pytest.mark.parametrize("body", NO_STEMS)
def test_a_stem_that_stays_says_why(body: str) -> None:
    size, reason = NO_STEMS[body]
    graph, notes = prepared(body, *PREPARING, blocked_stem, size=size)
    assert not any("pixel_unshuffle" in layer for layer in layers(graph))
    assert [each.reason for each in notes.refusals if reason and reason in each.reason] or reason is None


def test_what_acts_in_training_alone_is_gone() -> None:
    body = "fractal 2, drop_path=0.1 { conv 3x3, 4 }\n dropout\n drop_path 0.2\n head late, train_only=true { relu }"
    graph, _ = prepared(body, drop_training)
    assert {node.op.word for node in graph} == {"input", "conv", "mean"}
    assert [output.name for output in graph.outputs] == ["output"]


@pytest.mark.parametrize("stride", ["", ", /2"])
def test_a_projection_is_computed_with_the_last_1x1(stride: str) -> None:
    body = f"residual shortcut=projection {{ conv 3x3, 6{stride} -> bn -> relu -> conv 1x1, 8 -> bn }}\n relu"
    before, _ = prepared(body, fold_bn, fuse_add, fuse_activation)
    graph, notes = prepared(body, fold_bn, fuse_add, fuse_activation, projection_shortcut)
    assert not notes.refusals
    assert str(graph.output.op) == "fused conv 1x1, 8, bias=true + relu"
    assert graph[graph.output.inputs[0]].op.word == "concat"
    assert total(costs(graph).values()).macs == total(costs(before).values()).macs
    assert_equal(graph, loads(f"network n {{ input 4 x 8 x 8\n {body} }}").graph)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("add { | conv 1x1, 4 -> bn | conv 3x3, 4 -> bn }", "is no plain 1x1 convolution"),
        ("add { | conv 1x1, 4 -> relu | conv 1x1, 4 }", "ends with `relu`"),
        (
            "conv 1x1, 4 as kept\n add { | from kept | conv 1x1, 4 } -> concat { | identity | from kept }",
            "is also read by",
        ),
        ("conv 1x1, 4\n residual { conv 1x1, 4 }", "conv2 also convolves it"),
    ],
)
def test_a_projection_that_stays_says_why(body: str, reason: str) -> None:
    _, notes = prepared(body, fold_bn, fuse_activation, fuse_add, projection_shortcut)
    assert any(reason in refusal.reason for refusal in notes.refusals)


IN_PLACE = {
    "conv 3x3, 4\n residual { conv 1x1, 4 -> relu -> conv 3x3, 4 }": None,
    "residual { conv 1x1, 4 -> relu -> conv 3x3, 4 }": "its sum cannot overwrite input, which is no tensor of its own",
    "conv 3x3, 4 as y\n residual { conv 1x1, 4 }\n concat { | identity | from y }": (
        "its sum cannot overwrite y, which concat reads too"
    ),
    "conv 3x3, 4 as y\n add { | identity | conv 1x1, 4 }": "its sum cannot overwrite y, which it convolves",
    "conv 3x3, 4 as y\n head side { identity }\n from y -> residual { conv 1x1, 4 -> conv 3x3, 4 }": (
        "its sum cannot overwrite y, an output of the network"
    ),
}


@pytest.mark.parametrize("body", IN_PLACE)
def test_a_sum_overwrites_only_what_nobody_reads_later(body: str) -> None:
    graph, notes = prepared(body, drop_identity, fuse_add, fuse_activation, pack_weights, add_in_place)
    last = [node.op.in_place for node in graph if isinstance(node.op, Fused) and node.op.adds]
    reason = IN_PLACE[body]
    assert last == [reason is None]
    assert reason is None or reason in [refusal.reason for refusal in notes.refusals]


def test_a_dense_block_is_one_buffer() -> None:
    graph, _ = prepared("conv 3x3, 4\n dense 2 { bn -> relu -> conv 3x3, 2 }", fold_bn)
    slices = concat_slices(graph)
    first, second = (node.name for node in graph if node.op.word == "concat")
    assert slices[first] == Slice(second, 0, 6)
    assert slices["conv"] == Slice(first, 0, 4)


def test_of_several_concats_the_last_takes_a_tensor() -> None:
    body = "conv 1x1, 2 as a\n concat { | from a | conv 3x3, 3 } as p\n concat { | conv 1x1, 1 | from a | from p }"
    graph, _ = prepared(body)
    slices, notes = concat_slices(graph), Notes()
    assert slices["a"] == Slice("concat", 1, 3) and slices["p.concat" if "p.concat" in graph else "p"].start == 3
    concat_slices(graph, notes)
    assert any("a lies in concat and is copied" in refusal.reason for refusal in notes.refusals)


@pytest.mark.parametrize(
    "body",
    [
        "conv 3x3, 4 -> relu as x\n conv 1x1, 2, /2\n add { | identity | from x -> conv 1x1, 2 -> maxpool 1x1, /2 }",
        "stage { conv 3x3, 4 as x\n conv 1x1, 2 -> relu }\n add { | identity | from x -> conv 1x1, 2 -> relu }",
    ],
    ids=["another stride", "an input that comes later"],
)
def test_siblings_that_cannot_be_one_stay(body: str) -> None:
    graph, _ = prepared(body, fuse_activation, merge_siblings)
    assert not [node.name for node in graph if "siblings" in node.name]
    assert_equal(graph, loads(f"network n {{ input 4 x 8 x 8\n {body} }}").graph)


def test_what_a_concat_copies_is_said() -> None:
    graph, _ = prepared("concat { | identity | conv 1x1, 2 | conv 1x1, 2 -> relu }", fuse_activation)
    notes = Notes()
    assert len(concat_slices(graph, notes)) == 2
    assert [refusal.reason for refusal in notes.refusals] == ["input is an input of the network and is copied"]
