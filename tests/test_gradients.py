"""The zoo trains as its oracles train: in training mode, the same loss has the same gradients, for one network of each
family."""

from __future__ import annotations

import pytest
import torch
from oracles import relative_error
from test_oracles import ORACLES, in_order, share_weights
from torch import Tensor, nn

import cnndsl

SIZES = {
    "alexnet_torchvision": 95,
    "vgg11_bn": 64,
    "inception_v4": 107,
    "resnet18": 33,
    "preresnet18": 33,
    "resnext50_32x4d": 33,
    "densenet121": 64,
    "squeezenet1_1": 33,
    "mobilenet_v1_relu6": 33,
    "mobilenet_v2": 33,
    "shufflenet_v2_x1_0": 33,
    "seresnet50": 33,
    "efficientnet_b0": 33,
    "convnext_tiny": 33,
    "xception": 71,
    "darknet53_timm": 33,
}


def without_chance(module: nn.Module) -> nn.Module:
    """Turn off what draws numbers in training: dropout and stochastic depth, by whatever name a library calls it."""
    for layer in module.modules():
        for rate in ("p", "drop_prob"):
            if isinstance(getattr(layer, rate, None), float):
                setattr(layer, rate, 0.0)
    return module


def fitted(theirs: nn.Module, ours: nn.Module) -> nn.Module:
    """Torchvision's AlexNet and VGG for small pictures: their first linear layer reads the map as it is, as ours."""
    if isinstance(getattr(theirs, "classifier", None), nn.Sequential) and hasattr(theirs, "avgpool"):
        place = next(index for index, layer in enumerate(theirs.classifier) if isinstance(layer, nn.Linear))
        reads = next(layer for layer in ours.modules() if isinstance(layer, nn.Linear)).in_features
        if theirs.classifier[place].in_features != reads:
            theirs.avgpool = nn.Identity()
            theirs.classifier[place] = nn.Linear(reads, theirs.classifier[place].out_features)
    return theirs


def gradients(module: nn.Module, image: Tensor, late: tuple[str, ...] = ()) -> list[tuple[str, Tensor]]:
    module.train()(image).square().mean().backward()
    named = [(name, tensor) for name, tensor in in_order(module, late) if isinstance(tensor, nn.Parameter)]
    return [(name, tensor.grad) for name, tensor in named]


LONG = {"alexnet_torchvision"}


@pytest.mark.parametrize(
    "network", [pytest.param(each, marks=[pytest.mark.slow] if each in LONG else []) for each in SIZES]
)
def test_gradients_in_training_are_those_of_the_oracle(network: str) -> None:
    oracle, size = ORACLES[network], SIZES[network]
    torch.manual_seed(0)
    ours = without_chance(cnndsl.load(network, input=(3, size, size)).compile())
    theirs = without_chance(fitted(oracle.build(), ours))
    share_weights(ours, in_order(theirs, oracle.late))
    image = torch.randn(2, 3, size, size, dtype=torch.float64)
    found = gradients(ours.double(), image)
    wanted = gradients(theirs.double(), image, oracle.late)
    scale = max(gradient.norm() for _, gradient in wanted)
    assert len(found) == len(wanted)
    for (name, one), (_, other) in zip(found, wanted, strict=True):
        if other.norm() > 1e-9 * scale:  # a bias before batch norm has none but rounding
            assert relative_error(one, other.reshape_as(one)) < 1e-8, name
        else:
            assert one.norm() < 1e-6 * scale, name


def test_resnet_1202_trains_a_step() -> None:
    """He et al. 2015, section 4.2: 1202 layers are no obstacle."""
    torch.manual_seed(0)
    module = cnndsl.load("resnet1202").compile().train()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    before = module.linear.weight.detach().clone()
    loss = nn.functional.cross_entropy(module(torch.randn(2, 3, 32, 32)), torch.tensor([1, 7]))
    loss.backward()
    assert torch.isfinite(loss) and all(torch.isfinite(p.grad).all() for p in module.parameters())
    optimizer.step()
    assert not torch.equal(before, module.linear.weight)
