"""Network `streams` of streams.arch, written by cnndsl VERSION. Change the .arch file and compile it again.

    input          N x 3 x 32 x 32
    output fine    N x 8 x 32 x 32
    output coarse  N x 8 x 16 x 16
    parameters     9,640
    MACs           3,747,840

The weights beside this file are loaded with

    from safetensors.torch import load_file

    model = streams()
    model.load_state_dict(load_file("streams.safetensors"))
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import NamedTuple

import torch
from torch import Tensor, nn


def chain(**layers: nn.Module) -> nn.Sequential:
    """Layers one after the other, by name."""
    return nn.Sequential(OrderedDict(layers))


class Unit(nn.Module):
    """`unit`, from streams.arch:3."""

    def __init__(self, filters: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(filters)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn(self.conv(x))
        return self.relu(out + x)


class ResampleWithUpsample(nn.Module):
    """`resample`, from streams.arch:6."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(16, 8, 1)
        self.upsample = nn.Upsample(scale_factor=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.upsample(self.conv(x))


class ExchangeBranch3(nn.Module):
    """Branch, from streams.arch:15."""

    def __init__(self) -> None:
        super().__init__()
        self.branch = chain(resample=ResampleWithUpsample())
        self.relu = nn.ReLU()

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return self.relu(x1 + self.branch(x2))


class Resample(nn.Module):
    """`resample`, from streams.arch:7."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 16, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class ExchangeBranch4(nn.Module):
    """Branch, from streams.arch:15."""

    def __init__(self) -> None:
        super().__init__()
        self.branch = chain(resample=Resample())
        self.relu = nn.ReLU()

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return self.relu(self.branch(x1) + x2)


class Exchange(nn.Module):
    """Every stream is made of all.

    `exchange`, from streams.arch:12-15.
    """

    def __init__(self) -> None:
        super().__init__()
        self.branch1 = chain(unit=Unit(8))
        self.branch2 = chain(unit=Unit(16))
        self.branch3 = ExchangeBranch3()
        self.branch4 = ExchangeBranch4()

    def forward(self, x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor]:
        branch1 = self.branch1(x1)
        branch2 = self.branch2(x2)
        branch3 = self.branch3(branch1, branch2)
        branch4 = self.branch4(branch1, branch2)
        return branch3, branch4


class Fine(nn.Module):
    """Branch `fine`, from streams.arch:25."""

    def __init__(self) -> None:
        super().__init__()
        self.branch1 = chain(conv=nn.Conv2d(2, 2, 3, padding=1), relu=nn.ReLU())
        self.branch2 = chain(conv=nn.Conv2d(6, 6, 3, padding=1), relu=nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        x1, x2 = x.split([2, 6], dim=1)
        return torch.cat([self.branch1(x1), self.branch2(x2)], dim=1)


class StreamsOutput(NamedTuple):
    """What the network returns."""

    fine: Tensor
    coarse: Tensor


class Streams(nn.Module):
    """The network, from streams.arch:22-26."""

    def __init__(self) -> None:
        super().__init__()
        self.branch1 = chain(conv=nn.Conv2d(3, 8, 3, padding=1), relu=nn.ReLU())
        self.branch2 = chain(conv=nn.Conv2d(3, 16, 3, stride=2, padding=1), relu=nn.ReLU())
        self.exchange1 = Exchange()
        self.exchange2 = Exchange()
        self.fine = Fine()
        self.coarse = chain(conv=nn.Conv2d(16, 8, 1))

    def forward(self, x: Tensor) -> StreamsOutput:
        branch1 = self.branch1(x)  # 8 x 32 x 32
        branch2 = self.branch2(x)  # 16 x 16 x 16
        x1, x2 = self.exchange1(branch1, branch2)
        x1, x2 = self.exchange2(x1, x2)
        fine = self.fine(x1)  # 8 x 32 x 32
        coarse = self.coarse(x2)  # 8 x 16 x 16
        return StreamsOutput(fine, coarse)


@torch.no_grad()
def initialize(module: nn.Module, seed: int = 0) -> None:
    """Draw weights as in He et al. 2015, "Delving Deep into Rectifiers", eq. 10.

    They are normal with variance 2 / fan_in, which keeps the size of activations from layer to layer
    through ReLUs; biases are zero. Other layers keep what they are made with, batch norm 1 and 0.
    Numbers are drawn as float32 on the CPU by a generator of their own: a seed means the same weights anywhere.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            fan_in = layer.weight[0].numel()
            normal = torch.randn(layer.weight.shape, generator=generator, dtype=torch.float32, device="cpu")
            layer.weight.copy_(normal * math.sqrt(2 / fan_in))
            if layer.bias is not None:
                layer.bias.zero_()


def streams(seed: int = 0) -> Streams:
    """Network `streams` with initial weights; the same seed gives the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = Streams()
    initialize(model, seed)
    return model
