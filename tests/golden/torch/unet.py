"""Network `unet` of unet.arch, written by cnndsl VERSION. Change the .arch file and compile it again.

    input       N x 3 x 32 x 32
    output      N x 2 x 32 x 32
    parameters  18,710
    MACs        6,967,296

The weights beside this file are loaded with

    from safetensors.torch import load_file

    model = unet()
    model.load_state_dict(load_file("unet.safetensors"))
"""

from __future__ import annotations

import math
from collections import OrderedDict

import torch
from torch import Tensor, nn


def chain(**layers: nn.Module) -> nn.Sequential:
    """Layers one after the other, by name."""
    return nn.Sequential(OrderedDict(layers))


class Respelling:
    """Gives the parts of a module other names in a state dict."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def __call__(self, module: nn.Module, state: dict[str, Tensor], prefix: str, *_: object) -> None:
        for key in list(state):
            value = state.pop(key)
            if key.startswith(prefix):
                part, dot, rest = key.removeprefix(prefix).partition(".")
                key = f"{prefix}{self.names.get(part, part)}{dot}{rest}"
            state[key] = value


def spell_state(module: nn.Module, **names: str) -> None:
    """Let the state dict call parts by `names`, which as attributes would mean something else."""
    module.register_state_dict_post_hook(Respelling(names))
    module.register_load_state_dict_pre_hook(Respelling({name: part for part, name in names.items()}))


class Stage1(nn.Module):
    """Stage `stage1`, from unet.arch:10-13."""

    def __init__(self) -> None:
        super().__init__()
        self.encoded1 = chain(conv=nn.Conv2d(3, 8, 3, padding=1), relu=nn.ReLU())
        self.maxpool1 = nn.MaxPool2d(2, stride=2)
        self.encoded2 = chain(conv=nn.Conv2d(8, 16, 3, padding=1), relu=nn.ReLU())
        self.maxpool2 = nn.MaxPool2d(2, stride=2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        encoded1 = self.encoded1(x)  # 8 x 32 x 32
        x = self.maxpool1(encoded1)  # 8 x 16 x 16
        encoded2 = self.encoded2(x)  # 16 x 16 x 16
        x = self.maxpool2(encoded2)  # 16 x 8 x 8
        return encoded1, encoded2, x


class Up(nn.Module):
    """Two convolutions; the encoder's maps come back in the decoder (Ronneberger et al. 2015).

    `up`, from unet.arch:3-4.
    """

    def __init__(self, in_channels: int, filters: int, skip_scale: float) -> None:
        super().__init__()
        self.skip_scale = skip_scale
        self.upsample = nn.Upsample(scale_factor=2)
        self.conv = nn.Conv2d(in_channels, filters, 3, padding=1)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.conv(self.upsample(x)))
        return x * self.skip_scale


class DenseLayer(nn.Module):
    """Layer, from unet.arch:19."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(in_channels)
        self.relu = nn.ReLU()
        self.conv = nn.Conv2d(in_channels, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv(self.relu(self.bn(x)))
        return torch.cat([x, out], dim=1)


class Stage2(nn.Module):
    """Stage `stage2`, from unet.arch:17-19."""

    def __init__(self) -> None:
        super().__init__()
        self.up = Up(32, 16, 0.5)
        for i in range(1, 4):
            self.add_module(f"layer{i}", DenseLayer(32 + 4 * (i - 1)))

    def forward(self, x: Tensor, encoded2: Tensor) -> Tensor:
        x = torch.cat([self.up(x), encoded2], dim=1)  # 32 x 16 x 16
        for i in range(1, 4):
            x = getattr(self, f"layer{i}")(x)
        return x


class Stage3(nn.Module):
    """Stage `stage3`, from unet.arch:22-24."""

    def __init__(self) -> None:
        super().__init__()
        self.up = Up(44, 8, 0.25)
        for i in range(2, 6):
            self.add_module(f"branch{i}", chain(conv1=nn.Conv2d(16, 2, 1), conv2=nn.Conv2d(2, 8, 3, padding=1)))

    def forward(self, x: Tensor, encoded1: Tensor) -> Tensor:
        x = torch.cat([self.up(x), encoded1], dim=1)  # 16 x 32 x 32
        return sum(getattr(self, f"branch{i}")(x) for i in range(2, 6))


class Unet(nn.Module):
    """The network, from unet.arch:9-26."""

    def __init__(self) -> None:
        super().__init__()
        self.stage1 = Stage1()
        self.conv = nn.Conv2d(16, 32, 3, padding=1)
        self.relu = nn.ReLU()
        self.stage2 = Stage2()
        self.stage3 = Stage3()
        self.class_ = nn.Conv2d(8, 2, 1)
        spell_state(self, class_="class")

    def forward(self, x: Tensor) -> Tensor:
        encoded1, encoded2, x = self.stage1(x)
        x = self.relu(self.conv(x))  # 32 x 8 x 8
        x = self.stage2(x, encoded2)  # 44 x 16 x 16
        x = self.stage3(x, encoded1)  # 8 x 32 x 32
        return self.class_(x)


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


def unet(seed: int = 0) -> Unet:
    """Network `unet` with initial weights; the same seed gives the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = Unet()
    initialize(model, seed)
    return model
