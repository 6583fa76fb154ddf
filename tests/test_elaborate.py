"""From syntax tree to graph: what the words of the language mean, by the graphs they give."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnndsl
from cnndsl.checking import Checked, Request, check_file, check_model
from cnndsl.diagnostics import Report, render, suggest
from cnndsl.elaborate import Loader, elaborate_network
from cnndsl.elaborate.context import MAX_NODES
from cnndsl.errors import ParameterError
from cnndsl.ir import Graph
from cnndsl.ir.verify import verify
from cnndsl.models import Model
from cnndsl.source import Source
from cnndsl.states import expected_shapes

TOUR = """
arch 1                                            # language version; optional

# Deep Residual Learning for Image Recognition, He et al. 2015, Table 1.
# A comment right above a definition is its documentation.
block bottleneck(filters, stride = 1) {
    require filters > 0, "filters must be positive"
    residual shortcut=projection {
        conv 1x1, filters          -> bn -> relu
        conv 3x3, filters, /stride -> bn -> relu
        conv 1x1, 4 * filters      -> bn
    }
    relu
}

network resnet(unit: block = bottleneck, depths = [3, 4, 6, 3], classes = 1000) {
    input 3 x 224 x 224

    conv 7x7, 64, /2 -> bn -> relu                 : 64 x 112 x 112
    maxpool 3x3, /2, pad=1                         : 64 x 56 x 56

    for i, depth in enumerate(depths) {
        stage {
            unit 64 * 2 ** i, stride = 1 if i == 0 else 2
            repeat depth - 1 { unit 64 * 2 ** i }
        }
    }

    global_avgpool -> linear classes               : classes
}

network resnet50  = resnet()
network resnet152 = resnet(depths = [3, 8, 36, 3])
"""


def checked(text: str, request: Request | None = None) -> Checked:
    done = check_file(Source("test.arch", text), request)
    assert done.report.ok, render(done.report, "text")
    for each in done.networks.values():
        verify(each.graph)
    return done


def graph(statements: str, blocks: str = "", input: str = "4 x 8 x 8", parameters: str = "") -> Graph:
    """The graph of a network of these statements, which must be free of errors."""
    text = f"{blocks}\nnetwork t{parameters} {{\n input {input}\n {statements}\n}}\n"
    return checked(text).networks["t"].graph


def names(statements: str, blocks: str = "") -> list[str]:
    """The instance paths of its nodes, without the input."""
    return [node.name for node in graph(statements, blocks)][1:]


def wiring(statements: str, blocks: str = "", input: str = "4 x 8 x 8") -> dict[str, tuple[str, ...]]:
    return {node.name: node.inputs for node in graph(statements, blocks, input)}


def shape(statements: str, blocks: str = "", input: str = "4 x 8 x 8") -> tuple[int, ...]:
    return graph(statements, blocks, input).output.shape


# --- the tour


def test_the_tour_counts_as_published() -> None:
    facts = checked(TOUR).facts
    found = {name: (each.params, each.macs, each.depth) for name, each in facts.items()}
    assert found["resnet50"] == found["resnet"] == (25_557_032, 4_089_184_256, 50)
    assert found["resnet152"] == (60_192_808, 11_513_626_624, 152)


def test_the_tour_keeps_its_blocks() -> None:
    done = checked(TOUR).networks["resnet50"].graph
    scopes = [path for path, scope in done.scopes.items() if scope.block == "bottleneck"]
    assert scopes == [f"stage{s}.bottleneck{b}" for s, n in enumerate([3, 4, 6, 3], 1) for b in range(1, n + 1)]
    assert done.scopes["stage2.bottleneck1"].arguments == {"filters": 128, "stride": 2}
    assert done.scopes["stage2.bottleneck1"].doc.endswith("is its documentation.")
    assert [node.name for node in done if node.name.startswith("stage2.bottleneck1.")][:4] == [
        "stage2.bottleneck1.conv1",
        "stage2.bottleneck1.bn1",
        "stage2.bottleneck1.relu1",
        "stage2.bottleneck1.conv2",
    ]
    assert "stage2.bottleneck1.shortcut.conv" in done
    assert "stage2.bottleneck2.shortcut.conv" not in done


def test_one_liners_of_the_tour() -> None:
    dense = "dense 6 { bn -> relu -> conv 1x1, 4 * growth -> bn -> relu -> conv 3x3, growth }"
    assert shape(f"let growth = 12\n {dense}") == (4 + 6 * 12, 8, 8)
    gate = (
        "mul { | identity | global_avgpool -> conv 1x1, in.channels // 2 -> relu -> conv 1x1, in.channels -> sigmoid }"
    )
    assert [node.shape[0] for node in graph(gate)][3:5] == [2, 2]
    assert shape("fractal 4, drop_path=0.15 { conv 3x3, 16 -> bn -> relu }") == (16, 8, 8)


# --- names


@pytest.mark.parametrize(
    ("statements", "paths"),
    [
        ("relu", "relu"),
        ("relu -> relu", "relu1 relu2"),
        ("relu as first\n relu\n relu", "first relu1 relu2"),
        ("relu as first\n relu", "first relu"),
        ("relu\n relu as relu\n relu", "relu1 relu relu2"),
        ("relu\n relu as relu1\n relu", "relu2 relu1 relu3"),
        ("tanh as relu\n relu\n relu", "relu relu1 relu2"),
        ("conv 1x1, 4 -> bn -> relu as stem", "stem.conv stem.bn stem.relu"),
        ("relu -> relu as pair\n relu", "pair.relu1 pair.relu2 relu"),
        ("repeat 2 { relu as x }", "x1 x2"),
        ("repeat 2 { relu -> tanh as x }", "x1.relu x1.tanh x2.relu x2.tanh"),
        ("repeat 1 { relu as x }", "x"),
        ("for i in [1, 2] { relu as x }\n tanh", "x1 x2 tanh"),
        ("stage { relu }", "stage.relu"),
        ("stage { relu }\n stage { relu }", "stage1.relu stage2.relu"),
        ("stage { relu } as body", "body.relu"),
        ("stage { stage { relu } }", "stage.stage.relu"),
        ("repeat 2 { relu } as both", "both.relu1 both.relu2"),
        ("residual { relu } as r", "r.relu r.add"),
        ("residual { relu }", "relu add"),
        ("add { | relu | tanh }", "branch1.relu branch2.tanh add"),
        ("add { | relu as left | tanh }", "left.relu branch.tanh add"),
        ("add { | relu -> tanh as left | identity as right }", "left.relu left.tanh right.identity add"),
        ("add { | relu | tanh } as sum", "sum.branch1.relu sum.branch2.tanh sum.add"),
        ("add { | mul { | relu | elu } | relu as b }", "branch.branch1.relu branch.branch2.elu branch.mul b.relu add"),
        ("head h { conv 1x1, 2 }\n relu", "h.conv relu"),
        ("dense 2 { relu }", "layer1.relu layer1.concat layer2.relu layer2.concat"),
        ("dense 1 { relu } as d", "d.layer.relu d.layer.concat"),
        ("if true { relu } else { tanh }", "relu"),
        ("relu as a\n tanh\n from a -> sigmoid as b", "a tanh b.sigmoid"),
        ("fractal 2 { relu }", "fractal.row1.column2.relu fractal.row2.column1.relu"
                               " fractal.row2.column2.relu fractal.row2.mean"),
    ],
)  # fmt: skip
def test_names(statements: str, paths: str) -> None:
    assert names(statements) == paths.split()


BLOCKS = """
block cell(n = 4) { conv 1x1, n -> relu }
block pair(unit: block = cell) { unit\n unit }
block labelled() { relu as inner\n add { | identity | from inner } }
"""


@pytest.mark.parametrize(
    ("statements", "paths"),
    [
        ("cell", "cell.conv cell.relu"),
        ("cell -> cell", "cell1.conv cell1.relu cell2.conv cell2.relu"),
        ("cell as c", "c.conv c.relu"),
        ("cell -> relu as c", "c.cell.conv c.cell.relu c.relu"),
        ("pair", "pair.cell1.conv pair.cell1.relu pair.cell2.conv pair.cell2.relu"),
        ("pair relu", "pair.relu1 pair.relu2"),
        ("pair unit={ tanh }", "pair.unit1.tanh pair.unit2.tanh"),
        ("pair cell(8)\n cell", "pair.cell1.conv pair.cell1.relu pair.cell2.conv pair.cell2.relu cell.conv cell.relu"),
        ("labelled -> labelled", "labelled1.inner labelled1.branch1.identity labelled1.add"
                                 " labelled2.inner labelled2.branch1.identity labelled2.add"),
        ("residual shortcut=cell(8) { conv 1x1, 8 }", "conv shortcut.conv shortcut.relu add"),
        ("residual shortcut=conv(1x1, 8) { conv 1x1, 8 }", "conv shortcut.conv add"),
    ],
)  # fmt: skip
def test_names_in_blocks(statements: str, paths: str) -> None:
    found = names(statements, BLOCKS)
    assert [name.replace("branch.", "branch1.") for name in found] == paths.split()


# --- flow, labels, merges


NUMBERED = ("c", "c1", "c11", "c2", "c_1", "c1_1", "conv", "conv1", "conv1_2", "branch1", "stage1", "stage")


@st.composite
def numbered_networks(draw: st.DrawFn) -> tuple[str, int]:
    """A network whose parts are called like numbers of each other, and how many convolutions 4 to 4 it has."""
    labels = draw(st.permutations(NUMBERED))

    def statements(depth: int) -> tuple[str, int]:
        parts = [statement(depth) for _ in range(draw(st.integers(1, 4)))]
        return "\n".join(text for text, _ in parts), sum(count for _, count in parts)

    def statement(depth: int) -> tuple[str, int]:
        times = draw(st.sampled_from((1, 2, 12) if depth == 1 else (1, 2)))
        made = draw(st.sampled_from(("layer", "call", "label", "chain", "stage", "branches")))
        label = f" as {labels.pop()}" if labels and made in ("label", "chain", "stage") else ""
        if made in ("stage", "branches") and depth:
            text, count = statements(depth - 1)
            text = f"stage {{ {text} }}{label}" if made == "stage" else f"add {{ | conv 3x3, 4 | conv 3x3, 4 }}\n{text}"
            count += 2 * (made == "branches")
        elif made == "call":
            text, count = draw(st.sampled_from(CALLED)), 1
        else:
            text, count = f"conv 3x3, 4{' -> conv 3x3, 4' * (made == 'chain')}{label}", 1 + (made == "chain")
        return f"repeat {times} {{ {text} }}", times * count

    text, count = statements(1)
    blocks = "\n".join(f"block {name}() {{ conv 3x3, 4 }}" for name in CALLED)
    return f"{blocks}\nnetwork t {{\ninput 4 x 8 x 8\n{text}\n}}", count


CALLED = tuple(name for name in NUMBERED if name not in ("conv", "stage"))


@given(numbered_networks())
@settings(max_examples=60)
def test_every_part_has_a_name_of_its_own(drawn: tuple[str, int]) -> None:
    """Counted by the statements, by the graph and by the module that is written."""
    text, count = drawn
    network = cnndsl.loads(text)
    verify(network.graph)
    assert network.params == count * (4 * 4 * 9 + 4)
    assert len(expected_shapes(network.graph)) == 2 * count


@given(numbered_networks())
@settings(max_examples=8)
def test_every_part_has_weights_of_its_own(drawn: tuple[str, int]) -> None:
    text, count = drawn
    module = cnndsl.loads(text).compile()
    assert sum(each.numel() for each in module.parameters()) == count * (4 * 4 * 9 + 4)


def test_from_reads_across_scopes() -> None:
    found = wiring("stage { relu as a\n repeat 2 { tanh as b } }\n head h { from b }\n add { | from a | from b }")
    assert found["add"] == ("stage.a", "stage.b2")


def test_a_label_in_a_loop_means_the_latest_round() -> None:
    loop = "repeat 2 {\n sigmoid as last\n add { | identity | from last } }"
    found = wiring(f"relu as skip\n {loop}\n add {{ | from skip | from last }}")
    assert found["add3"] == ("skip", "last2")


def test_branches_start_from_what_enters_the_merge() -> None:
    found = wiring("relu\n concat { | tanh\n | identity\n | sigmoid -> tanh }")
    assert (found["branch1.tanh"], found["branch2.identity"], found["branch3.sigmoid"]) == (("relu",),) * 3
    assert found["concat"] == ("branch1.tanh", "branch2.identity", "branch3.tanh")


def test_loops_and_conditions_give_branches() -> None:
    text = """concat {
        let n = 2
        require n == 2
        for i in range(3) { | conv 1x1, n + i }
        repeat 2 { | conv 1x1, 10 | identity }
        if n > 1 { | conv 1x1, 100 } else { | conv 1x1, 1000 }
    }"""
    assert shape(text)[0] == 2 + 3 + 4 + 2 * (10 + 4) + 100


def test_a_branch_may_read_one_tensor_twice() -> None:
    assert wiring("relu as a\n add { | from a | from a }")["add"] == ("a", "a")


def test_in_is_what_enters_the_statement() -> None:
    text = "conv 1x1, 2 * in.channels -> conv 1x1, 2 * in.channels\n conv 1x1, in.channels + in.height * in.width"
    assert [node.shape[0] for node in graph(text)] == [4, 8, 8, 8 + 64]
    assert shape("conv 1x1, 6 as a\n conv 1x1, 2\n from a -> conv 1x1, 10 * in.channels")[0] == 60
    assert shape("repeat 3 { conv 1x1, 2 * in.channels }")[0] == 32
    assert shape("residual { conv 1x1, 9\n conv 1x1, in.channels - 5 }")[0] == 4
    assert shape("flatten\n linear in.channels // 2")[0] == 128


def test_whole_floats_are_integers() -> None:
    halves = "conv 6 / 2, 32 / 2, stride=4 / 2, pad=2 / 2\n conv 3x3, 4, pad=[2 / 2, 1, 1, 1], groups=8 / 2"
    assert shape(halves) == shape("conv 3, 16, /2, pad=1\n conv 3x3, 4, groups=4")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0.1 * 3", 0.3),
        ("0.1 + 0.2", 0.3),
        ("1 - 0.9", 0.1),
        ("0.7 / 0.1", 7.0),
        ("0.3 // 0.1", 3.0),
        ("0.3 % 0.1", 0.0),
        ("0.07 * 100", 7.0),
        ("-0.1 * 3", -0.3),
        ("2.5 // -1", -3.0),
        ("7M * 0.1", 700_000.0),
        ("1e-300 * 1e-300", 0.0),
        ("sum([0.1, 0.1, 0.1])", 0.3),
        ("1 / 3 * 3", 1.0),
        ("2 ** 0.5 * 2 ** 0.5", 2**0.5 * 2**0.5),
    ],
)
def test_decimals_are_calculated_as_on_paper(written: str, value: float) -> None:
    checked = check_file(Source("t", f"let found = {written}\nnetwork t {{\n input 3\n}}"))
    assert checked.module.env.find("found") == value


def test_a_default_uses_earlier_parameters_and_in() -> None:
    blocks = "block cell(n = in.channels * 2, m = n + 1, k = 2 * m) { conv 1x1, k }"
    assert shape("cell", blocks)[0] == 2 * (4 * 2 + 1)
    assert shape("cell 1", blocks)[0] == 4
    assert shape("cell m=7", blocks)[0] == 14


def test_blocks_and_layers_are_values() -> None:
    blocks = "block apply(unit: block, n) { unit n }\nblock wide(n, by = 1) { conv 1x1, n * by }"
    assert shape("apply wide, 3", blocks)[0] == 3
    assert shape("apply wide(by = 5), 3", blocks)[0] == 15
    assert shape("apply conv(1x1), 3", blocks)[0] == 3
    assert shape("let unit = wide(by = 2)\n unit 3 -> apply unit, 7", blocks)[0] == 14
    assert shape("let units = [wide, conv(3x3)]\n for unit in units { unit 6 }", blocks)[0] == 6
    bare = "block bare(unit: block) { unit }"
    assert shape("let width = 9\n bare unit={ conv 1x1, width }", bare)[0] == 9
    assert shape("bare unit={ bare unit={ bare conv(1x1, 7) } }", bare)[0] == 7


def test_partial_application_is_overridden_by_name() -> None:
    blocks = "block cell(n, by = 1) { conv 1x1, n * by }"
    assert shape("let unit = cell(3, by = 2)\n unit by=5", blocks)[0] == 15
    assert shape("let unit = cell(3)\n let other = unit(n = 4)\n other", blocks)[0] == 4


def test_lets_and_loop_variables_end_with_their_braces() -> None:
    text = "network t {\n input 3\n repeat 1 { let a = 1 }\n for i in [1] { }\n linear a + i\n}"
    errors = check_file(Source("t", text)).report.errors
    assert [finding.message for finding in errors] == ["`a` is not defined", "`i` is not defined"]
    assert shape("repeat 2 { let a = 5\n conv 1x1, a }\n for a in [1, 2] { conv 1x1, a }")[0] == 2
    loop = "for i, pair in enumerate([[5, 6]]) {\n let c, d = pair\n conv 1x1, a + b + c + d + i }"
    assert shape(f"let a, b = [3, 4]\n {loop}")[0] == 18


def test_blocks_do_not_see_their_callers() -> None:
    text = (
        "block a() { conv 1x1, n }\nnetwork t(n = 3) {\n input 3 x 4 x 4\n let m = n\n relu as l\n a\n conv 1x1, m\n}"
    )
    assert [finding.code for finding in check_file(Source("t", text)).report.errors] == ["E302"]


# --- structures


def test_residual_with_each_shortcut() -> None:
    assert wiring("residual { relu }")["add"] == ("relu", "input")
    assert wiring("residual shortcut=projection { relu }")["add"] == ("relu", "input")
    found = graph("residual shortcut=projection { conv 3x3, 6, /2 }")
    assert [node.name for node in found][2:4] == ["shortcut.conv", "shortcut.bn"]
    assert str(found["shortcut.conv"].op) == "conv 1x1, 6, /2, bias=false"
    found = graph("residual shortcut=projection { conv 3x3, 4, /2x1 }")
    assert str(found["shortcut.conv"].op) == "conv 1x1, 4, /2x1, bias=false"
    found = graph("residual shortcut=zero_pad { conv 3x3, 6, /4 }")
    assert found["shortcut.zero_pad_shortcut"].shape == (6, 2, 2)
    assert found["add"].inputs == ("conv", "shortcut.zero_pad_shortcut")
    found = graph("let n = 9\n residual shortcut={ avgpool 2x2, /2 -> conv 1x1, n } { conv 3x3, 9, /2 }")
    assert found["shortcut.conv"].inputs == ("shortcut.avgpool",)


@pytest.mark.parametrize("columns", range(1, 7))
@pytest.mark.parametrize("drop_path", ["", ", drop_path=0.15"])
def test_fractal_has_the_structure_of_its_paper(columns: int, drop_path: str) -> None:
    """Larsson et al. 2017: 2^C - 1 convolutions, 2^(C-2) joins for C > 1, depth 2^(C-1); joins are n-ary."""
    found = graph(f"fractal {columns}{drop_path} {{ conv 3x3, 4 -> bn -> relu }}")
    convs = [node for node in found if node.op.word == "conv"]
    joins = [node for node in found if node.op.word in ("mean", "fractal_join")]
    assert len(convs) == 2**columns - 1
    assert len(joins) == (2 ** (columns - 2) if columns > 1 else 0)
    graph(f"fractal {columns}{drop_path} {{ conv 3x3, 4 }}\n expect depth == {2 ** (columns - 1)}")
    if columns > 1:
        last = [source for source in joins[-1].inputs if "draw" not in source]
        assert len(last) == columns
        assert len({node.op.word for node in joins}) == 1
    assert any(node.op.word == "drop_path_draw" for node in found) == bool(drop_path and columns > 1)


def test_fractals_share_one_draw() -> None:
    found = graph("repeat 2 { fractal 2, drop_path=0.1 { conv 3x3, 4 } }")
    assert [node.name for node in found if node.op.word == "drop_path_draw"] == ["draw"]


def test_dense_joins_input_and_body() -> None:
    found = wiring("dense 2 { conv 1x1, 3 }")
    assert found["layer1.concat"] == ("input", "layer1.conv")
    assert found["layer2.concat"] == ("layer1.concat", "layer2.conv")
    assert shape("dense 0 { conv 1x1, 3 }\n relu") == (4, 8, 8)


def test_heads_are_further_outputs() -> None:
    found = graph("relu as a\n head one { conv 1x1, 2 }\n head two, train_only=true { from a -> conv 1x1, 3 }\n tanh")
    assert [(o.name, o.node, o.train_only) for o in found.outputs] == [
        ("output", "tanh", False),
        ("one", "one.conv", False),
        ("two", "two.conv", True),
    ]
    assert found["tanh"].inputs == ("a",)


TRAINED = """
network t {{
    input 3 x 64 x 64
    maxpool 2x2, /2 as pooled
    conv 3x3, 8 as stem
    head aux, train_only={} {{ from pooled -> avgpool 9x9, /3 -> {} -> flatten -> linear 10 }}
    head side {{ conv 1x1, 2 }}
    {}
}}
"""


@pytest.mark.parametrize(
    ("head", "input", "codes"),
    [
        (("true", "relu", "conv 3x3, 4"), (3, 16, 16), ["W609"]),
        (("true", "relu", "conv 3x3, 4"), (3, 32, 32), []),
        (("false", "relu", "conv 3x3, 4"), (3, 16, 16), ["E202"]),
        (("true", "relux", "conv 3x3, 4"), (3, 16, 16), ["E301"]),  # after whose fix the head is left out
        (("true", "avgpool 9x9, /3", "conv 3x3, 4"), (3, 64, 64), ["E202"]),
        (("true", "relu", "from small -> conv 3x3, 4"), (3, 16, 16), ["W609", "E303"]),
    ],
)
def test_a_head_for_training_need_not_fit_on_another_input(
    head: tuple[str, str, str], input: tuple[int, int, int], codes: list[str]
) -> None:
    checked = check_file(Source("test.arch", TRAINED.format(*head)), Request(input=input))
    assert [finding.code for finding in checked.report] == codes
    if codes == ["W609"]:
        network = cnndsl.loads(TRAINED.format(*head), input=input)
        verify(network.graph)
        assert [output.name for output in network.graph.outputs] == ["output", "side"]
        assert not any(name.startswith("aux") for name in network.compile().state_dict())


def test_several_inputs() -> None:
    text = "relu as a\n input 10 as told\n linear 4\n add { | identity | from a -> global_avgpool -> flatten }"
    found = graph(text)
    assert [(node.name, node.shape) for node in found.inputs] == [("input", (4, 8, 8)), ("told", (10,))]
    assert found["linear"].inputs == ("told",)


# --- networks, parameters, inputs


def test_variants_of_variants() -> None:
    text = """
    network base(a, b = 2, c = a + b) { input 3 x 4 x 4\n conv 1x1, a * 100 + b * 10 + c\n }
    network one = base(1)
    network two = one(b = 5)
    network three = two(a = 2, c = 0)
    """
    done = checked(text)
    assert [each.graph.output.shape[0] for each in done.networks.values()] == [123, 156, 250]
    assert done.unset == {}


def test_a_network_that_nobody_completes_is_named() -> None:
    done = checked("network base(a, b, c = 1) { input 3\n linear a + b + c\n }\nnetwork t { input 3\n relu\n }")
    assert (list(done.networks), done.unset) == (["t"], {"base": ["a", "b"]})


def test_parameters_from_outside(tmp_path: Path) -> None:
    path = tmp_path / "resnet.arch"
    path.write_text(TOUR)
    assert cnndsl.load(path, classes=10).output_shape == (10,)
    assert cnndsl.load(path, depths="[1, 1, 1, 1]", classes="2 * 5").depth == 14
    assert cnndsl.load(f"{path}:resnet152", depths=[1, 1, 1, 1]).depth == 14
    assert cnndsl.load(f"{path}:resnet50", input=(3, 64, 64)).graph.inputs[0].shape == (3, 64, 64)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("clases", 3),
        ("classes", "1 // 0"),
        ("classes", "x"),
        ("classes", "1 2"),
        ("depths", 3),
        ("unit", 3),
        ("unit", ""),
        ("input", (3, 0, 64)),
        ("input", (3, 64.5, 64)),
        ("input", "3x64x64"),
    ],
)
def test_wrong_parameters_from_outside_are_told_in_one_line(name: str, value: object, tmp_path: Path) -> None:
    path = tmp_path / "resnet.arch"
    path.write_text(TOUR)
    with pytest.raises(cnndsl.ParameterError) as raised:
        cnndsl.load(path, **{name: value})
    assert "\n" not in str(raised.value)
    assert name in str(raised.value)


def test_a_block_from_outside(tmp_path: Path) -> None:
    blocks = "block plain(n, stride = 1) { conv 3x3, n, /stride -> relu }\n"
    path = tmp_path / "resnet.arch"
    path.write_text(TOUR + blocks)
    assert cnndsl.load(path, unit="plain", depths="[1, 1]").depth == 4
    assert cnndsl.load(path, unit="conv(3x3)", depths="[1, 1]").depth == 4


def test_claims_are_of_the_network_as_the_file_has_it() -> None:
    text = "network t(n = 4) {\n input 3 x 8 x 8\n conv 3x3, n : n x 8 x 8\n expect params == 112\n}"
    model = Model(Source("test.arch", text))
    assert check_model(model).report.ok
    assert check_model(model, Request({"n": 5})).report.ok
    assert check_model(model, Request(input=(3, 16, 16))).report.ok
    wrong = Model(Source("test.arch", text.replace("n x 8", "4 x 8")))
    assert not check_model(wrong, Request({"n": 5})).report.ok


# --- files


def test_used_blocks_see_their_own_file(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    blocks = "block outer(n) { own n -> inner n }\nblock own(n) { conv 1x1, n }"
    (tmp_path / "lib" / "a.arch").write_text(f'use inner from "b.arch"\n{blocks}')
    (tmp_path / "lib" / "b.arch").write_text("block inner(n) { own n }\nblock own(n) { conv 1x1, 2 * n }")
    main = tmp_path / "main.arch"
    network = "block own(n) { conv 1x1, 100 * n }\nnetwork t {\n input 3 x 2 x 2\n outer 5 -> own 1\n}"
    main.write_text(f'use outer from "lib/a.arch"\n{network}')
    found = cnndsl.load(main)
    assert [node.shape[0] for node in found.graph] == [3, 5, 10, 100]
    assert len({str(node.span.source.name) for node in found.graph}) == 3


def test_files_use_each_other_to_a_depth_that_is_checked(tmp_path: Path) -> None:
    for number in range(250):
        used = f'use b{number + 1} from "f{number + 1}.arch"\n'
        (tmp_path / f"f{number}.arch").write_text(f"{used}block b{number}() {{ b{number + 1} }}\n")
    (finding,) = cnndsl.check(tmp_path / "f0.arch").errors
    assert (finding.code, finding.message) == ("E311", "files use each other more than 32 deep")
    assert finding.span.source.name.endswith("f31.arch")


def test_nothing_of_what_is_no_arch_file_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("passwords\n")
    (tmp_path / "link.arch").symlink_to("secret")
    main = tmp_path / "main.arch"
    main.write_text('use a from "secret"\nuse b from "link.arch"\nuse c from "/etc/passwd"\n')
    report = cnndsl.check(main)
    assert [finding.message.rpartition(" is ")[2] for finding in report] == ["no .arch file"] * 3
    assert all("passwords" not in render(report, form) for form in ("text", "json"))


def test_use_reads_files_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.arch")
    main = tmp_path / "main.arch"
    paths = {"a": "pipe.arch", "b": "/dev/zero", "c": "x" * 999}
    used = "".join(f'use {block} from "{path}"\n' for block, path in paths.items())
    main.write_text(f"{used}network t {{\n input 3\n a -> b -> c\n}}")
    assert [finding.code for finding in cnndsl.check(main)] == ["E311"] * 3


TWO = "network two {\n input 3 x 32 x 32 as left\n input 3 x 16 x 16 as right\n resize like=left\n}"


def test_each_of_several_inputs_has_a_shape_of_its_own() -> None:
    shapes = [node.shape for node in cnndsl.loads(TWO, input={"right": (3, 8, 9)}).graph.inputs]
    assert shapes == [(3, 32, 32), (3, 8, 9)]
    assert cnndsl.loads(TWO, input={"left": (3, 40, 50)}).output_shape == (3, 40, 50)


@pytest.mark.parametrize(
    ("input", "said"),
    [
        ((3, 8, 8), "left (3 x 32 x 32) and right (3 x 16 x 16): give shapes by name, as in left=3x32x32"),
        ({"rigth": (3, 8, 8)}, "no input rigth; did you mean right?"),
        ({"image": (3, 8, 8)}, "it has left (3 x 32 x 32) and right (3 x 16 x 16)"),
        ({"left": "3x8x8"}, "input is a shape such as"),
    ],
)
def test_a_shape_is_for_an_input_that_is_there(input: object, said: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(said)):
        cnndsl.loads(TWO, input=input)


# --- checking ends, and soon


def test_networks_of_a_file_share_one_budget() -> None:
    base = "network n(k = 1) {\n input 3 x 8 x 8\n repeat k { relu }\n}\n"
    variants = "".join(f"network v{number} = n(k = 30_000)\n" for number in range(50))
    checked = check_file(Source("t.arch", base + variants))
    (finding,) = checked.report.errors
    assert finding.code == "E501" and "the networks of this file together" in finding.message
    assert sum(len(done.graph) for done in checked.networks.values()) <= MAX_NODES


def test_suggestions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    compared, distance = [], suggest._distance
    monkeypatch.setattr(suggest, "_distance", lambda a, b: compared.append(a) or distance(a, b))
    labels = "".join(f" relu as label{number}\n from labl{number} -> relu\n" for number in range(300))
    report = Report()
    module = Loader(report).load_root(Source("t.arch", f"network t {{\n input 3 x 8 x 8\n{labels}}}\n"))
    elaborate_network(module, "t", report)
    assert len(report.errors) == 300 and len(compared) <= 50 * 200


def test_a_claim_that_takes_too_many_steps_is_a_finding() -> None:
    steps = " + ".join(["len(range(100_000))"] * 99)
    report = check_file(Source("t.arch", f"network t {{\n input 3\n relu\n expect {steps} == 1\n}}\n")).report
    assert [finding.code for finding in report] == ["E501"]


def test_a_file_of_too_many_words_is_refused() -> None:
    with pytest.raises(cnndsl.SourceError, match="words and signs"):
        cnndsl.loads(f"network t {{\n input 3\n{' relu' * 100_001}\n}}\n")
