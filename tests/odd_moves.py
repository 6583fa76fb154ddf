"""Small modules that pick, repeat and compare values in ways of their own, and those with numbers of their own."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from odd_modules import IMAGE, Function, after, conv
from torch import Tensor, nn


def halves(x: Tensor) -> tuple[Tensor, Tensor]:
    """Even and odd channels, as ShuffleNet v2 was written by its authors."""
    batch, channels, height, width = x.shape
    pairs = x.reshape(batch * channels // 2, 2, height * width).permute(1, 0, 2)
    first, second = pairs.reshape(2, -1, channels // 2, height, width)
    return first, second


def shuffled_halves(self: nn.Module, x: Tensor) -> Tensor:
    kept, worked = halves(self.a(x))
    return torch.cat([kept, self.b(worked)], 1)


def blurred(x: Tensor) -> Tensor:
    row = torch.tensor([1.0, 2.0, 1.0])
    return F.conv2d(x, (row[:, None] * row / 16).expand(len(x[0]), 1, 3, 3), stride=2, padding=1, groups=len(x[0]))


def padded_beside(self: nn.Module, x: Tensor) -> Tensor:
    return F.pad(self.a(x), (0, 0, 0, 0, 0, 4)) + self.c(self.b(x))


def gated_pixel(self: nn.Module, x: Tensor) -> Tensor:
    """An ECA gate of one channel."""
    gate = self.c(x.mean((2, 3)).unsqueeze(1)).sigmoid()
    return x * gate.transpose(1, 2).unsqueeze(-1)


def in_modes(self: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """A frozen body whose features are read too, and a head that is kept in full precision."""
    with torch.no_grad():
        x = self.a(x)
        features = x.relu()
    with torch.enable_grad(), torch.autocast("cpu", enabled=False):
        return self.b(features), features


def without_its_places(x: Tensor) -> Tensor:
    pooled, _ = F.max_pool2d(x, 2, return_indices=True)
    return pooled


def beside_new_zeros(self: nn.Module, x: Tensor) -> Tensor:
    x = self.a(x)
    small = x[:, :, ::2, ::2]
    return self.b(x) + torch.cat([small, torch.zeros(len(x), 4, 8, 8, dtype=x.dtype)], 1)


def among_new_zeros(x: Tensor) -> Tensor:
    return torch.cat([x, x.new_zeros(len(x), 3, 16, 16), x.relu()], 1)


def on_a_new_axis(self: nn.Module, x: Tensor) -> Tensor:
    """The sum of branches, as SKNet is written by many."""
    return torch.cat([self.a(x).unsqueeze(1), self.b(x).unsqueeze(1)], dim=1).sum(1)


def spoiled(layer: nn.Conv2d) -> nn.Conv2d:
    nn.init.constant_(layer.weight, torch.nan)
    return layer


class Compiled(nn.Module):
    """What `torch.compile` gives, which takes minutes to be run."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self._orig_mod = module

    def forward(self, x: Tensor) -> Tensor:
        raise AssertionError("it was run")


class Bottle(nn.Module):
    """A residual with a stride, which has another one in it then; or none, and no way around."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.first, self.last = conv(channels, 12), conv(12, filters)
        if stride > 1:
            self.down = nn.Sequential(conv(12, 12, stride=2), nn.ReLU(), conv(12, 12))
            self.beside = conv(12, 12, stride=2, groups=12)
            self.around = nn.Sequential(conv(channels, channels, stride=2, groups=channels), conv(channels, filters))

    def forward(self, x: Tensor) -> Tensor:
        if not hasattr(self, "around"):
            return self.last(self.first(x).relu()) + x
        y = self.first(x).relu()
        return self.last(self.down(y) + self.beside(y)) + self.around(x)


class Pyramid(nn.Module):
    """Pools of an image beside it, as large as it is."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.parts = nn.ModuleList(nn.Sequential(nn.AdaptiveAvgPool2d(size), conv(channels, 4, 1)) for size in (1, 2))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, *(F.interpolate(part(x), x.shape[2:], mode="bilinear") for part in self.parts)], 1)


def pyramid_in_a_branch(self: nn.Module, x: Tensor) -> Tensor:
    x = self.a(x)
    return torch.cat([self.d(self.pyramid(self.c(x))), self.b(x)], 1)


def long_and_short(self: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    x = self.a(x)
    return self.c(x), self.b(x)


class Exchanging(nn.Module):
    """A unit that ends with a shuffle, which the next one reads."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a, self.b = conv(channels // 2, channels // 2), conv(channels // 2, channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        one, other = x.chunk(2, 1)
        y = torch.cat([one, self.b(self.a(other).relu()).relu()], 1)
        return y.view(len(y), 2, -1, *y.shape[2:]).transpose(1, 2).flatten(1, 2)


# By name: a module, the shapes of its inputs, and what the text says of it.
MOVED: dict[str, tuple[Callable[[], nn.Module], list[tuple[int, ...]], tuple[str, ...]]] = {
    "gated linear unit": (lambda: nn.Sequential(conv(), nn.GLU(1)), [IMAGE], ("| channel_slice 4, 8 -> sigmoid",)),
    "even channels": (lambda: after(lambda x: x[:, ::2]), [IMAGE], ("channel_shuffle 4 -> channel_slice 0, 4",)),
    "a digit inside": (
        lambda: after(lambda x: x.view(-1, 2, 2, 2, 16, 16)[:, :, 1].flatten(1, 2)),
        [IMAGE],
        ("channel_slice 4, 8",),
    ),
    "shuffled halves": (
        lambda: Function(shuffled_halves, a=conv(), b=conv(4, 4)),
        [IMAGE],
        ("channel_shuffle 4", "| channel_slice 0, 4", "| channel_slice 4, 8 -> conv 3x3, 4"),
    ),
    "shuffles in units": (
        lambda: nn.Sequential(conv(3, 8), Exchanging(8), Exchanging(8), conv(8, 16), *map(Exchanging, [16] * 4)),
        [IMAGE],
        ("block exchanging", "}\n    channel_shuffle 2\n}"),
    ),
    "colours turned": (
        lambda: Function(lambda m, x: m.a(x[:, [2, 1, 0]]) + m.a(x.flip(1)), a=conv()),
        [IMAGE],
        ("| channel_slice 2, 3", "| channel_slice 0, 1"),
    ),
    "some channels": (
        lambda: after(lambda x: x.index_select(1, torch.tensor([0, 1, 2, 5]))),
        [IMAGE],
        ("concat { | channel_slice 0, 3 | channel_slice 5, 6 }",),
    ),
    "channels in disorder": (
        lambda: Function(lambda m, x: m.b(m.a(x)[:, [*range(0, 40, 2), 3, 3, 1]]), a=conv(3, 40), b=conv(23, 4)),
        [IMAGE],
        ("conv 3x3, 40\n    conv 1x1, 23, bias=false\n    conv 3x3, 4\n",),
    ),
    "channels twice": (lambda: after(lambda x: x.repeat(1, 2, 1, 1)), [IMAGE], ("concat { | identity | identity }",)),
    "three greys": (
        lambda: Function(lambda m, x: m.a(x.expand(-1, 3, -1, -1)), a=conv()),
        [(1, 8, 8)],
        ("concat { | identity | identity | identity }",),
    ),
    "leaky by condition": (
        lambda: after(lambda x: torch.where(x > 0, x, 0.1 * x)), [IMAGE], ("-> leaky_relu 0.1",)
    ),
    "relu by mask": (lambda: after(lambda x: x * (x > 0)), [IMAGE], ("-> relu",)),
    "matrix": (
        lambda: Function(lambda m, x: m.a(x).mean((2, 3)) @ m.w, a=conv(), w=nn.Parameter(torch.rand(8, 5))),
        [IMAGE],
        ("linear 5, bias=false",),
    ),
    "addmm": (
        lambda: Function(lambda m, x: torch.addmm(m.f.bias, x.flatten(1), m.f.weight.t()), f=nn.Linear(768, 5)),
        [IMAGE],
        ("flatten -> linear 5",),
    ),
    "numbers of its own": (lambda: after(blurred), [IMAGE], ("depthwise 3x3, /2, bias=false",)),
    "single precision": (lambda: Function(lambda m, x: m.a(x.float()), a=conv()), [IMAGE], ("conv 3x3, 8",)),
    "zeros beside others": (
        lambda: Function(padded_beside, a=conv(), b=conv(3, 4), c=conv(4, 12)),
        [IMAGE],
        ("residual shortcut=zero_pad {",),
    ),
    "zeros alone": (lambda: after(lambda x: F.pad(x, (0, 0, 0, 0, 0, 4))), [IMAGE], ("channel_slice 0, 4 -> scale",)),
    "lines with a way around": (
        lambda: nn.Sequential(*(Bottle(*each) for each in [(8, 8, 1), (8, 16, 2), (16, 16, 1), (16, 24, 2)])),
        [(8, 16, 16)],
        ("block bottle(filters, with_residual", "if with_residual {"),
    ),
    "a pyramid in a branch": (
        lambda: Function(
            pyramid_in_a_branch,
            a=conv(),
            b=conv(8, 4, stride=4),
            c=nn.Sequential(*(Bottle(*each) for each in [(8, 16, 2), (16, 16, 1), (16, 16, 1), (16, 24, 2)])),
            pyramid=Pyramid(24),
            d=conv(32, 4),
        ),
        [IMAGE],
        ("-> resize like=c, mode=bilinear",),
    ),
    "a long way to a result": (
        lambda: Function(
            long_and_short,
            a=conv(),
            b=conv(8, 4),
            c=nn.Sequential(*(nn.Sequential(conv(8, 8), nn.ReLU(), nn.Sigmoid()) for _ in range(4))),
        ),
        [IMAGE],
        ("as output0\n", "| from output0 | from a -> conv 3x3, 4 }"),
    ),
    "padded by nothing": (lambda: after(lambda x: F.relu(x) + F.pad(x, (0,) * 6)), [IMAGE], ("residual { relu }",)),
    "a stack of one": (lambda: after(lambda x: torch.stack([x], 0).mean(0)), [IMAGE], ("conv 3x3, 8\n\n",)),
    "rows and columns": (
        lambda: after(lambda x: x[:, :, 1:, 1:]), [IMAGE], ("-> pad [0, 1, 0, 1] -> crop 15",)
    ),
    "classes": (
        lambda: Function(lambda m, x: F.log_softmax(m.f(x.flatten(1)), dim=-1), f=nn.Linear(768, 5)),
        [IMAGE],
        ("flatten -> linear 5 -> log_softmax",),
    ),
    "modes": (lambda: Function(in_modes, a=conv(), b=conv(8, 4)), [IMAGE], ("conv 3x3, 8 -> relu", "conv 3x3, 4")),
    "places that nobody reads": (lambda: after(without_its_places), [IMAGE], ("-> maxpool 2x2, /2",)),
    "side by side": (lambda: after(lambda x: torch.hstack([x, x.relu()])), [IMAGE], ("concat { | identity | relu }",)),
    "mean slope": (lambda: nn.Sequential(conv(), nn.RReLU(0.1, 0.3)), [IMAGE], ("-> leaky_relu 0.2",)),
    "nearest to centres": (
        lambda: after(lambda x: F.interpolate(x, scale_factor=2, mode="nearest-exact")), [IMAGE], ("-> upsample 2x2",)
    ),
    "maxout": (
        lambda: after(lambda x: x.view(-1, 4, 2, 16, 16).amax(2)), [IMAGE], ("channel_shuffle 4\n", "max { |")
    ),
    "new zeros": (
        lambda: Function(beside_new_zeros, a=conv(), b=conv(8, 12, stride=2)),
        [IMAGE],
        ("residual shortcut=zero_pad { conv 3x3, 12, /2 }",),
    ),
    "new zeros between": (lambda: after(among_new_zeros), [IMAGE], ("| channel_slice 0, 3 -> scale 0.0",)),
    "a new axis": (
        lambda: Function(on_a_new_axis, a=conv(), b=conv()), [IMAGE], ("add { | conv 3x3, 8 | conv 3x3, 8 }",)
    ),
    "compiled": (lambda: Compiled(conv()), [IMAGE], ("conv 3x3, 8",)),
    "one channel": (
        lambda: Function(gated_pixel, c=nn.Conv1d(1, 1, 3, padding=1)), [(1, 8, 8)], ("global_avgpool -> channel_conv",)
    ),
}  # fmt: skip

# By name: a module, the shape of its input, and what is said of it.
UNMOVED: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], str]] = {
    "mirrored": (lambda: after(lambda x: x.flip(3)), IMAGE, "flip of flip (8 x 16 x 16): no layer turns an image"),
    "every third": (lambda: after(lambda x: x[:, ::3]), IMAGE, "no layer takes these values of an axis"),
    "pixels by condition": (lambda: after(lambda x: x > 0), IMAGE, "no activation of the language has these values"),
    "centres": (
        lambda: after(lambda x: F.interpolate(x, 9, mode="nearest-exact")),
        IMAGE,
        "takes the pixels nearest to centres",
    ),
    "either": (
        lambda: after(lambda x: torch.where(x > 0.5, 1.0, 0.0)),
        IMAGE,
        "no activation of the language has these values",
    ),
    "root mean square": (
        lambda: after(lambda x: x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-6)),
        IMAGE,
        "rsqrt of rsqrt (1 x 16 x 16): no activation",
    ),
    "places": (
        lambda: after(lambda x: F.max_pool2d(x, 2, return_indices=True)),
        IMAGE,
        "no layer gives this of its results",
    ),
    "a part in script": (
        lambda: nn.Sequential(conv(), torch.jit.script(nn.Sequential(conv(8)))),
        IMAGE,
        "its 1 is TorchScript",
    ),
    "no number": (
        lambda: Function(lambda m, x: m.a(x), a=spoiled(conv())),
        IMAGE,
        "on random input it gives what is no number",
    ),
    "a signal": (lambda: nn.Conv1d(3, 4, 3), (3, 16), "its input input is 3 x 16 for each sample"),
    "a volume": (lambda: nn.Conv3d(3, 4, 3), (3, 8, 8, 8), "networks take images"),
}
