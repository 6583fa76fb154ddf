"""Skeletons: what the graph says of a network is what a trace of the compiled module shows."""

from __future__ import annotations

import pytest
import torch
from random_networks import random_network
from torch import Tensor, nn

import cnndsl
from cnndsl.alignment.align import network
from cnndsl.alignment.difference import differences
from cnndsl.alignment.graph_skeleton import skeleton_of
from cnndsl.alignment.skeleton import Skeleton, Unit
from cnndsl.alignment.trace import trace, values
from cnndsl.backends.torch import build
from cnndsl.errors import WeightsError
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
    return skeleton_of(graph), trace(build(graph).eval(), shapes, "compiled").skeleton


def assert_same(ours: Skeleton, theirs: Skeleton) -> None:
    assert [str(each) for each in differences(ours, theirs)] == []
    assert match(network(ours, strict=True), network(theirs, strict=True)) is not None


@pytest.mark.parametrize("name", TRACED)
def test_the_graph_says_what_a_trace_shows(name: str) -> None:
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


def units(module: nn.Module, shape: tuple[int, ...] = IMAGE) -> list[Unit]:
    return list(trace(module.eval(), [shape], "test").skeleton.units)[1:]


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
        (lambda x: torch.clamp(x, 0, 6), ["clamp min 0, max 6"]),
        (lambda x: x.chunk(2, 1)[1].relu(), ["channel_slice start 2, stop 4", "relu"]),
        (lambda x: x.split([1, 3], 1)[1], ["channel_slice start 1, stop 4"]),
        (lambda x: x[:, 1:3], ["channel_slice start 1, stop 3"]),
        (lambda x: x[:, :, 1:5:2], ["slice axis 2, from 1, to 5, step 2"]),
        (
            lambda x: x.view(-1, 2, 2, 8, 8).transpose(1, 2).contiguous().view(-1, 4, 8, 8),
            ["channel_shuffle groups 2"],
        ),
        (lambda x: x.flatten(1).softmax(1), ["softmax"]),
        (lambda x: x.relu().permute(0, 3, 2, 1).contiguous().view(x.shape[0], -1).tanh(), ["relu", WHC, "tanh"]),
        (lambda x: x.relu().transpose(1, 3).tanh().flatten(1), ["relu", "tanh", WHC]),
        (lambda x: x.permute(0, 2, 3, 1).sigmoid().permute(0, 3, 1, 2).flatten(1).tanh(), ["sigmoid", "tanh"]),
        (lambda x: x.mean((2, 3), True).permute(0, 2, 3, 1).flatten(1), ["global_avgpool"]),
        (lambda x: torch.max(x, dim=1, keepdim=True)[0], ["channel_max"]),
        (
            lambda x: torch.cat([torch.max(x, 1)[0].unsqueeze(1), x.mean(1).unsqueeze(1)], 1),
            ["channel_max", "channel_mean", "concat"],
        ),
        (lambda x: torch.maximum(torch.max(x, x.relu()), x.tanh()), ["relu", "tanh", "max"]),
        (lambda x: x.relu() ** 2, ["relu", "square"]),
        (lambda x: x * x, ["square"]),
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
    assert_same(ours, trace(apart, [IMAGE], "apart").skeleton)


def test_a_computed_weight_is_none_of_ours() -> None:
    standardised = torch.nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 3, padding=1))
    ours = skeleton_of(cnndsl.loads("network n { input 4 x 8 x 8\n conv 3x3, 4 }").graph)
    (difference,) = differences(ours, trace(standardised.eval(), [IMAGE], "theirs").skeleton)
    assert difference.what.startswith("conv: weight none, theirs computed from parametrizations.weight")


def test_what_cannot_be_traced_is_one_line() -> None:
    with pytest.raises(WeightsError, match=r"^cannot trace net for 4 x 8 x 8: .*$") as caught:
        trace(Lambda(lambda x: x.nonsense()), [IMAGE], "net")
    assert "\n" not in str(caught.value)


def test_tensors_that_an_unknown_operator_gives_are_told_apart() -> None:
    def swapped(x: torch.Tensor) -> torch.Tensor:
        one, other = x.unflatten(1, (2, 2)).unbind(2)
        return torch.cat([other, one], 1)

    skeleton = trace(Lambda(swapped), [IMAGE], "net").skeleton
    assert [str(unit) for unit in skeleton.units if unit.kind == "item"] == ["item index 0", "item index 1"]


def test_an_operator_in_an_unknown_use_is_named() -> None:
    """A part of what was an image once, as timm's `halonet26t` takes."""
    wanted = "cannot read net: `slice`, which reads 2 x 2 x 2, is no layer that is known"
    with pytest.raises(WeightsError, match=wanted):
        trace(Lambda(lambda x: x.mean((2, 3)).reshape(2, 2, 2)[:, :, 1:] * 2), [IMAGE], "net")


def test_values_are_those_of_the_layers() -> None:
    module = nn.Sequential(nn.Conv2d(4, 2, 3), nn.ReLU(inplace=True), nn.BatchNorm2d(2)).eval()
    x = torch.randn(2, *IMAGE)
    found = values(trace(module, [IMAGE], "net"), module, [x])
    assert list(found) == ["0", "2"]
    with torch.no_grad():
        assert torch.equal(found["0"], module[0](x)) and torch.equal(found["2"], module(x))


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
