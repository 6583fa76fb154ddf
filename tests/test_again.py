"""Weights that are used more than once: counted once, kept once, packed once, folded into no use alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from oracles import relative_error
from torch import Tensor, nn

import cnndsl
from cnndsl.backends.triton import make_plan
from cnndsl.draw import Look, draw
from cnndsl.errors import Unmatched
from cnndsl.foreign.pytorch.reader import read_module
from cnndsl.states import load_weights
from cnndsl.weights.counterparts import counterparts
from cnndsl.weights.transfer import by_graph

SIAMESE = """
block tower(width) { conv 3x3, width -> bn -> relu -> conv 3x3, width }

network siamese {
    input 3 x 9 x 9 as left
    input 3 x 9 x 9 as right
    concat { | from left -> tower 8 as t -> global_avgpool | from right -> TOWER -> global_avgpool }
    flatten -> linear 1
}
"""


def siamese(second: str = "again t") -> cnndsl.Architecture:
    text = SIAMESE.replace("tower 8 as t -> global_avgpool", "tower 8 as t").replace("TOWER -> global_avgpool", second)
    return cnndsl.loads(text.replace("    flatten", "    global_avgpool -> flatten"))


class Siamese(nn.Module):
    """The same, by hand."""

    def __init__(self, *, shared: bool) -> None:
        super().__init__()
        self.one = self.tower()
        self.other = self.one if shared else self.tower()
        self.linear = nn.Linear(16, 1)

    def tower(self) -> nn.Module:
        first, second = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.Conv2d(8, 8, 3, padding=1)
        return nn.Sequential(first, nn.BatchNorm2d(8), nn.ReLU(), second)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        x = torch.cat([self.one(left), self.other(right)], dim=1)
        return self.linear(x.mean((2, 3)))


def test_parameters_count_once_and_macs_each_time() -> None:
    shared, apart = siamese(), siamese("tower 8")
    assert shared.macs == apart.macs
    tower = 3 * 8 * 9 + 2 * 8 + 8 * 8 * 9 + 8
    assert (shared.params, apart.params) == (tower + 17, 2 * tower + 17)
    assert sum(each.numel() for each in shared.compile().parameters()) == shared.params


def test_other_implementations_conform_if_they_share_the_same() -> None:
    torch.manual_seed(0)
    for architecture, shared in ((siamese(), True), (siamese("tower 8"), False)):
        theirs = Siamese(shared=shared).eval()
        both = counterparts(architecture.graph, read_module(theirs, [(3, 9, 9)] * 2, "theirs"))
        ours = architecture.compile().eval()
        state, source = ours.state_dict(), theirs.state_dict()
        for move in by_graph(both, both.alignment()).moves:
            state[move.ours.name].copy_(source[move.theirs.name])
        images = [torch.randn(2, 3, 9, 9) for _ in range(2)]
        with torch.no_grad():
            assert relative_error(ours(*images), theirs(*images)) < 1e-6
        with pytest.raises(Unmatched):
            other = read_module(Siamese(shared=not shared), [(3, 9, 9)] * 2, "theirs")
            counterparts(architecture.graph, other).alignment()


def test_they_train_like_a_module_that_is_called_twice() -> None:
    """Gradients of both uses add up, and both move the statistics of a batch norm."""
    torch.manual_seed(0)
    ours, theirs = siamese().compile().train(), Siamese(shared=True).train()
    named = [name for name in theirs.state_dict() if not name.startswith("other")]
    with torch.no_grad():
        for name, tensor in zip(named, ours.state_dict().values(), strict=True):
            theirs.state_dict()[name].copy_(tensor)
    for module in (ours, theirs):
        torch.manual_seed(1)
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
        for _ in range(2):
            optimizer.zero_grad()
            module(torch.randn(2, 3, 9, 9), torch.randn(2, 3, 9, 9)).square().mean().backward()
            optimizer.step()
    for name, tensor in zip(named, ours.state_dict().values(), strict=True):
        torch.testing.assert_close(theirs.state_dict()[name], tensor)
    assert [int(tensor) for name, tensor in ours.named_buffers() if name.endswith("tracked")] == [4]


def test_a_plan_packs_them_once() -> None:
    shared, apart = (make_plan(each.graph, "sm_90") for each in (siamese(), siamese("tower 8")))
    assert len(shared.launches) == len(apart.launches)
    assert len(apart.weights) - len(shared.weights) == 4  # weight and bias of two convolutions


def test_what_follows_one_use_is_folded_into_that_alone() -> None:
    """The convolution is read by a batch norm at first, and by a relu the second time."""
    network = "network t {\ninput 4 x 9 x 9\nconv 3x3, 4 as c\nbn -> relu -> again c\nrelu -> again c\nbn\n}"
    architecture = cnndsl.loads(network)
    plain, fast = architecture.compile(seed=3), architecture.optimize(seed=3)
    for name, tensor in plain.named_buffers():
        if "running" in name:
            tensor.uniform_(0.5, 1.5)
    fast.load_state_dict(plain.state_dict())
    image = torch.randn(2, 4, 9, 9)
    with torch.no_grad():
        assert relative_error(fast(image), plain.eval()(image)) < 1e-5
    assert {name for name in plain.state_dict() if name.startswith("c")} == {"c.weight", "c.bias"}


def test_weights_of_numbered_parts_are_called_like_those_of_a_list() -> None:
    text = "network t {\ninput 3 x 9 x 9\nfor i in range(3) { conv 3x3, 4 + i -> bn -> relu as c[i] }\n"
    text += "stage { conv 1x1, 4 as d[1, 0] }\n}"
    module = cnndsl.loads(text).compile()
    assert {"c.0.conv.weight", "c.2.bn.bias", "stage.d.1_0.weight"} <= module.state_dict().keys()
    assert isinstance(module.get_submodule("c.1.conv"), nn.Conv2d)


def test_the_file_of_an_optimised_network_holds_every_use(tmp_path: Path) -> None:
    """Where nothing is folded into them, uses share their memory, which a file cannot say."""
    network = siamese()
    network.write(tmp_path, optimize=True)
    held = load_weights(tmp_path / "siamese.safetensors")
    assert torch.equal(held["t.tower.conv2.weight"], held["branch.t_again.tower.conv2.weight"])
    assert held.keys() == network.optimize().state_dict().keys()
    assert sum(value.numel() for name, value in held.items() if name.endswith("conv2.weight")) == 2 * 8 * 8 * 9


def test_a_picture_says_which_frame_is_a_second_use() -> None:
    shared, apart = (draw(each.graph, Look(depth=3)).count(">again<") for each in (siamese(), siamese("tower 8")))
    assert (shared, apart) == (1, 0)
