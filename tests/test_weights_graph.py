"""Weights move by structure: two graphs are aligned, whatever their parts are called, in whatever order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from foreign_networks import Function, conv_bn, paths, scrambled
from test_oracles import ORACLES, Oracle, in_order, share_weights
from torch import Tensor, nn

import cnndsl
from cnndsl import Architecture
from cnndsl.alignment.align import Alignment, by_place
from cnndsl.errors import Unmatched
from cnndsl.foreign.sources import Foreign, from_module
from cnndsl.weights.adapt import moved
from cnndsl.weights.counterparts import Counterparts, counterparts
from cnndsl.weights.transfer import Transfer, by_graph
from cnndsl.weights.verdict import verdict


def read(network: Architecture, theirs: nn.Module) -> Foreign:
    """A module, read for the inputs of a network of ours."""
    return from_module(theirs, [node.shape for node in network.graph.inputs], "theirs", "")


def aligned(network: Architecture, theirs: nn.Module, **wishes: bool) -> tuple[Counterparts, Alignment, Transfer]:
    both = counterparts(network.graph, read(network, theirs).network)
    alignment = both.alignment()
    return both, alignment, by_graph(both, alignment, **wishes)


def said_of(network: Architecture, theirs: nn.Module, **wishes: bool) -> tuple[list[str], bool]:
    """Import, and what is then said of the two."""
    both, alignment, transfer = aligned(network, theirs, **wishes)
    ours = network.compile()
    ours.load_state_dict(moved(transfer.moves, both.network.source_tensors(), ours.state_dict()))
    return verdict(both, alignment, ours, read(network, theirs), bgr=wishes.get("bgr", False))


# --- the zoo against the libraries

# They have nothing that the others do not have, and that many million times.
LEFT_OUT = ("alexnet_torchvision", "inception_v4", "preresnet18", "resnet50", "vgg11_bn", "wide_resnet50_2")
# They have little of it, in hundreds of layers.
LONG = (
    "convnextv2_atto", "cspdarknet53", "darknet53_timm", "densenet121", "ecaresnet50d", "efficientnet_b3",
    "ghostnet_100", "hrnet_w18", "inception_resnet_v2", "inception_v3", "resnext50_32x4d", "seresnet50",
    "shufflenet_v2_x1_0", "xception",
)  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if name in LONG else []) for name in ORACLES if name not in LEFT_OUT],
)
def test_graphs_find_what_order_finds(name: str) -> None:
    """The oracles' weights are copied in order; here under scrambled names, in scrambled order, they find their way."""
    oracle: Oracle = ORACLES[name]
    torch.manual_seed(0)
    network = cnndsl.load(name, input=(3, oracle.size, oracle.size))
    theirs = oracle.build()
    in_file_order = network.compile()
    share_weights(in_file_order, in_order(theirs, oracle.late))
    hidden = scrambled(theirs)
    both, alignment, transfer = aligned(network, hidden)
    ours = network.compile()
    ours.load_state_dict(moved(transfer.moves, hidden.state_dict(), ours.state_dict()))
    for (key, one), other in zip(ours.state_dict().items(), in_file_order.state_dict().values(), strict=True):
        assert key.endswith("num_batches_tracked") or key.rpartition(".")[0] in transfer.kept or torch.equal(one, other)
    lines, agree = verdict(both, alignment, ours, read(network, hidden))
    assert agree and lines[0].startswith("proved: on random input both give the same"), lines


def test_heads_that_only_training_has_move_too() -> None:
    theirs = Oracle("googlenet").build()
    both, _, transfer = aligned(cnndsl.load("googlenet_torchvision"), theirs)
    ours = {move.ours.name: move.theirs.name for move in transfer.moves}
    assert both.heads and ours["aux1.auxiliary.linear1.weight"] == "aux1.fc1.weight"
    theirs.aux1 = theirs.aux2 = None
    theirs.aux_logits = False
    both, _, transfer = aligned(cnndsl.load("googlenet_torchvision"), theirs)
    assert not both.heads and {name.partition(".")[0] for name in transfer.kept} == {"aux1", "aux2"}


# --- small networks

SMALL = """network small(classes = 4) {
    input 3 x 8 x 8
    conv 3x3, 8 -> bn -> relu as stem
    residual { conv 3x3, 8 -> bn -> relu -> conv 3x3, 8 -> bn }
    relu -> global_avgpool -> linear classes
}"""


def small(classes: int = 4) -> Function:
    """The same, its parts under other names and defined from the end to the start."""

    def compute(self: nn.Module, x: Tensor) -> Tensor:
        x = self.a(x)
        return self.h(self.r(x + self.n(self.m(self.b(x)))).mean((2, 3)))

    torch.manual_seed(1)
    last = {"h": nn.Linear(8, classes), "r": nn.ReLU(), "n": nn.BatchNorm2d(8)}
    convolutions = {"m": nn.Conv2d(8, 8, 3, padding=1, bias=False), "b": conv_bn(8, 8, 3), "a": conv_bn(3, 8, 3)}
    return Function(compute, **last, **convolutions).eval()


Change = Callable[[Function], None]


def numbers(part: str, **values: object) -> Change:
    """Set what decides the numbers that a layer computes, but not what weights it has."""

    def change(module: Function) -> None:
        for name, value in values.items():
            setattr(module.get_submodule(part), name, value)

    return change


def replaced(part: str, by: Callable[[], nn.Module]) -> Change:
    def change(module: Function) -> None:
        where, _, name = part.rpartition(".")
        setattr(module.get_submodule(where), name, by().eval())

    return change


def conv(channels: int, filters: int, kernel: int, **settings: object) -> Callable[[], nn.Module]:
    return lambda: nn.Conv2d(channels, filters, kernel, bias=False, **{"padding": kernel // 2, **settings})


def test_names_and_order_mean_nothing() -> None:
    assert said_of(cnndsl.loads(SMALL), small())[1]


# What was done to theirs; weights still fit. Then the first layer that computes something else, on both sides.
ANOTHER_FUNCTION = {
    "eps": (numbers("a.1", eps=1e-3), "stem.bn", "a.1"),
    "eps in the block": (numbers("n", eps=1e-3), "bn2", "n"),
    "activation": (replaced("a.2", nn.GELU), "conv1", "b.0"),
    "activation too many": (replaced("r", lambda: nn.Sequential(nn.ReLU(), nn.Tanh())), "linear", "h"),
    "pool": (numbers("", compute=lambda self, x: small().compute(self, x.tanh())), "stem.conv", "a.0"),
}


@pytest.mark.parametrize("what", ANOTHER_FUNCTION)
def test_the_first_layer_that_differs_is_named_on_both_sides(what: str) -> None:
    change, ours, other = ANOTHER_FUNCTION[what]
    theirs = small()
    change(theirs)
    lines, agree = said_of(cnndsl.loads(SMALL), theirs)
    assert not agree and lines[0].startswith("the outputs differ: relative error ")
    assert lines[1].startswith(f"the first layer that differs is {ours}, theirs {other} (")


@pytest.mark.parametrize(
    "tensor", ["a.0.weight", "a.1.running_var", "b.1.bias", "m.weight", "n.running_mean", "h.bias"]
)
def test_a_spoilt_tensor_is_found_in_its_layer(tensor: str) -> None:
    network, theirs = cnndsl.loads(SMALL), small()
    both, alignment, transfer = aligned(network, theirs)
    state = moved(transfer.moves, theirs.state_dict(), network.compile().state_dict())
    (move,) = (move for move in transfer.moves if move.theirs.name == tensor)
    state[move.ours.name] = state[move.ours.name] + 1e-4
    ours = network.compile()
    ours.load_state_dict(state)
    lines, agree = verdict(both, alignment, ours, read(network, theirs))
    layers = [name.rpartition(".")[0] for name in (move.ours.name, tensor)]
    assert not agree and f"the first layer that differs is {layers[0]}, theirs {layers[1]} (" in lines[1]
    assert len(lines) == (2 if tensor == "a.0.weight" else 3), "the last layer that agrees is named, if there is one"


# Weights do not fit: what was done to theirs, and what is said of it.
ANOTHER_STRUCTURE = {
    "kernel": (replaced("b.0", conv(8, 8, 5)), "conv: kernel 3x3, theirs 5x5 (conv1 <-> b.0)"),
    "groups": (replaced("m", conv(8, 8, 3, groups=2)), "conv: groups 1, theirs 2 (conv2 <-> m)"),
    "dilation": (
        replaced("m", conv(8, 8, 3, dilation=2, padding=2)),
        "conv: dilation 1, theirs 2 (conv2 <-> m)",
    ),
    "padding": (replaced("m", conv(8, 8, 3, padding_mode="reflect")), "conv: pad 1, theirs 0 (conv2 <-> m (2))"),
    "bias": (replaced("m", lambda: nn.Conv2d(8, 8, 3, padding=1)), "conv: bias no, theirs yes (conv2 <-> m)"),
    "norm": (replaced("n", nn.Identity), "bn: theirs has none (bn2)"),
    "other norm": (replaced("n", lambda: nn.GroupNorm(2, 8)), "bn, theirs group_norm groups=2, eps=1e-05"),
    "layer too many": (
        replaced("r", lambda: nn.Sequential(nn.ReLU(), nn.Conv2d(8, 8, 1))),
        "conv 1x1, 8: ours has none (r.1)",
    ),
    "shortcut": (
        numbers("", compute=lambda self, x: self.h(self.n(self.m(self.b(self.a(x)))).mean((2, 3)))),
        "add: th",
    ),
    "joined": (
        numbers("", compute=lambda self, x: self.h(self.r(self.a(x) * self.n(self.m(self.b(self.a(x))))).mean((2, 3)))),
        "add, theirs mul",
    ),
}


@pytest.mark.parametrize("what", ANOTHER_STRUCTURE)
def test_what_differs_is_listed(what: str) -> None:
    change, said = ANOTHER_STRUCTURE[what]
    theirs = small()
    change(theirs)
    with pytest.raises(Unmatched, match="^small and theirs differ$") as caught:
        aligned(cnndsl.loads(SMALL), theirs)
    assert any(line.startswith(said) for line in caught.value.reasons), caught.value.reasons


# --- heads, colours, layouts


def test_a_head_of_another_size_is_kept_on_request_alone() -> None:
    network, theirs = cnndsl.loads(SMALL, classes=7), small()
    with pytest.raises(Unmatched, match="--new-head keeps the initial weights of ours") as caught:
        aligned(network, theirs)
    assert caught.value.reasons == ("linear has 7 filters or features, theirs 4",)
    _, _, transfer = aligned(network, theirs, new_head=True)
    assert transfer.kept == ("linear",) and not [m for m in transfer.moves if m.ours.name.startswith("linear")]
    assert said_of(network, theirs, new_head=True) == (
        ["proved: on random input all layers but the heads give the same in float64"],
        True,
    )


def test_under_another_head_a_difference_is_still_found() -> None:
    theirs = small()
    numbers("n", eps=1e-3)(theirs)
    lines, agree = said_of(cnndsl.loads(SMALL, classes=7), theirs, new_head=True)
    assert not agree and lines[0] == "the two do not compute the same"
    assert lines[1].startswith("the first layer that differs is bn2, theirs n (")


def test_blue_green_red_becomes_red_green_blue() -> None:
    network, theirs = cnndsl.loads(SMALL), small()
    lines, agree = said_of(network, theirs, bgr=True)
    assert agree, lines
    _, _, transfer = aligned(network, theirs, bgr=True)
    turned = [move.ours.name for move in transfer.moves if move.steps]
    assert turned == ["stem.conv.weight"]
    state = moved(transfer.moves, theirs.state_dict(), network.compile().state_dict())
    assert torch.equal(state["stem.conv.weight"], theirs.a[0].weight.flip(1))


# The same function in other layers: ours, theirs, and the step that it takes.
LAYOUTS = {
    "their linear is our 1x1": (
        "global_avgpool -> conv 1x1, 5 -> flatten",
        lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5)),
        "linear as a convolution",
    ),
    "their linear is our 8x8": (
        "conv 8x8, 5, pad=0 -> flatten",
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(6 * 64, 5)),
        "linear as a convolution",
    ),
    "their 1x1 is our linear": (
        "global_avgpool -> linear 5",
        lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(6, 5, 1), nn.Flatten()),
        "convolution as a linear",
    ),
    "their 8x8 is our linear": (
        "flatten -> linear 5",
        lambda: nn.Sequential(nn.Conv2d(6, 5, 8), nn.Flatten()),
        "convolution as a linear",
    ),
    "their linear of each pixel is our 1x1": (
        "conv 1x1, 5",
        lambda: Function(lambda self, x: self.l(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), l=nn.Linear(6, 5)),
        "linear as a convolution",
    ),
}


@pytest.mark.parametrize("what", LAYOUTS)
def test_layouts_are_adapted(what: str) -> None:
    ours, theirs, step = LAYOUTS[what]
    network, module = cnndsl.loads(f"network net {{\ninput 6 x 8 x 8\n{ours}\n}}"), theirs().eval()
    assert step in {step for move in aligned(network, module)[2].moves for step in move.steps}
    lines, agree = said_of(network, module)
    assert agree, lines


# --- symmetry and ambiguity

BRANCHES = "network net {{\ninput 8 x 8 x 8\nadd {{ {} }}\nglobal_avgpool -> linear 4\n}}"


def branched(*branches: nn.Module) -> Function:
    """Branches of equal weights, their sum, and a linear layer."""
    parts = {f"branch{number}": branch for number, branch in enumerate(branches)}

    def compute(self: nn.Module, x: Tensor) -> Tensor:
        return self.head(sum(getattr(self, name)(x) for name in parts).mean((2, 3)))

    return Function(compute, **parts, head=nn.Linear(8, 4)).eval()


def three() -> nn.Conv2d:
    return nn.Conv2d(8, 8, 3, padding=1)


def test_what_stands_behind_layers_tells_them_apart() -> None:
    network = cnndsl.loads(BRANCHES.format("| conv 3x3, 8 -> relu | conv 3x3, 8 -> tanh"))
    theirs = branched(nn.Sequential(three(), nn.Tanh()), nn.Sequential(three(), nn.ReLU()))
    _, alignment, transfer = aligned(network, theirs)
    assert not alignment.symmetric and not alignment.ambiguous
    pairs = {move.ours.name: move.theirs.name for move in transfer.moves}
    first, second = (name for name in pairs if name.endswith("weight") and "linear" not in name)
    assert (pairs[first], pairs[second]) == ("branch1.0.weight", "branch0.0.weight")
    assert said_of(network, theirs)[1]


def test_what_could_be_several_is_said_and_not_guessed() -> None:
    network = cnndsl.loads(BRANCHES.format("| conv 3x3, 8 -> relu | conv 3x3, 8 -> tanh"))
    theirs = branched(nn.Sequential(three(), nn.GELU()), nn.Sequential(three(), nn.ReLU()))
    with pytest.raises(Unmatched, match="^these could each be several of theirs") as caught:
        aligned(network, theirs)
    assert caught.value.reasons == ("branch1.conv, branch2.conv",)


@pytest.mark.parametrize("count", [2, 32])
def test_equal_paths_may_change_places(count: int) -> None:
    paths_of_ours = f"repeat {count} {{ | conv 1x1, 2 -> bn -> relu -> conv 3x3, 8 }}"
    network = cnndsl.loads(BRANCHES.format(f"\n| identity\n{paths_of_ours}\n"))
    _, alignment, _ = aligned(network, paths(count).eval())
    assert not alignment.ambiguous
    (group,) = by_place(alignment.symmetric)
    assert len(group) == count
    assert said_of(network, paths(count).eval())[1]


def test_dropout_and_its_kin_do_not_count() -> None:
    theirs = branched(nn.Sequential(three(), nn.Dropout2d(0.3)))
    network = cnndsl.loads("network net {\ninput 8 x 8 x 8\nconv 3x3, 8\nglobal_avgpool -> dropout 0.5 -> linear 4\n}")
    assert said_of(network, theirs)[1]
