"""What is said of networks: counts against published ones, laws against brute force, the table, the warnings."""

from __future__ import annotations

import csv
import io
import json
from itertools import product
from math import prod

import pytest

from cnndsl import ArchError, loads
from cnndsl.analysis import Facts, Summary, lint, summarize, summary_csv, summary_json, summary_text
from cnndsl.analysis.cost import Cost, costs, total
from cnndsl.analysis.depth import depth
from cnndsl.analysis.memory import peak_memory
from cnndsl.analysis.receptive import largest_field, receptive_fields
from cnndsl.diagnostics import Report
from cnndsl.elaborate import Loader, elaborate_network
from cnndsl.elaborate.claim import NETWORK_FACTS
from cnndsl.ir import Graph
from cnndsl.ops.arguments import Size
from cnndsl.passes.settle_bias import settle_bias
from cnndsl.source import Source

ARCH = """
block basic(filters, stride = 1) {
    residual shortcut=projection {
        conv 3x3, filters, /stride -> bn -> relu
        conv 3x3, filters -> bn
    }
    relu
}

block bottleneck(filters, stride = 1) {
    residual shortcut=projection {
        conv 1x1, filters -> bn -> relu
        conv 3x3, filters, /stride -> bn -> relu
        conv 1x1, 4 * filters -> bn
    }
    relu
}

network resnet(unit: block, depths) {
    input 3 x 224 x 224
    conv 7x7, 64, /2 -> bn -> relu
    maxpool 3x3, /2, pad=1
    for i, depth in enumerate(depths) {
        stage {
            unit 64 * 2 ** i, stride = 1 if i == 0 else 2
            repeat depth - 1 { unit 64 * 2 ** i }
        }
    }
    global_avgpool -> linear 1000
}
network resnet18 = resnet(unit = basic, depths = [2, 2, 2, 2])
network resnet50 = resnet(unit = bottleneck, depths = [3, 4, 6, 3])
network resnet152 = resnet(unit = bottleneck, depths = [3, 8, 36, 3])

block inception(n1, r3, n3, r5, n5, pool) {
    concat {
        | conv 1x1, n1 -> relu
        | conv 1x1, r3 -> relu -> conv 3x3, n3 -> relu
        | conv 1x1, r5 -> relu -> conv 5x5, n5 -> relu
        | maxpool 3x3, /1, pad=1 -> conv 1x1, pool -> relu
    }
}

network googlenet {
    input 3 x 224 x 224
    conv 7x7, 64, /2 -> relu
    maxpool 3x3, /2, round=ceil -> lrn 5
    conv 1x1, 64 -> relu -> conv 3x3, 192 -> relu -> lrn 5
    maxpool 3x3, /2, round=ceil
    inception 64, 96, 128, 16, 32, 32 as inception3a
    inception 128, 128, 192, 32, 96, 64 as inception3b
    maxpool 3x3, /2, round=ceil
    inception 192, 96, 208, 16, 48, 64 as inception4a
    head aux1, train_only=true {
        avgpool 5x5, /3 -> conv 1x1, 128 -> relu -> flatten -> linear 1024 -> relu -> linear 1000
    }
    inception 160, 112, 224, 24, 64, 64 as inception4b
    inception 128, 128, 256, 24, 64, 64 as inception4c
    inception 112, 144, 288, 32, 64, 64 as inception4d
    head aux2, train_only=true {
        avgpool 5x5, /3 -> conv 1x1, 128 -> relu -> flatten -> linear 1024 -> relu -> linear 1000
    }
    inception 256, 160, 320, 32, 128, 128 as inception4e
    maxpool 3x3, /2, round=ceil
    inception 256, 160, 320, 32, 128, 128 as inception5a
    inception 384, 192, 384, 48, 128, 128 as inception5b
    global_avgpool -> dropout 0.4 -> linear 1000
}

network vgg16 {
    input 3 x 224 x 224
    for depth, filters in [[2, 64], [2, 128], [3, 256], [3, 512], [3, 512]] {
        repeat depth { conv 3x3, filters -> relu }
        maxpool 2x2, /2
    }
    flatten -> linear 4096 -> relu -> linear 4096 -> relu -> linear 1000
}

network densenet121(growth = 32) {
    input 3 x 224 x 224
    conv 7x7, 64, /2 -> bn -> relu -> maxpool 3x3, /2, pad=1
    for i, depth in enumerate([6, 12, 24, 16]) {
        stage {
            dense depth {
                bn -> relu -> conv 1x1, 4 * growth -> bn -> relu -> conv 3x3, growth, bias=false
            }
            if i < 3 { bn -> relu -> conv 1x1, in.channels // 2, bias=false -> avgpool 2x2, /2 as transition }
        }
    }
    bn -> relu -> global_avgpool -> linear 1000
}

network alexnet {
    input 3 x 227 x 227
    conv 11x11, 96, /4, pad=0 -> relu -> lrn 5 -> maxpool 3x3, /2
    conv 5x5, 256, groups=2 -> relu -> lrn 5 -> maxpool 3x3, /2
    conv 3x3, 384 -> relu -> conv 3x3, 384, groups=2 -> relu -> conv 3x3, 256, groups=2 -> relu -> maxpool 3x3, /2
    flatten -> linear 4096 -> relu -> dropout -> linear 4096 -> relu -> dropout -> linear 1000
}

network mobilenet {
    input 3 x 224 x 224
    conv 3x3, 32, /2 -> bn -> relu
    for filters, stride in [[64, 1], [128, 2], [128, 1], [256, 2], [256, 1], [512, 2], [512, 1], [512, 1],
                            [512, 1], [512, 1], [512, 1], [1024, 2], [1024, 1]] {
        depthwise 3x3, /stride -> bn -> relu -> conv 1x1, filters -> bn -> relu
    }
    global_avgpool -> linear 1000
}
"""


def graph_of(text: str, network: str | None = None) -> Graph:
    return loads(text, network).graph


def broken_off(text: str) -> Graph:
    """The graph of a network with a mistake, as far as it goes."""
    report = Report()
    module = Loader(report).load_root(Source("broken.arch", text))
    graph = elaborate_network(module, next(iter(module.networks)), report).graph
    assert not report.ok
    return graph


# --- counts

# params, buffers, macs and depth of torchvision's models, counted by numel and flop_counter; GoogLeNet and AlexNet
# (two groups) as in BVLC's deploy.prototxt
COUNTED = {
    "resnet18": (11_689_512, 9_620, 1_814_073_344, 18),
    "resnet50": (25_557_032, 53_173, 4_089_184_256, 50),
    "resnet152": (60_192_808, 151_579, 11_513_626_624, 152),
    "googlenet": (6_998_552, 0, 1_582_671_872, 22),
    "vgg16": (138_357_544, 0, 15_470_264_320, 16),
    "densenet121": (7_978_856, 83_769, 2_834_161_664, 121),
    "alexnet": (60_965_224, 0, 724_406_816, 8),
}


@pytest.mark.parametrize("network", COUNTED)
def test_counts_are_those_of_the_original_models(network: str) -> None:
    facts = Facts(graph_of(ARCH, network))
    assert (facts.params, facts.buffers, facts.macs, facts.depth) == COUNTED[network]


def test_train_only_heads_are_counted_apart() -> None:
    facts = Facts(graph_of(ARCH, "googlenet"))
    assert facts.training_params == 13_378_280
    assert facts.training_macs > facts.macs
    assert facts.training_params == total(costs(settle_bias(facts.graph)).values()).params
    assert facts.nodes == len(facts.graph.inference()) < len(facts.graph)


def test_what_no_output_needs_is_not_counted() -> None:
    dead = "conv 3x3, 4 as early\n conv 3x3, 9\n from early -> relu"
    facts = Facts(graph_of(f"network n {{ input 3 x 8 x 8\n {dead} }}"))
    assert facts.params == facts.training_params == 3 * 4 * 9 + 4


def test_an_open_bias_is_counted_as_it_will_be_settled() -> None:
    graph = graph_of("network n { input 3 x 8 x 8\n conv 3x3, 4 -> bn -> conv 3x3, 5 }")
    assert Facts(graph).params == 3 * 4 * 9 + 2 * 4 + 4 * 5 * 9 + 5


def test_costs_count_bytes() -> None:
    graph = graph_of("network n { input 3 x 8 x 6\n conv 3x3, 4, bias=false -> bn }")
    assert costs(graph)["bn"] == Cost(
        params=8,
        buffers=9,
        macs=0,
        weight_bytes=8 * 4 + 8 * 4 + 8,
        buffer_bytes=8 * 4 + 8,
        activation_bytes=4 * 8 * 6 * 4,
    )
    assert costs(graph, width=2)["conv"] == Cost(3 * 4 * 9, 0, 3 * 4 * 9 * 48, 3 * 4 * 9 * 2, 0, 4 * 8 * 6 * 2)


def test_every_fact_has_a_value() -> None:
    facts = Facts(graph_of(ARCH, "resnet18"))
    for name in NETWORK_FACTS:
        value = getattr(facts, name)
        assert isinstance(value, int) and value > 0, name
    assert facts.output == 1000


def test_facts_of_images_are_sizes() -> None:
    facts = Facts(graph_of("network n { input 3 x 8 x 8\n conv 1x3, 4 }"))
    assert (facts.output, facts.receptive_field) == (Size((4, 8, 8)), Size((1, 3)))
    assert isinstance(facts.output, Size) and isinstance(facts.receptive_field, Size)


# --- receptive field

# RECEPTIVE_FIELD_TABLE.md of the authors' library (tensorflow/contrib/receptive_field), for TF-Slim's models
PUBLISHED_FIELDS = {
    ("alexnet", "conv1"): (11, 4),
    ("alexnet", "maxpool1"): (19, 8),
    ("alexnet", "conv2"): (51, 8),
    ("alexnet", "conv5"): (163, 16),
    ("alexnet", "maxpool3"): (195, 32),
    ("vgg16", "maxpool1"): (6, 2),
    ("vgg16", "maxpool3"): (44, 8),
    ("vgg16", "conv12"): (164, 16),
    ("vgg16", "maxpool5"): (212, 32),
    ("mobilenet", "conv4"): (19, 4),
    ("mobilenet", "conv13"): (251, 32),
    ("mobilenet", "conv14"): (315, 32),
}


@pytest.mark.parametrize(("network", "node"), PUBLISHED_FIELDS)
def test_fields_are_those_araujo_published(network: str, node: str) -> None:
    field = receptive_fields(graph_of(ARCH, network))[node]
    size, jump = PUBLISHED_FIELDS[network, node]
    assert (field.size, field.jump) == ((size, size), (jump, jump))


@pytest.mark.parametrize(
    ("network", "field"), [("resnet18", 435), ("resnet50", 427), ("googlenet", 715), ("vgg16", 212)]
)
def test_the_field_of_a_network_ends_where_everything_is_seen(network: str, field: int) -> None:
    graph = graph_of(ARCH, network)
    assert Facts(graph).receptive_field == field
    assert receptive_fields(graph)[graph.output.name].everywhere


def test_merges_take_the_largest_and_upsampling_divides() -> None:
    graph = graph_of(
        "network n { input 4 x 32 x 32\n add { | conv 3x3, 4 -> conv 3x3, 4 | conv 1x7, 4 }\n"
        "maxpool 2x2, /2 -> upsample 2 -> conv 3x3, 4 }"
    )
    fields = receptive_fields(graph)
    assert fields["add"].size == (5, 7)
    assert (fields["maxpool"].size, fields["maxpool"].jump) == ((6, 8), (2, 2))
    assert (fields["upsample"].size, fields["upsample"].jump) == ((6, 8), (1, 1))
    assert fields["conv"].size == (8, 10)


def test_a_gate_that_sees_everything_does_not_hide_the_windows_behind_it() -> None:
    graph = graph_of(
        "network n { input 4 x 32 x 32\n conv 3x3, 4\n"
        "mul { | identity | global_avgpool -> conv 1x1, 4 -> sigmoid }\n conv 5x5, 4 }"
    )
    assert Facts(graph).receptive_field == 7
    assert receptive_fields(graph)["mul"].everywhere
    assert largest_field([]) == ((1, 1), True)


# --- memory and depth


def maker(graph: Graph, name: str) -> str:
    """The node in whose memory the tensor lies: the branch of a merge may be what went in."""
    while graph[name].op.word == "identity":
        name = graph[name].inputs[0]
    return name


def held_by_brute_force(graph: Graph) -> list[int]:
    """Bytes held while each node runs: every tensor that is there and that something still reads."""
    held = []
    for now in range(len(graph)):
        needed = {maker(graph, graph.nodes[now].name)}
        for at, node in enumerate(graph):
            if at <= now and (
                graph.is_output(node.name) or any(node.name in later.inputs for later in graph.nodes[now:])
            ):
                needed.add(maker(graph, node.name))
        held.append(sum(prod(graph[name].shape) * 4 for name in needed))
    return held


MEMORY = {
    "chain": "conv 3x3, 4 -> relu -> conv 3x3, 2",
    "long skip": "conv 3x3, 4 as early\n conv 3x3, 8 -> conv 3x3, 8\n concat { | identity | from early }",
    "twice": "conv 3x3, 8\n add { | identity | identity }\n conv 1x1, 1",
    "unused": "conv 3x3, 16 as early\n head side { conv 3x3, 32 }\n from early\n conv 1x1, 2",
    "dead end": "conv 3x3, 2 as early\n conv 3x3, 64\n from early\n conv 1x1, 2 -> conv 1x1, 3",
    "inception": "concat { | conv 1x1, 4 | conv 1x1, 8 -> conv 3x3, 2 | identity }\n conv 3x3, 4",
}


@pytest.mark.parametrize("name", MEMORY)
def test_peak_memory_is_that_of_brute_force(name: str) -> None:
    graph = graph_of(f"network n {{ input 3 x 8 x 8\n {MEMORY[name]} }}")
    held = held_by_brute_force(graph)
    peak = peak_memory(graph)
    assert (peak.bytes, peak.node) == (max(held), graph.nodes[held.index(max(held))].name)


@pytest.mark.parametrize("claim", ["params ~ 3K", "params ~ 2.5K", "params ~ 2_500"])
def test_half_is_rounded_up(claim: str) -> None:
    """2,500 parameters: halves to the even side would be 2K, and so would halves downwards."""
    assert loads(f"network n {{ input 49\n linear 50\n expect {claim} }}").params == 2_500
    with pytest.raises(ArchError):
        loads("network n { input 49\n linear 50\n expect params ~ 2K }")


def test_depth_is_the_longest_path_wherever_it_stands() -> None:
    body = "add { | identity | conv 3x3, 4 -> conv 3x3, 4 } -> linear 3"
    assert depth(graph_of(f"network n {{ input 4 x 1 x 1\n {body} }}")) == 3


def test_depth_is_the_longest_path() -> None:
    body = "conv 1x1, 4\n add { | conv 3x3, 4 -> relu -> conv 3x3, 4 | conv 1x1, 4 | identity }\n linear 3"
    assert depth(graph_of(f"network n {{ input 4 x 1 x 1\n {body} }}")) == 4


# --- the table

TABLES = [*COUNTED, "mobilenet"]


@pytest.mark.parametrize("network", TABLES)
def test_the_outer_rows_add_up(network: str) -> None:
    graph = settle_bias(graph_of(ARCH, network))
    rows = summarize(graph, 1).rows
    whole = total(costs(graph).values())
    assert {row.level for row in rows} == {0}
    assert sum(row.params for row in rows) == whole.params
    assert sum(row.macs for row in rows) == whole.macs


@pytest.mark.parametrize("network", TABLES)
def test_open_scopes_add_up(network: str) -> None:
    rows = summarize(graph_of(ARCH, network), 99).rows
    for at, row in enumerate(rows):
        inside = []
        for other in rows[at + 1 :]:
            if other.level <= row.level:
                break
            inside += [other] if other.level == row.level + 1 else []
        if inside:
            assert row.params == row.count * sum(other.params for other in inside)
            assert row.memory == row.count * sum(other.memory for other in inside)
            assert row.shape == inside[-1].shape


@pytest.mark.parametrize("network", ["resnet50", "resnet152", "googlenet", "vgg16", "densenet121"])
def test_a_summary_fits_on_a_screen(network: str) -> None:
    assert 10 <= len(summarize(graph_of(ARCH, network)).rows) <= 36


def test_equal_blocks_are_one_row() -> None:
    rows = summarize(graph_of(ARCH, "resnet152")).rows
    assert [(row.name, row.last, row.count) for row in rows if row.block] == [
        ("stage1.bottleneck1", "stage1.bottleneck1", 1),
        ("stage1.bottleneck2", "stage1.bottleneck3", 2),
        ("stage2.bottleneck1", "stage2.bottleneck1", 1),
        ("stage2.bottleneck2", "stage2.bottleneck8", 7),
        ("stage3.bottleneck1", "stage3.bottleneck1", 1),
        ("stage3.bottleneck2", "stage3.bottleneck36", 35),
        ("stage4.bottleneck1", "stage4.bottleneck1", 1),
        ("stage4.bottleneck2", "stage4.bottleneck3", 2),
    ]


def layers_of(text: str) -> list[str]:
    return [row.layer for row in summarize(graph_of(f"network n {{ input 4 x 8 x 8\n {text} }}"), 1).rows[1:]]


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("conv 3x3, 4 -> bn -> relu -> dropout 0.2", ["conv 3x3, 4 -> bn -> relu -> dropout 0.2"]),
        ("bn -> relu -> conv 3x3, 4", ["bn -> relu", "conv 3x3, 4"]),
        ("conv 3x3, 4 -> maxpool 3x3, /1, pad=1 -> relu", ["conv 3x3, 4", "maxpool 3x3, /1, pad=1 -> relu"]),
        ("conv 3x3, 4, bias=true -> bn", ["conv 3x3, 4, bias=true -> bn"]),
        ("conv 3x3, 4, bias=false -> relu", ["conv 3x3, 4, bias=false -> relu"]),
        ("conv 3x3, 4 as kept\n relu -> from kept -> sigmoid", ["conv 3x3, 4", "relu", "sigmoid"]),
        ("stage { conv 3x3, 4 -> relu }", ["conv 3x3, 4 -> relu"]),
        ("stage { conv 3x3, 4 -> relu -> conv 3x3, 4 }", ["conv 3x3, 4 -> conv 3x3, 4"]),
        ("stage { repeat 2 { conv 3x3, 4 -> relu -> maxpool 3x3, /1 } }", ["conv x2, maxpool x2"]),
        ("stage { add { | conv 3x3, 4 | conv 1x1, 4 | identity } }", ["branch x3, add"]),
    ],
)
def test_a_row_is_a_layer_with_what_merely_follows_it(text: str, layers: list[str]) -> None:
    assert layers_of(text) == layers


def test_a_block_shows_its_arguments() -> None:
    rows = {row.name: row.layer for row in summarize(graph_of(ARCH, "resnet18"), 2).rows}
    assert rows["stage2.basic1"] == "basic filters=128, stride=2"
    rows = {row.name: row.layer for row in summarize(graph_of(ARCH, "googlenet"), 1).rows}
    assert rows["inception4a"] == "inception 192, 96, 208, 16, 48, 64"


def test_what_does_not_run_is_marked() -> None:
    body = "conv 3x3, 4 as early\n head aux, train_only=true { relu }\n conv 3x3, 5\n from early -> relu"
    rows = {row.name: row.runs for row in summarize(graph_of(f"network n {{ input 4 x 8 x 8\n {body} }}")).rows}
    assert rows == {
        "input": "always",
        "early": "always",
        "aux": "training",
        "conv": "never",
        "relu": "always",
    }


GOLDEN = """\
tiny: 3 x 64 x 48 -> 10

name                layer                                     output        params       MACs   memory  field  jump
-------------------------------------------------------------------------------------------------------------------
input               input                                     3 x 64 x 48                      36.9 kB      1     1
conv1               conv 1x7, 16, /2 -> bn -> leaky_relu 0.1  16 x 32 x 24     368    258,048  49.2 kB    1x7     2
                      -> dropout mode=channel -> sigmoid
fire1-3 x3          fire squeeze=4, expand=8                  16 x 32 x 24   2,124  1,548,288   332 kB  13x19     2
  conv              conv 1x1, 4 -> relu                       4 x 32 x 24       68     49,152  12.3 kB    1x7     2
  branch1           conv 1x1, 8 -> relu                       8 x 32 x 24       40     24,576  24.6 kB    1x7     2
  branch2                                                     8 x 32 x 24      600    442,368  73.7 kB   5x11     2
    conv1           conv 1x3, 16, pad=0x1 -> relu             16 x 32 x 24     208    147,456  49.2 kB   1x11     2
    conv2           conv 3x1, 8 -> relu                       8 x 32 x 24      392    294,912  24.6 kB   5x11     2
  concat            concat                                    16 x 32 x 24                               5x11     2
aux (training)                                                10            30,730     30,720  12.3 kB    all
  maxpool           maxpool 2x2, /2                           16 x 16 x 12                     12.3 kB  15x21     4
  flatten           flatten                                   3072                                      15x21     4
  linear            linear 10                                 10            30,730     30,720     40 B    all
gate                gate                                      16 x 32 x 24     272        256    128 B    all
  branch1           identity                                  16 x 32 x 24                              13x19     2
  branch2                                                     16 x 1 x 1       272        256    128 B    all
    global_avgpool  global_avgpool                            16 x 1 x 1                          64 B    all
    conv            conv 1x1, 16 -> sigmoid                   16 x 1 x 1       272        256     64 B    all
  mul               mul                                       16 x 32 x 24                                all
upsample            upsample 2x2                              16 x 64 x 48                                all
conv2               conv 3x3, 8                               8 x 64 x 48    1,160  3,538,944  98.3 kB    all
global_avgpool      global_avgpool                            8 x 1 x 1                           32 B    all
linear              linear 10                                 10                90         80     40 B    all
-------------------------------------------------------------------------------------------------------------------
total                                                                        4,014  5,345,616   516 kB

parameters           4,014  16.2 kB of weights in float32, with 33 buffer values
  in training       34,744  with train-only heads
MACs             5,345,616  multiply-accumulates for one sample (FLOPs are twice as many)
  in training    5,376,336  with train-only heads
depth                   13  layers with weights on the longest path
receptive field      15x21  pixels, but for layers that see the whole input
memory, maps        516 kB  129,074 values: the input and what convolutions, pools and linear layers put out"""


def test_the_text_of_a_summary() -> None:
    text = """
    block fire(squeeze, expand) {
        conv 1x1, squeeze -> relu
        concat { | conv 1x1, expand -> relu | conv 1x3, 2 * expand, pad=0x1 -> relu -> conv 3x1, expand -> relu }
    }
    block gate() { mul { | identity | global_avgpool -> conv 1x1, in.channels -> sigmoid } }
    network tiny(classes = 10) {
        input 3 x 64 x 48
        conv 1x7, 16, /2, bias=false -> bn -> leaky_relu 0.1 -> dropout 0.5, mode=channel -> sigmoid
        repeat 3 { fire 4, 8 }
        head aux, train_only=true { maxpool 2x2, /2 -> flatten -> linear classes }
        gate
        upsample 2 -> conv 3x3, 8
        global_avgpool -> linear classes
    }
    """
    assert summary_text(summarize(graph_of(text))) == GOLDEN


@pytest.mark.parametrize("network", TABLES)
def test_the_text_is_aligned_and_whole(network: str) -> None:
    summary = summarize(graph_of(ARCH, network))
    lines = summary_text(summary).splitlines()
    title, _, heads, rule, *rest = lines
    table = rest[: rest.index(rule)]
    assert title.startswith(f"{network}: ")
    assert max(map(len, [heads, *table])) == len(rule) <= 120
    assert all(line == line.rstrip() for line in lines)
    for row in summary.rows:
        own = row.name.rpartition(".")[2]
        assert any(own in line and (f"{row.macs:,}" in line or not row.macs) for line in table)
    assert any(f"{summary.cost.params:,}" in line for line in lines)


def test_a_graph_broken_off_at_a_mistake_has_a_summary() -> None:
    graph = broken_off("network n { input 3 x 8 x 8\n stage { conv 3x3, 4 -> bn\n conv 3x3, 7, groups=2 }\n relu }")
    assert not graph.outputs
    summary = summarize(graph)
    assert [row.name for row in summary.rows] == ["input", "stage"]
    assert (summary.complete, summary.cost.params) == (False, 3 * 4 * 9 + 8)
    assert "broken off" in summary_text(summary).splitlines()[0]
    assert json.loads(summary_json(summary))["complete"] is False


def test_a_network_without_a_single_node_has_a_summary() -> None:
    summary = summarize(Graph("nothing", (), ()))
    assert summary.rows == ()
    assert "nothing: no input" in summary_text(summary)


@pytest.mark.parametrize(("network", "levels"), [*product(["googlenet", "densenet121"], [None, 1, 9])])
def test_programs_read_what_people_read(network: str, levels: int | None) -> None:
    summary: Summary = summarize(graph_of(ARCH, network), levels)
    read = json.loads(summary_json(summary))
    assert (read["params"], read["macs"], read["depth"]) == COUNTED[network][0::2] + COUNTED[network][3:]
    assert [row["name"] for row in read["rows"]] == [row.name for row in summary.rows]
    table = list(csv.DictReader(io.StringIO(summary_csv(summary))))
    assert [(row["name"], int(row["params"]), row["layer"]) for row in table] == [
        (row.name, row.params, row.layer) for row in summary.rows
    ]
    seen = [int(row["field"]) for row in table if row["field"]]
    assert max(seen) == read["receptive_field"][0]


# --- warnings

LINT = {
    "conv 3x3, 4, bias=true -> bn": ["W603"],
    "conv 3x3, 4 -> bn": [],
    "conv 3x3, 4, bias=true -> relu -> bn": [],
    "linear 4, bias=true -> bn": ["W603"],
    "conv 3x3, 4, bias=true as kept\n bn\n add { | identity | from kept }": [],
    "conv 3x3, 4, bias=true as kept\n head side { bn }\n from kept": [],
    "conv 1x1, 4, /2": ["W604"],
    "conv 1x1, 4, /1x2": ["W604"],
    "conv 1x1, 4": [],
    "conv 3x3, 4, /2": [],
    "residual shortcut=projection { conv 3x3, 4, /2 -> bn }": [],
    "residual shortcut={ conv 1x1, 4, /2 } { conv 3x3, 4, /2 }": [],
    "residual shortcut=projection { conv 1x1, 4, /2 -> bn }": ["W604"],
    "relu as kept\n conv 3x3, 4 -> relu\n from kept -> tanh": ["W605"],
    "relu as kept\n conv 3x3, 4\n concat { | tanh | sigmoid -> silu }\n from kept -> silu": ["W605"],
    "head side { relu }\n head aux, train_only=true { relu }\n tanh": [],
}


@pytest.mark.parametrize("body", LINT)
def test_warnings(body: str) -> None:
    size = "2 x 1 x 1" if body.startswith("linear") else "2 x 8 x 8"
    graph = graph_of(f"network n {{ input {size}\n {body} }}")
    found = lint(graph)
    assert [warning.code for warning in found] == LINT[body]
    assert all(warning.severity == "warning" and warning.remedies and warning.span.text for warning in found)


def test_a_dead_chain_is_reported_at_its_end() -> None:
    graph = graph_of("network n { input 2 x 8 x 8\n relu as kept\n conv 3x3, 4 -> bn -> tanh\n from kept -> sigmoid }")
    assert [(warning.code, warning.span.text) for warning in lint(graph)] == [("W605", "tanh")]


def test_nothing_is_unused_before_a_mistake() -> None:
    assert lint(broken_off("network n { input 3 x 8 x 8\n conv 3x3, 4 -> conv 9x9, 4, pad=0 }")) == []
