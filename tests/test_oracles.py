"""The zoo computes what torchvision's and timm's models compute, from the same weights.

The two define their layers in the same order, so that weights are copied in order; where a model defines a shortcut
before the body that it goes around, the table says which of its parts come late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pytest
import torch
from oracles import relative_error, stir, torchvision_models, wired_alike
from torch import Tensor, nn

import cnndsl


@dataclass(frozen=True)
class Oracle:
    """A model of torchvision or timm; `size` is that of the test's image, `late` names parts that are defined early."""

    name: str
    size: int = 64
    late: tuple[str, ...] = ()
    library: str = "torchvision"

    def build(self) -> nn.Module:
        models = torchvision_models()
        if self.library == "torchvision":
            return getattr(models, self.name)(**({"init_weights": False} if "inception" in self.name else {}))
        import timm

        return timm.create_model(self.name)


def timm_model(name: str, size: int = 64, late: tuple[str, ...] = ()) -> Oracle:
    return Oracle(name, size, late, "timm")


ORACLES = {
    "alexnet_torchvision": Oracle("alexnet", 224),
    "vgg11_bn": Oracle("vgg11_bn", 224),
    "inception_v3": Oracle("inception_v3", 299),
    "inception_v4": timm_model("inception_v4", 107),
    "inception_resnet_v2": timm_model("inception_resnet_v2", 107),
    "resnet18": Oracle("resnet18"),
    "resnet50": Oracle("resnet50"),
    "preresnet18": timm_model("resnetv2_18", late=("downsample",)),
    "preresnet50": timm_model("resnetv2_50", late=("downsample",)),
    "wide_resnet50_2": Oracle("wide_resnet50_2"),
    "resnext50_32x4d": Oracle("resnext50_32x4d"),
    "densenet121": Oracle("densenet121"),
    "squeezenet1_0": Oracle("squeezenet1_0"),
    "squeezenet1_1": Oracle("squeezenet1_1"),
    "mobilenet_v1_relu6": timm_model("mobilenetv1_100"),
    "mobilenet_v2": Oracle("mobilenet_v2"),
    "shufflenet_v2_x1_0": Oracle("shufflenet_v2_x1_0"),
    "seresnet50": timm_model("seresnet50"),
    "xception": timm_model("legacy_xception", 71, late=("skip", "skipbn")),
    "efficientnet_b0": Oracle("efficientnet_b0"),
    "efficientnet_b3": Oracle("efficientnet_b3"),
    "regnet_x_400mf": timm_model("regnetx_004"),
    "regnet_y_400mf": Oracle("regnet_y_400mf", late=("proj",)),
    "convnext_tiny": Oracle("convnext_tiny", late=("layer_scale",)),
    "convnextv2_atto": timm_model("convnextv2_atto"),
    "mobilenet_v3_small": Oracle("mobilenet_v3_small"),
    "repvgg_a0": timm_model("repvgg_a0"),
    "ecaresnet50d": timm_model("ecaresnet50d"),
    "darknet53_timm": timm_model("darknet53"),
    "cspdarknet53": timm_model("cspdarknet53"),
    "hrnet_w18": timm_model("hrnet_w18", late=("downsample",)),
    "ghostnet_100": timm_model("ghostnet_100"),
}


def in_order(module: nn.Module, late: tuple[str, ...] = ()) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers with their own names, in the order of definition, but the late parts of a module last."""
    own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
    parts = [(name, [(name, tensor)]) for name, tensor in own]
    parts += [(name, list(in_order(child, late))) for name, child in module.named_children()]
    for _, tensors in sorted(parts, key=lambda part: part[0] in late):
        yield from tensors


def share_weights(ours: nn.Module, theirs: Iterable[tuple[str, Tensor]]) -> None:
    """Stir their weights and copy them; a linear layer and a 1x1 convolution take each other's."""
    mine, others = [tensor for _, tensor in in_order(ours)], list(theirs)
    assert [tensor.squeeze().shape for tensor in mine] == [tensor.squeeze().shape for _, tensor in others]
    with torch.no_grad():
        for to, (name, source) in zip(mine, others, strict=True):
            stir(name, source)
            to.copy_(source.reshape_as(to))


def compare(ours: nn.Module, theirs: nn.Module, size: int) -> None:
    image = torch.randn(1, 3, size, size)
    with torch.no_grad():
        assert relative_error(ours.eval()(image), theirs.eval()(image)) < 1e-5
        image, ours, theirs = image.double(), ours.double(), theirs.double()
        assert relative_error(ours(image), theirs(image)) < 1e-12


# What conforms layer by layer, and has no layer that other networks here have not.
SLOW = {"cspdarknet53", "repvgg_a0", "vgg11_bn"}


@pytest.mark.parametrize(
    "network", [pytest.param(each, marks=[pytest.mark.slow] if each in SLOW else []) for each in ORACLES]
)
def test_network_computes_what_its_oracle_computes(network: str) -> None:
    oracle = ORACLES[network]
    torch.manual_seed(0)
    ours = cnndsl.load(network, input=(3, oracle.size, oracle.size)).compile()
    theirs = oracle.build()
    share_weights(ours, in_order(theirs, oracle.late))
    compare(ours, theirs, oracle.size)


def in_paths(bottleneck: nn.Module, paths: int) -> Iterator[tuple[str, Tensor]]:
    """A ResNeXt bottleneck's weights, path by path: its filters of two convolutions, its inputs of the third."""
    first, last = ("conv1", "bn1", "conv2", "bn2"), ("bn3", "downsample")
    parts = dict(bottleneck.named_children())
    for path in range(paths):
        for name, tensor in (item for part in first for item in in_order(parts[part])):
            yield name, tensor.chunk(paths)[path] if tensor.dim() else tensor
        yield "weight", bottleneck.conv3.weight.chunk(paths, dim=1)[path]
    for part in last:
        yield from in_order(parts[part]) if part in parts else ()


def test_branches_compute_what_grouped_convolutions_compute() -> None:
    torch.manual_seed(0)
    ours = cnndsl.load("resnext_branches", input=(3, 32, 32)).compile()
    theirs = torchvision_models().resnext50_32x4d()
    weights: list[tuple[str, Tensor]] = []
    for name, child in theirs.named_children():
        blocks = child if name.startswith("layer") else ()
        weights += (item for block in blocks for item in in_paths(block, 32)) if blocks else in_order(child)
    share_weights(ours, weights)
    compare(ours, theirs, 32)


class Attention(nn.Module):
    """CBAM as its authors' code has it: both pools go through one perceptron."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = channels // 16
        self.mlp = nn.Sequential(nn.Flatten(), nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))
        self.conv, self.bn = nn.Conv2d(2, 1, 7, padding=3, bias=False), nn.BatchNorm2d(1)

    def forward(self, x: Tensor) -> Tensor:
        pools = nn.functional.adaptive_avg_pool2d(x, 1), nn.functional.adaptive_max_pool2d(x, 1)
        x = x * torch.sigmoid(self.mlp(pools[0]) + self.mlp(pools[1]))[:, :, None, None]
        pools = torch.amax(x, dim=1, keepdim=True), torch.mean(x, dim=1, keepdim=True)
        return x * torch.sigmoid(self.bn(self.conv(torch.cat(pools, dim=1))))


def test_attention_shares_its_perceptron() -> None:
    torch.manual_seed(0)
    theirs = torchvision_models().resnet50()
    for block in (*theirs.layer1, *theirs.layer2, *theirs.layer3, *theirs.layer4):
        block.bn3 = nn.Sequential(block.bn3, Attention(block.conv3.out_channels))
    compare(wired_alike("cbam_resnet50", theirs, (3, 64, 64)), theirs, 64)


@pytest.mark.parametrize("network", ["fcn_resnet50", "deeplabv3_resnet50"])
def test_segmentation_is_right_at_every_size(network: str) -> None:
    """Scores are as large as the picture, though the network was made for another one."""
    torch.manual_seed(0)
    torchvision_models()
    from torchvision.models import segmentation

    theirs = getattr(segmentation, network)(weights_backbone=None, aux_loss=True)
    ours, theirs = wired_alike(network, theirs, (3, 33, 65)), theirs.eval()
    image = torch.randn(1, 3, 50, 67)
    with torch.no_grad():
        assert relative_error(ours(image), theirs(image)["out"]) < 1e-5


def facenet(convolutions: list[nn.Module], vector: int, features: int, heads: list[int]) -> nn.Module:
    """R-Net and O-Net as facenet-pytorch has them: turned before they are flattened, the score last."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.images = nn.Sequential(*convolutions)
            self.vectors = nn.Sequential(nn.Linear(vector, features), nn.PReLU(features))
            self.heads = nn.ModuleList(nn.Linear(features, out) for out in heads)

        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            x = self.images(x).permute(0, 3, 2, 1).contiguous()
            x = self.vectors(x.view(x.shape[0], -1))
            *others, face = (head(x) for head in self.heads)
            return *others, face.softmax(dim=1)

    return Net()


def prelu_conv(channels: int, filters: int, kernel: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(channels, filters, kernel), nn.PReLU(filters)


def pool(kernel: int) -> nn.Module:
    return nn.MaxPool2d(kernel, 2, ceil_mode=True)


def rnet() -> nn.Module:
    images = [*prelu_conv(3, 28, 3), pool(3), *prelu_conv(28, 48, 3), pool(3), *prelu_conv(48, 64, 2)]
    return facenet(images, 576, 128, [4, 2])


def onet() -> nn.Module:
    images = [*prelu_conv(3, 32, 3), pool(3), *prelu_conv(32, 64, 3), pool(3), *prelu_conv(64, 64, 3), pool(2)]
    return facenet([*images, *prelu_conv(64, 128, 2)], 1152, 256, [4, 10, 2])


@pytest.mark.parametrize(("network", "build", "size"), [("mtcnn_rnet", rnet, 24), ("mtcnn_onet", onet, 48)])
def test_what_is_flattened_by_width_first_is_wired_so(network: str, build: Callable[[], nn.Module], size: int) -> None:
    torch.manual_seed(0)
    theirs = build().eval()
    ours, image = wired_alike(network, theirs, (3, size, size)), torch.randn(2, 3, size, size)
    with torch.no_grad():
        for mine, other in zip(ours(image), theirs(image), strict=True):
            assert relative_error(mine, other) < 1e-5
