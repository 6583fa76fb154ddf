"""A residual network that is small enough to read.

Network `residual` of residual.arch, written by cnndsl VERSION. Change the .arch file and compile it again.

    input       N x 3 x 64 x 64
    output      N x 10
    parameters  1,450,058
    MACs        148,050,944

The weights beside this file are loaded with

    from safetensors.torch import load_file

    model = residual()
    model.load_state_dict(load_file("residual.safetensors"))
"""

from __future__ import annotations

import math
from collections import OrderedDict

import torch
from torch import Tensor, nn


def chain(**layers: nn.Module) -> nn.Sequential:
    """Layers one after the other, by name."""
    return nn.Sequential(OrderedDict(layers))


class BottleneckWithShortcut(nn.Module):
    """Deep Residual Learning for Image Recognition, He et al. 2015, Table 1.

    `bottleneck`, from residual.arch:3-8.
    """

    def __init__(self, in_channels: int, filters: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, filters, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(filters, filters, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(filters, 4 * filters, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * filters)
        self.shortcut = chain(
            conv=nn.Conv2d(in_channels, 4 * filters, 1, stride=stride, bias=False),
            bn=nn.BatchNorm2d(4 * filters),
        )
        self.relu3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        x = out + self.shortcut(x)
        return self.relu3(x)


class Bottleneck(nn.Module):
    """Deep Residual Learning for Image Recognition, He et al. 2015, Table 1.

    `bottleneck`, from residual.arch:3-8.
    """

    def __init__(self, filters: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(4 * filters, filters, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(filters, 4 * filters, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * filters)
        self.relu3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        x = out + x
        return self.relu3(x)


class Residual(nn.Module):
    """The network, from residual.arch:14-22."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = chain(
            conv=nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False),
            bn=nn.BatchNorm2d(64),
            relu=nn.ReLU(),
        )
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stage1 = chain(
            bottleneck1=BottleneckWithShortcut(64, 64),
            bottleneck2=Bottleneck(64),
            bottleneck3=Bottleneck(64),
        )
        self.stage2 = chain(
            bottleneck1=BottleneckWithShortcut(256, 128, stride=2),
            **{f"bottleneck{i}": Bottleneck(128) for i in range(2, 5)},
        )
        self.global_avgpool = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)  # 64 x 32 x 32
        x = self.maxpool(x)  # 64 x 16 x 16
        x = self.stage1(x)  # 256 x 16 x 16
        x = self.stage2(x)  # 512 x 8 x 8
        return self.linear(torch.flatten(self.global_avgpool(x), 1))


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


def residual(seed: int = 0) -> Residual:
    """Network `residual` with initial weights; the same seed gives the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = Residual()
    initialize(model, seed)
    return model
