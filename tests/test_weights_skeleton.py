"""Skeletons: what the graph says of a network is what the reader of others' sees in its compiled module."""

from __future__ import annotations

import pytest
import torch
from random_networks import random_network
from torch import Tensor, nn

import cnndsl
from cnndsl.alignment.align import network
from cnndsl.alignment.difference import differences
from cnndsl.alignment.graph_skeleton import foreign_skeleton, skeleton_of
from cnndsl.alignment.skeleton import Skeleton, Unit
from cnndsl.backends.torch import build
from cnndsl.errors import WeightsError
from cnndsl.foreign.pytorch.reader import read_module
from cnndsl.foreign.sources import from_module
from cnndsl.ir import Graph
from cnndsl.ir.isomorphism import Vertex, match, refine
from cnndsl.ops import all_layers

# Each with something that the others lack; the tests of imports have more.
TRACED = (
    "densenet40_12",
    "fractalnet_thin10",
    "googlenet",
    "lenet5",
    "nin",
    "preresnet18",
    "resnet20",
    "shufflenet_v2_x0_5",
    "squeezenet1_0_complex_bypass",
    "unet_2015",
)
COUNTED = (
    *TRACED,
    "alexnet",
    "efficientnet_b0",
    "mobilenet_v2",
    "resnext_branches",
    "seresnet50",
    "vgg11_lrn",
    "xception",
)


def skeletons(graph: Graph) -> tuple[Skeleton, Skeleton]:
    graph = graph.inference()
    shapes = [node.shape for node in graph.inputs]
    return skeleton_of(graph), foreign_skeleton(read_module(build(graph).double(), shapes, "compiled"))


def assert_same(ours: Skeleton, theirs: Skeleton) -> None:
    assert [str(each) for each in differences(ours, theirs)] == []
    assert match(network(ours, strict=True), network(theirs, strict=True)) is not None


@pytest.mark.parametrize("name", TRACED)
def test_the_graph_says_what_the_reader_sees(name: str) -> None:
    assert_same(*skeletons(cnndsl.load(name).graph))


@pytest.mark.parametrize("seed", range(6))
def test_random_networks_too(seed: int) -> None:
    assert_same(*skeletons(cnndsl.loads(random_network(seed)).graph))


@pytest.mark.parametrize(
    "body",
    [
        "residual { dropout mode=channel -> conv 3x3, 4 -> relu }",  # gives back the very tensor that it got
        "residual { conv 3x3, 4 } -> drop_path 0.3 -> residual { conv 3x3, 4 }",  # one sum, where nothing is dropped
    ],
)
def test_what_acts_in_training_alone_hides_nothing(body: str) -> None:
    assert_same(*skeletons(cnndsl.loads(f"network n {{\ninput 4 x 8 x 8\n{body}\n}}").graph))


WHOLE = "6 x 5 x 3 -> channel_slice 0, 6"  # a layer that moves nothing
EXAMPLES = [*(example for layer in all_layers().values() for example in layer.examples), WHOLE]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_layer_is_known_on_both_sides(example: str) -> None:
    shape, _, line = example.partition(" -> ")
    graph = cnndsl.loads(f"network example {{\ninput {shape}\n{line}\ntanh\n}}\n").graph
    assert_same(*skeletons(graph))


@pytest.mark.parametrize("name", COUNTED)
def test_counts_are_those_of_the_facts(name: str) -> None:
    net = cnndsl.load(name)
    skeleton = skeleton_of(net.graph.inference())
    assert (skeleton.params, skeleton.macs, skeleton.depth) == (net.params, net.macs, net.depth)


# --- what others write in other words

IMAGE = (4, 8, 8)
WHC = "flatten order whc"


def skeleton(module: nn.Module, shape: tuple[int, ...] = IMAGE) -> Skeleton:
    return foreign_skeleton(read_module(module, [shape], "net"))


def units(module: nn.Module) -> list[Unit]:
    return list(skeleton(module).units)[1:]


class Lambda(nn.Module):
    def __init__(self, function: object) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        (lambda x: x.mean((2, 3)), ["global_avgpool"]),
        (lambda x: x.mean([-1, -2], keepdim=True), ["global_avgpool"]),
        (lambda x: torch.nn.functional.avg_pool2d(x, 8), ["global_avgpool"]),
        (lambda x: torch.nn.functional.adaptive_max_pool2d(x, 1), ["global_maxpool"]),
        (lambda x: torch.nn.functional.adaptive_avg_pool2d(x, 8).relu(), ["relu"]),
        (lambda x: torch.cat([x.relu()], 1), ["relu"]),
        (lambda x: torch.cat([torch.cat([x, x.relu()], 1), x.tanh()], 1), ["relu", "tanh", "concat"]),
        (lambda x: x + x.relu() + x.tanh(), ["relu", "add", "tanh", "add"]),
        (lambda x: x.clone().add_(x.relu()), ["relu", "add"]),
        (lambda x: torch.stack([x, x.relu()]).mean(0), ["relu", "add", "scale factor 0.5"]),
        (lambda x: x.relu().div(4), ["relu", "scale factor 0.25"]),
        (lambda x: torch.clamp(x, 0, 6), ["relu6"]),
        (lambda x: x.chunk(2, 1)[1].relu(), ["channel_slice start 2, stop 4", "relu"]),
        (lambda x: x.split([1, 3], 1)[1], ["channel_slice start 1, stop 4"]),
        (lambda x: x[:, 1:3], ["channel_slice start 1, stop 3"]),
        (lambda x: x[:, :, 1:5:2], ["crop size (3, 8)", "maxpool kernel 1x1, stride 2x1, pad 0, round floor"]),
        (
            lambda x: x.view(-1, 2, 2, 8, 8).transpose(1, 2).contiguous().view(-1, 4, 8, 8),
            ["channel_shuffle groups 2"],
        ),
        (lambda x: x.flatten(1).softmax(1), ["softmax"]),
        (lambda x: x.relu().permute(0, 3, 2, 1).contiguous().view(x.shape[0], -1).tanh(), ["relu", "tanh", WHC]),
        (lambda x: x.relu().transpose(1, 3).tanh().flatten(1), ["relu", "tanh", WHC]),
        (lambda x: x.permute(0, 2, 3, 1).sigmoid().permute(0, 3, 1, 2).flatten(1).tanh(), ["sigmoid", "tanh"]),
        (lambda x: x.mean((2, 3), True).permute(0, 2, 3, 1).flatten(1), ["global_avgpool"]),
        (lambda x: torch.max(x, dim=1, keepdim=True)[0], ["channel_max"]),
        (
            lambda x: torch.cat([torch.max(x, 1)[0].unsqueeze(1), x.mean(1).unsqueeze(1)], 1),
            ["channel_max", "channel_mean", "concat"],
        ),
        (
            lambda x: torch.maximum(torch.max(x.mean((2, 3)), x.amax((2, 3))), x.mean((2, 3)).tanh()),
            ["global_avgpool", "global_maxpool", "tanh", "max"],
        ),
        (lambda x: x.relu().relu(), ["relu", "relu"]),
        (lambda x: x.relu() ** 2, ["squared_relu"]),
        (lambda x: x * x, ["mul"]),
        (lambda x: torch.add(x, x.tanh(), alpha=2), ["tanh", "scale factor 2", "add"]),
        (lambda x: torch.nn.functional.hardtanh(x, 0, 6), ["relu6"]),
    ],
)
def test_functions_are_read(function: object, wanted: list[str]) -> None:
    found = [str(unit) for unit in units(Lambda(function))]
    assert [text for text in wanted if text not in found] == [] and found[-1] == wanted[-1]


def test_an_operator_in_place_counts_for_every_reader() -> None:
    def compute(x: Tensor) -> Tensor:
        y = x * 2
        y.relu_()
        return y + x

    first, second, last = units(Lambda(compute))
    assert (first.kind, second.kind, last.inputs) == ("scale", "relu", (second.name, "x"))


def test_padding_of_its_own_is_the_convolutions() -> None:
    apart = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(4, 4, 3))
    ours = skeleton_of(cnndsl.loads("network n { input 4 x 8 x 8\n conv 3x3, 4, pad=[0, 1, 0, 1] }").graph)
    assert_same(ours, skeleton(apart))


def test_a_computed_weight_is_a_weight_with_a_name_of_its_own() -> None:
    """As of weight normalisation: it moves like one that is kept."""
    normed = torch.nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 3, padding=1))
    ours = skeleton_of(cnndsl.loads("network n { input 4 x 8 x 8\n conv 3x3, 4 }").graph)
    theirs = skeleton(normed)
    assert_same(ours, theirs)
    assert [slot.name for slot in theirs.units[1].slots.values()] == ["conv.weight (computed)", "bias"]


def test_what_cannot_be_traced_is_one_line() -> None:
    with pytest.raises(WeightsError, match=r"^cannot trace net for 4 x 8 x 8: .*$") as caught:
        skeleton(Lambda(lambda x: x.nonsense()))
    assert "\n" not in str(caught.value)


def test_an_unknown_operator_is_a_unit_with_what_is_said_to_it() -> None:
    (first,) = units(Lambda(lambda x: x.cumsum(1)))
    (second,) = units(Lambda(lambda x: x.cumsum(2)))
    assert (str(first), str(second)) == ("cumsum dim 1", "cumsum dim 2")


def test_tensors_that_an_unknown_operator_gives_are_told_apart() -> None:
    def sorted_and_places(x: torch.Tensor) -> torch.Tensor:
        values, places = x.sort(1)
        return torch.cat([places, values], 1)

    found = [str(unit) for unit in units(Lambda(sorted_and_places))]
    assert found == ["sort dim 1, item 0", "sort dim 1, item 1", "concat"]


def test_an_operator_in_an_unknown_use_is_a_unit_too() -> None:
    """A part of what was an image once, as timm's `halonet26t` takes."""
    found = [str(unit) for unit in units(Lambda(lambda x: x.reshape(2, 2, 2, -1)[:, :, :, 3:] * 2))]
    assert found[0].startswith("slice dim 3, start 3") and found[-1] == "scale factor 2"


def test_values_are_those_of_the_layers() -> None:
    module = nn.Sequential(nn.Conv2d(4, 2, 3), nn.ReLU(inplace=True), nn.BatchNorm2d(2)).eval().double()
    foreign = from_module(module, [IMAGE], "net", "")
    x = torch.randn(2, *IMAGE, dtype=torch.float64)
    convolution, norm = foreign.results([x], foreign.network.results.values()).values()
    with torch.no_grad():
        assert torch.equal(convolution, module[0](x)) and torch.equal(norm, module(x))


# --- isomorphism


def test_refinement_tells_apart_what_differs_far_away() -> None:
    chain = {"a": Vertex("x", ()), "b": Vertex("x", (("a", 0),)), "c": Vertex("x", (("b", 0),))}
    (colours,) = refine(chain)
    assert len(set(colours.values())) == 3


def test_equal_branches_are_symmetric_and_the_order_of_arguments_counts() -> None:
    def merged(ordered: bool, *labels: str) -> dict[str, Vertex]:
        branches = {f"b{i}": Vertex(label, (("in", 0),)) for i, label in enumerate(labels)}
        return {"in": Vertex("in", ()), **branches, "m": Vertex("m", tuple((b, 0) for b in branches), ordered)}

    found = match(merged(False, "x", "y", "x"), merged(False, "y", "x", "x"))
    assert found is not None and found.symmetric == (("b0", "b2"),) and found.pairs["b1"] == "b0"
    assert match(merged(True, "x", "y"), merged(True, "y", "x")) is None
    (colours,) = refine(merged(True, "x", "x"))
    assert len(set(colours.values())) == 4


def test_an_edge_twice_is_not_an_edge_once() -> None:
    def sum_of(*sources: str) -> dict[str, Vertex]:
        return {"a": Vertex("in", ()), "b": Vertex("in", ()), "m": Vertex("m", tuple((s, 0) for s in sources), False)}

    assert match(sum_of("a", "a", "b"), sum_of("b", "a", "b")) is not None
    assert match(sum_of("a", "a", "b"), sum_of("a", "b")) is None
