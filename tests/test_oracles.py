"""The zoo computes what torchvision's and timm's models compute, from the same weights.

The two define their layers in the same order, so that weights are copied in order; where a model defines a shortcut
before the body that it goes around, the table says which of its parts come late.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pytest
import torch
from oracles import relative_error, torchvision_models
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
    "convnext_tiny": Oracle("convnext_tiny", late=("layer_scale",)),
    "darknet53_timm": timm_model("darknet53"),
}


def in_order(module: nn.Module, late: tuple[str, ...] = ()) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers with their own names, in the order of definition, but the late parts of a module last."""
    own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
    parts = [(name, [(name, tensor)]) for name, tensor in own]
    parts += [(name, list(in_order(child, late))) for name, child in module.named_children()]
    for _, tensors in sorted(parts, key=lambda part: part[0] in late):
        yield from tensors


def stir(name: str, tensor: Tensor) -> None:
    """Make the per-channel values of a new model (ones, zeros) differ, so that none can stand for another."""
    if tensor.squeeze().dim() == 1 and tensor.is_floating_point():
        if "bias" in name or "mean" in name:
            tensor.normal_(0.0, 0.1)
        else:
            tensor.uniform_(0.5, 1.5)


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


@pytest.mark.parametrize("network", ORACLES)
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
