"""Network `inception` of inception.arch, written by cnndsl VERSION. Change the .arch file and compile it again.

    input       N x 3 x 64 x 64
    output      N x 10
    output aux  N x 10
    parameters  540,090, and 2,169,994 in heads for training alone
    MACs        143,987,392

The weights beside this file are loaded with

    from safetensors.torch import load_file

    model = inception()
    model.load_state_dict(load_file("inception.safetensors"))
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


class Inception2(nn.Module):
    """Going Deeper with Convolutions, Szegedy et al. 2015, Figure 2b.

    `inception`, from inception.arch:3-7.
    """

    def __init__(self, in_channels: int, n1: int, r3: int, n3: int, r5: int, n5: int, pool: int) -> None:
        super().__init__()
        self.branch1 = chain(conv=nn.Conv2d(in_channels, n1, 1), relu=nn.ReLU())
        self.branch2 = chain(
            conv1=nn.Conv2d(in_channels, r3, 1),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(r3, n3, 3, padding=1),
            relu2=nn.ReLU(),
        )
        self.branch3 = chain(
            conv1=nn.Conv2d(in_channels, r5, 1),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(r5, n5, 5, padding=2),
            relu2=nn.ReLU(),
        )
        self.branch4 = chain(
            maxpool=nn.MaxPool2d(3, stride=1, padding=1),
            conv=nn.Conv2d(in_channels, pool, 1),
            relu=nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1)


class Aux(nn.Module):
    """Head `aux`, from inception.arch:18-19."""

    def __init__(self) -> None:
        super().__init__()
        self.avgpool = nn.AvgPool2d(5, stride=3)
        self.conv = nn.Conv2d(480, 128, 1)
        self.relu1 = nn.ReLU()
        self.linear1 = nn.Linear(2048, 1024)
        self.relu2 = nn.ReLU()
        self.dropout = nn.Dropout(p=0.7)
        self.linear2 = nn.Linear(1024, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu1(self.conv(self.avgpool(x)))  # 128 x 4 x 4
        x = self.relu2(self.linear1(torch.flatten(x, 1)))  # 1024
        return self.linear2(self.dropout(x))


class InceptionOutput(NamedTuple):
    """What the network returns in training mode; in eval mode it returns the plain output."""

    output: Tensor
    aux: Tensor


class Inception(nn.Module):
    """The network, from inception.arch:13-21."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.lrn = nn.LocalResponseNorm(5)
        self.inception3a = Inception2(64, 64, 96, 128, 16, 32, 32)
        self.inception3b = Inception2(256, 128, 128, 192, 32, 96, 64)
        self.aux = Aux()
        self.global_avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(p=0.4)
        self.linear = nn.Linear(480, 10)

    def forward(self, x: Tensor) -> Tensor | InceptionOutput:
        x = self.relu(self.conv(x))  # 64 x 32 x 32
        x = self.lrn(self.maxpool(x))  # 64 x 16 x 16
        x = self.inception3a(x)  # 256 x 16 x 16
        x = self.inception3b(x)  # 480 x 16 x 16
        aux = self.aux(x) if self.training else None  # 10
        x = self.dropout(torch.flatten(self.global_avgpool(x), 1))  # 480
        x = self.linear(x)  # 10
        if self.training:
            return InceptionOutput(x, aux)
        return x


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


def inception(seed: int = 0) -> Inception:
    """Network `inception` with initial weights; the same seed gives the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = Inception()
    initialize(model, seed)
    return model
