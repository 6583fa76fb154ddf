"""GoogLeNet end to end: the main job of the project, on image-sized input, against independent implementations."""

from __future__ import annotations

import pytest
import torch
from oracles import relative_error, torchvision_models
from torch import Tensor, nn
from torch.nn import functional as F

import cnndsl


class Reference(nn.Module):
    """GoogLeNet written from Table 1 of the paper, layer by layer, without classes for its parts."""

    ROWS = {  # noqa: RUF012  #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj
        "3a": (192, 64, 96, 128, 16, 32, 32),
        "3b": (256, 128, 128, 192, 32, 96, 64),
        "4a": (480, 192, 96, 208, 16, 48, 64),
        "4b": (512, 160, 112, 224, 24, 64, 64),
        "4c": (512, 128, 128, 256, 24, 64, 64),
        "4d": (512, 112, 144, 288, 32, 64, 64),
        "4e": (528, 256, 160, 320, 32, 128, 128),
        "5a": (832, 256, 160, 320, 32, 128, 128),
        "5b": (832, 384, 192, 384, 48, 128, 128),
    }

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleDict()
        self.conv("conv1", 3, 64, 7)
        self.conv("conv2a", 64, 64, 1)
        self.conv("conv2b", 64, 192, 3)
        for row, (inputs, n1, r3, n3, r5, n5, pool) in self.ROWS.items():
            self.conv(f"{row}1", inputs, n1, 1)
            self.conv(f"{row}3r", inputs, r3, 1)
            self.conv(f"{row}3", r3, n3, 3)
            self.conv(f"{row}5r", inputs, r5, 1)
            self.conv(f"{row}5", r5, n5, 5)
            self.conv(f"{row}p", inputs, pool, 1)
            if row in ("4a", "4d"):
                self.conv(f"aux{row}", sum((n1, n3, n5, pool)), 128, 1)
                self.layers[f"fc{row}"] = nn.Linear(128 * 4 * 4, 1024)
                self.layers[f"out{row}"] = nn.Linear(1024, 1000)
        self.layers["fc"] = nn.Linear(1024, 1000)

    def conv(self, name: str, inputs: int, filters: int, kernel: int) -> None:
        self.layers[name] = nn.Conv2d(inputs, filters, kernel, padding=kernel // 2)

    def lrn(self, x: Tensor) -> Tensor:
        return F.local_response_norm(x, 5, alpha=1e-4, beta=0.75, k=1.0)

    def pool(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, 3, 2, ceil_mode=True)

    def run(self, name: str, x: Tensor) -> Tensor:
        return F.relu(self.layers[name](x))

    def inception(self, row: str, x: Tensor) -> Tensor:
        branches = [
            self.run(f"{row}1", x),
            self.run(f"{row}3", self.run(f"{row}3r", x)),
            self.run(f"{row}5", self.run(f"{row}5r", x)),
            self.run(f"{row}p", F.max_pool2d(x, 3, 1, padding=1)),
        ]
        return torch.cat(branches, dim=1)

    def auxiliary(self, row: str, x: Tensor) -> Tensor:
        x = self.run(f"aux{row}", F.avg_pool2d(x, 5, 3)).flatten(1)
        return self.layers[f"out{row}"](F.relu(self.layers[f"fc{row}"](x)))

    def forward(self, x: Tensor) -> list[Tensor]:
        weight = self.layers["conv1"].weight
        x = F.relu(F.conv2d(x, weight, self.layers["conv1"].bias, stride=2, padding=3))
        x = self.lrn(self.pool(x))
        x = self.lrn(self.run("conv2b", self.run("conv2a", x)))
        x, results = self.pool(x), []
        for row in self.ROWS:
            x = self.inception(row, x)
            if row in ("4a", "4d"):
                results.append(self.auxiliary(row, x))
            if row in ("3b", "4e"):
                x = self.pool(x)
        return [self.layers["fc"](x.mean((2, 3))), *results]


def without_dropout(module: nn.Module) -> nn.Module:
    for layer in module.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    return module


def copy_by_order(source: nn.Module, target: nn.Module) -> None:
    """Copy weights between two modules that define the same layers in the same order."""
    theirs, ours = list(source.state_dict().values()), list(target.state_dict().values())
    assert [t.shape for t in theirs] == [o.shape for o in ours]
    with torch.no_grad():
        for one, other in zip(theirs, ours, strict=True):
            other.copy_(one)


@pytest.fixture(scope="module")
def image() -> Tensor:
    return torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))


def test_the_2014_network_equals_a_reference_from_the_paper(image: Tensor) -> None:
    module, reference = without_dropout(cnndsl.load("googlenet").compile()), Reference()
    copy_by_order(module, reference)
    with torch.no_grad():
        wanted = reference(image)
        trained = module.train()(image)
        assert type(trained).__name__ == "GooglenetOutput" and trained._fields == ("output", "aux1", "aux2")
        assert relative_error(module.eval()(image), wanted[0]) < 2e-6
        for ours, theirs in zip(trained, wanted, strict=True):
            assert relative_error(ours, theirs) < 2e-6


def test_gradients_equal_those_of_the_reference(image: Tensor) -> None:
    module, reference = without_dropout(cnndsl.load("googlenet").compile()).double(), Reference().double()
    copy_by_order(module, reference)
    for each in (module, reference):
        each.train()
        results = each(image[:1].double())
        sum(result.square().mean() for result in results).backward()
    for ours, theirs in zip(module.parameters(), reference.parameters(), strict=True):
        assert relative_error(ours.grad, theirs.grad) < 1e-10


def torchvision_state(ours: nn.Module, theirs: nn.Module) -> dict[str, Tensor]:
    """torchvision's weights under our names: part by part (their `fc` is our `linear`), each part in its order."""
    parts: dict[str, list[Tensor]] = {}
    for name, tensor in theirs.state_dict().items():
        parts.setdefault({"fc": "linear"}.get(name.split(".")[0], name.split(".")[0]), []).append(tensor)
    state = {name: parts[name.split(".")[0]].pop(0) for name in ours.state_dict()}
    assert not any(parts.values())
    return state


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 5e-6), (torch.float64, 1e-12)], ids=str)
def test_the_variant_equals_torchvision(image: Tensor, dtype: torch.dtype, tolerance: float) -> None:
    ours = cnndsl.load("googlenet_torchvision").compile().to(dtype)
    theirs = torchvision_models().googlenet(weights=None, init_weights=False).to(dtype)
    with torch.no_grad():
        for tensor in theirs.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(tensor + 0.05 * torch.rand_like(tensor))  # statistics and betas away from their defaults
    ours.load_state_dict(torchvision_state(ours, theirs))
    without_dropout(ours), without_dropout(theirs)
    x = image.to(dtype)
    with torch.no_grad():
        assert relative_error(ours.eval()(x), theirs.eval()(x)) < tolerance
        trained, wanted = ours.train()(x), theirs.train()(x)
        assert relative_error(trained.output, wanted.logits) < 10 * tolerance
        assert relative_error(trained.aux1, wanted.aux_logits1) < 10 * tolerance
        assert relative_error(trained.aux2, wanted.aux_logits2) < 10 * tolerance


def test_other_numbers_of_classes() -> None:
    module = cnndsl.load("googlenet", classes=10).compile().eval()
    assert module(torch.randn(1, 3, 224, 224)).shape == (1, 10)
