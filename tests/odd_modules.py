"""Small modules that spell a layer in other ways than its module does, or do what no layer says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

IMAGE = (3, 16, 16)


class Function(nn.Module):
    """Parts by name, and a function of them and the inputs."""

    def __init__(self, compute: Callable[..., Any], **parts: object) -> None:
        super().__init__()
        self.compute = compute
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *inputs: Tensor) -> Any:
        return self.compute(self, *inputs)


class DropPath(nn.Module):
    def __init__(self, drop_prob: float) -> None:
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, x: Tensor) -> Tensor:
        return x if not self.training else x * (torch.rand(len(x), 1, 1, 1) > self.drop_prob)


class Dropout(nn.Module):
    """One of the old way, which scales outside of training."""

    def __init__(self) -> None:
        super().__init__()
        self.p = 0.5

    def forward(self, x: Tensor) -> Tensor:
        return x * (1 - self.p)


class DenseLayer(nn.Module):
    """A layer of a dense block, which joins all before it anew."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(channels), nn.Conv2d(channels, 4, 3, padding=1, bias=False)

    def forward(self, *features: Tensor) -> Tensor:
        return self.conv(torch.relu(self.norm(torch.cat(features, 1))))


class JoiningLayer(DenseLayer):
    """One that joins what it makes to its input itself."""

    def forward(self, *features: Tensor) -> Tensor:
        return torch.cat([*features, super().forward(*features)], 1)


def densely(self: nn.Module, x: Tensor) -> Tensor:
    features = [x]
    for layer in self.layers:
        features.append(layer(*features))
    return torch.cat(features, 1)


class WrittenNorm(nn.Module):
    """Layer normalisation over the channels, written out as ConvNeXt's authors did."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.rand(channels)), nn.Parameter(torch.rand(channels))

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(1, keepdim=True)
        variance = (x - mean).pow(2).mean(1, keepdim=True)
        x = (x - mean) / torch.sqrt(variance + 1e-6)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


def conv(channels: int = 3, filters: int = 8, kernel: int = 3, **said: Any) -> nn.Conv2d:
    return nn.Conv2d(channels, filters, kernel, **{"padding": kernel // 2, **said})


def after(function: Callable[[Tensor], Tensor]) -> nn.Module:
    """A convolution and a function of what it gives."""
    return Function(lambda self, x: function(self.conv(x)), conv=conv())


def gate(function: Callable[[nn.Module, Tensor], Tensor]) -> nn.Module:
    """A gate that two linear layers compute of 8 channels."""
    return Function(lambda self, x: function(self, self.conv(x)), conv=conv(), a=nn.Linear(8, 2), b=nn.Linear(2, 8))


def shuffled(x: Tensor) -> Tensor:
    batch, channels, height, width = x.shape
    return x.view(batch, 4, channels // 4, height, width).transpose(1, 2).reshape(x.shape)


def blocks_to_channels(x: Tensor) -> Tensor:
    batch, channels, height, width = x.shape
    x = x.view(batch, channels, height // 2, 2, width // 2, 2).permute(0, 3, 5, 1, 2, 4)
    return x.reshape(batch, 4 * channels, height // 2, width // 2)


def written_over(x: Tensor) -> Tensor:
    x[:, :2] = 0
    return x


def two_towers(self: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return self.head(torch.cat([self.tower(x).mean((2, 3)), self.tower(y).mean((2, 3))], dim=1))


def both_ways(self: nn.Module, x: Tensor) -> Tensor:
    gate = torch.sigmoid(self.b(x))
    return self.a(x) * gate + x * (1 - gate)


def asserted(self: nn.Module, x: Tensor) -> Tensor:
    assert x.shape[1] == 4
    return x


def too_small(self: nn.Module, x: Tensor) -> Tensor:
    raise ValueError("it is too small (e.g. 64 would do). Give it more.")


def narrow(self: nn.Module, x: Tensor) -> Tensor:
    return self.a(x)


def learned(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.rand(*shape))


# By name: a module, the shapes of its inputs, and what the text says of it.
LIFTED: dict[str, tuple[Callable[[], nn.Module], list[tuple[int, ...]], tuple[str, ...]]] = {
    "hardswish": (lambda: after(lambda x: x * F.relu6(x + 3) / 6), [IMAGE], ("-> hardswish",)),
    "gelu": (lambda: after(lambda x: 0.5 * x * (1 + torch.erf(x / 2**0.5))), [IMAGE], ("-> gelu",)),
    "silu": (lambda: after(lambda x: x * torch.sigmoid(x)), [IMAGE], ("-> silu",)),
    "quick gelu": (lambda: after(lambda x: x * torch.sigmoid(1.702 * x)), [IMAGE], ("-> scale 1.702 -> silu",)),
    "mish": (lambda: after(lambda x: x * torch.tanh(F.softplus(x))), [IMAGE], ("-> mish",)),
    "scaled silu": (lambda: after(lambda x: F.silu(x) * 1.7868129), [IMAGE], ("-> silu -> scale 1.7868129",)),
    "square": (lambda: after(lambda x: F.relu(x) ** 2), [IMAGE], ("-> squared_relu",)),
    "clamp": (lambda: after(lambda x: x.clamp(0, 6)), [IMAGE], ("-> relu6",)),
    "linear gate": (
        lambda: gate(lambda m, y: y * torch.sigmoid(m.b(F.relu(m.a(y.mean((2, 3)))))).view(len(y), -1, 1, 1)),
        [IMAGE],
        ("mul { | identity | global_avgpool -> conv 1x1, 2 -> relu -> conv 1x1, 8 -> sigmoid }",),
    ),
    "expanded gate": (
        lambda: gate(lambda m, y: m.b(m.a(F.adaptive_avg_pool2d(y, 1).flatten(1)))[..., None, None].expand_as(y) * y),
        [IMAGE],
        ("global_avgpool -> conv 1x1, 2 -> conv 1x1, 8",),
    ),
    "shuffle": (lambda: after(shuffled), [IMAGE], ("-> channel_shuffle 4",)),
    "response norm": (
        lambda: after(lambda x: F.local_response_norm(x, 5, alpha=0.001, k=2.0)),
        [IMAGE],
        ("-> lrn 5, alpha=0.001, k=2.0",),
    ),
    "space to depth": (lambda: after(blocks_to_channels), [IMAGE], ("pixel_unshuffle 2 -> channel_shuffle 8",)),
    "norm by permutes": (
        lambda: Function(
            lambda m, x: m.norm(m.conv(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2), conv=conv(), norm=nn.LayerNorm(8)
        ),
        [IMAGE],
        ("-> layer_norm eps=1e-05",),
    ),
    "norm by hand": (lambda: nn.Sequential(conv(), WrittenNorm(8)), [IMAGE], ("-> layer_norm",)),
    "pixels by linear": (
        lambda: Function(lambda m, x: F.gelu(m.a(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2), a=nn.Linear(3, 4)),
        [IMAGE],
        ("conv 1x1, 4 -> gelu",),
    ),
    "own padding": (
        lambda: Function(lambda m, x: m.conv(F.pad(x, (0, 1, 0, 1))), conv=conv(stride=2, padding=0)),
        [IMAGE],
        ("conv 3x3, 8, /2, pad=[0, 1, 0, 1]",),
    ),
    "mirrored": (lambda: conv(padding_mode="reflect"), [IMAGE], ("pad_mode=reflect",)),
    "ceil": (lambda: after(lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True)), [IMAGE], ("round=ceil",)),
    "in place": (
        lambda: Function(lambda m, x: (lambda y: F.relu_(y) + m.b(y))(m.a(x)), a=conv(), b=conv(8)),
        [IMAGE],
        ("conv 3x3, 8 -> relu", "residual { conv 3x3, 8 }"),
    ),
    "dense": (
        lambda: Function(densely, layers=nn.ModuleList(DenseLayer(3 + 4 * number) for number in range(4))),
        [IMAGE],
        ("dense 4 { bn -> relu -> conv 3x3, 4, bias=false }",),
    ),
    "dense by its layers": (
        lambda: nn.Sequential(conv(), *(JoiningLayer(8 + 4 * number) for number in range(4))),
        [IMAGE],
        ("dense 4 { bn -> relu -> conv 3x3, 4, bias=false }",),
    ),
    "as large as before": (
        lambda: Function(
            lambda m, x: F.interpolate(m.b(F.max_pool2d(m.a(x), 2)), size=x.shape[2:], mode="bilinear") + m.a(x),
            a=conv(3, 8),
            b=conv(8, 8),
        ),
        [(3, 16, 17)],
        ("resize like=",),
    ),
    "in place on a copy": (lambda: after(lambda x: x.clone().add_(F.relu(x)) * x), [IMAGE], ("residual { relu }",)),
    "twice as much": (lambda: after(lambda x: torch.add(x, torch.tanh(x), alpha=2)), [IMAGE], ("tanh -> scale 2",)),
    "softmax of all": (lambda: after(lambda x: x.flatten(1).softmax(1)), [IMAGE], ("flatten -> softmax",)),
    "middle": (lambda: after(lambda x: x[:, :, 2:13, 2:13]), [IMAGE], ("-> crop 11",)),
    "relu twice": (lambda: after(lambda x: F.relu(F.relu(x))), [IMAGE], ("relu -> relu",)),
    "drop path": (
        lambda: Function(lambda m, x: (lambda y: y + m.drop(m.b(y)))(m.a(x)), a=conv(), b=conv(8), drop=DropPath(0.2)),
        [IMAGE],
        ("residual { conv 3x3, 8 -> drop_path 0.2 }",),
    ),
    "old dropout": (lambda: nn.Sequential(conv(), Dropout()), [IMAGE], ("-> scale 0.5",)),
    "dropout": (lambda: nn.Sequential(conv(), nn.Dropout2d(0.3)), [IMAGE], ("-> dropout 0.3, mode=channel",)),
    "towers": (
        lambda: Function(two_towers, tower=nn.Sequential(conv(), nn.ReLU()), head=nn.Linear(16, 2)),
        [IMAGE, IMAGE],
        ("again",),
    ),
    "outputs": (
        lambda: Function(lambda m, x: {"out": m.a(x), "for": [m.b(x)]}, a=conv(), b=conv(filters=5)),
        [IMAGE],
        ("as out", "as for_0"),
    ),
    "zeros in front": (
        lambda: Function(lambda m, x: m.conv(x) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 3)), conv=conv(stride=2)),
        [IMAGE],
        ("maxpool 1x1, /2",),
    ),
    "option A": (
        lambda: Function(lambda m, x: m.conv(x) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, 5)), conv=conv(stride=2)),
        [IMAGE],
        ("residual shortcut=zero_pad { conv 3x3, 8, /2 }",),
    ),
    "affine": (
        lambda: Function(lambda m, x: m.conv(x) * m.w + m.b, conv=conv(), w=learned(8, 1, 1), b=learned(8, 1, 1)),
        [IMAGE],
        ("depthwise 1x1",),
    ),
    "two ways": (
        lambda: Function(both_ways, a=conv(3, 3), b=conv(3, 3)),
        [IMAGE],
        ("sigmoid", "sub"),
    ),
    "outputs of one layer": (
        lambda: Function(lambda m, x: (lambda y: (m.b(y), y, F.max_pool2d(y, 1, 2)))(m.a(x)), a=conv(), b=conv(8)),
        [IMAGE],
        ("maxpool 1x1, /2",),
    ),
    "half precision": (lambda: nn.Sequential(conv(), nn.BatchNorm2d(8)).half(), [IMAGE], ("bias=true -> bn",)),
    "without parameters": (lambda: nn.Sequential(nn.MaxPool2d(2), nn.ReLU()), [IMAGE], ("maxpool 2x2, /2 -> relu",)),
    "vector": (lambda: nn.Sequential(nn.Linear(10, 5), nn.ReLU()), [(10,)], ("linear 5 -> relu",)),
    "weight norm": (lambda: nn.utils.parametrizations.weight_norm(conv()), [IMAGE], ("conv 3x3, 8",)),
    "dropout alone": (lambda: nn.Dropout(0.2), [(8,)], ("dropout 0.2",)),
    "response norm alone": (lambda: nn.LocalResponseNorm(3), [(8, 4, 4)], ("lrn 3",)),
    "same for an even kernel": (lambda: conv(kernel=4, padding="same"), [IMAGE], ("conv 4x4, 8, pad=[1, 2, 1, 2]",)),
    "other gate": (lambda: after(lambda x: 1 - torch.sigmoid(x)), [IMAGE], ("-> scale -1.0 -> sigmoid",)),
    "numbers of photographs": (
        lambda: Function(lambda m, x: m.conv((x - 0.5) / 0.25), conv=conv()),
        [IMAGE],
        ("depthwise 1x1 -> scale 4.0",),
    ),
    "gain": (
        lambda: Function(lambda m, x: m.a(x) * m.gain, a=conv(), gain=nn.Parameter(torch.tensor(0.1234567))),
        [IMAGE],
        ("-> scale learned=true, per=tensor",),
    ),
    "no gain at first": (
        lambda: Function(lambda m, x: m.a(x) * m.gain, a=conv(), gain=nn.Parameter(torch.zeros(1))),
        [IMAGE],
        ("-> scale learned=true, init=0.0, per=tensor",),
    ),
    "normed weights of old": (lambda: nn.utils.weight_norm(conv()), [IMAGE], ("conv 3x3, 8",)),
    "names": (
        lambda: Function(lambda m, x: m.repeat(getattr(m, "class")(x)), **{"class": conv(), "repeat": conv(8)}),
        [IMAGE],
        ("conv 3x3, 8",),
    ),
}  # fmt: skip

# By name: a module, and what is said of it.
REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "identity": (nn.Identity, "it has no layers"),
    "nothing": (lambda: Function(lambda m, x: None), "it gives no tensor"),
    "constant": (lambda: Function(lambda m, x: m.a.weight, a=conv()), "it does not depend on the input"),
    "control flow": (lambda: Function(lambda m, x: x if x.sum() > 0 else -x), "it computes, at `"),
    "an input more": (lambda: Function(lambda m, x: m.f(x), f=nn.Bilinear(2, 2, 2)), "missing 1 required positional"),
    "raises": (lambda: Function(lambda m, x: 1 // 0), "division"),
    "too many channels": (
        lambda: Function(narrow, a=conv(1)),
        "expected input[2, 3, 16, 16] to have 1 channels, but got 3 channels instead, at `return self.a(x)` in narrow",
    ),
    "raises at length": (lambda: Function(too_small), "it is too small (e.g. 64 would do)"),
    "lazy": (lambda: nn.LazyConv2d(4, 3), "has no shape yet"),
    "meta": (lambda: nn.Conv2d(3, 4, 3, device="meta"), "has no values"),
    "random": (lambda: Function(lambda m, x: m.a(x) + torch.randn(1), a=conv()), "it draws random numbers"),
    "batch statistics": (lambda: nn.Sequential(nn.BatchNorm2d(3, track_running_stats=False)), "of the batch it gets"),
    "positions": (lambda: Function(lambda m, x: x + m.p, p=nn.Parameter(torch.rand(3, 16, 16))), "adds a kept tensor"),
    "attention": (lambda: nn.Sequential(nn.Flatten(2), nn.TransformerEncoderLayer(256, 4)), "steps are no layer"),
    "a part written": (lambda: Function(lambda m, x: written_over(m.a(x)), a=conv()), "writes into a part of a tensor"),
    "a condition": (
        lambda: Function(lambda m, x: torch.cond(m.a(x).sum() > 0, torch.sin, torch.cos, (x,)), a=conv()),
        "no layer computes `cond`",
    ),
    "softsign": (lambda: after(F.softsign), "no activation of the language has these values"),
    "a number of the image": (lambda: Function(lambda m, x: x * x.mean().item()), "a number that depends on the image"),
    "script": (lambda: torch.jit.script(nn.Sequential(conv())), "it is TorchScript"),
    "asserts": (lambda: Function(asserted), "AssertionError: `assert x.shape[1] == 4` in asserted"),
    "indices": (lambda: Function(lambda m, x: x.argmax(1)), "no layer computes `argmax`"),
}
