"""Pyramids and detectors of the zoo compute what torchvision's and effdet's compute, from the same weights.

Images have sizes that no stride divides. effdet is no package of the tests: its neck and heads are written anew here.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch
from oracles import relative_error, torchvision_models, wired_alike
from torch import Tensor, nn
from torch.nn import functional


def assert_equal_maps(network: str, theirs: nn.Module, shape: tuple[int, int, int] = (3, 72, 90)) -> None:
    theirs = theirs.eval()
    ours, image = wired_alike(network, theirs, shape), torch.randn(1, *shape)
    with torch.no_grad():
        errors = [relative_error(*each) for each in zip(ours(image), theirs(image), strict=True)]
    assert max(errors) < 1e-5


class Maps(nn.Module):
    """Scores and boxes of a detector of torchvision as maps, its batch norms no longer frozen."""

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = detector.backbone, detector.head
        for module in list(self.backbone.modules()):
            for name, child in module.named_children():
                if type(child).__name__ == "FrozenBatchNorm2d":
                    setattr(module, name, nn.BatchNorm2d(child.weight.numel(), eps=child.eps))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        levels = list(self.backbone(image).values())
        scores, boxes = self.head.classification_head, self.head.regression_head
        return (
            *(scores.cls_logits(scores.conv(level)) for level in levels),
            *(boxes.bbox_reg(boxes.conv(level)) for level in levels),
        )


def test_retinanet_has_torchvisions_maps() -> None:
    torch.manual_seed(0)
    build = torchvision_models().detection.retinanet_resnet50_fpn
    assert_equal_maps("retinanet", Maps(build(weights=None, weights_backbone=None)))


class Levels(nn.Module):
    """The levels of a pyramid of torchvision, without their names."""

    def __init__(self, pyramid: nn.Module) -> None:
        super().__init__()
        self.pyramid = pyramid

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.pyramid(image).values())


@pytest.mark.slow  # RetinaNet has the same pyramid
def test_feature_pyramid_is_torchvisions() -> None:
    torch.manual_seed(0)
    build = torchvision_models().detection.backbone_utils.resnet_fpn_backbone
    assert_equal_maps("resnet50_fpn", Levels(build(backbone_name="resnet50", weights=None, norm_layer=nn.BatchNorm2d)))


def norm(width: int) -> nn.Module:
    return nn.BatchNorm2d(width, eps=0.001)


def separable(width: int, filters: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False), nn.Conv2d(width, filters, 1))


def lateral(channels: int, width: int) -> nn.Module:
    return nn.Identity() if channels == width else nn.Sequential(nn.Conv2d(channels, width, 1), norm(width))


def pool() -> nn.Module:
    from timm.layers import create_pool2d

    return create_pool2d("max", 3, 2, padding="same")


class WeightedAdd(nn.Module):
    """Fast normalised fusion; `normalize` tells the import what it is."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.weight, self.normalize = nn.Parameter(torch.ones(count)), "fast"

    def forward(self, *maps: Tensor) -> Tensor:
        weight = self.weight.relu()
        return sum(each * part for each, part in zip(maps, weight / (weight.sum() + 1e-4), strict=True))


class Node(nn.Module):
    """A level's own map and others of its size become one."""

    def __init__(self, channels: int, width: int, count: int) -> None:
        super().__init__()
        self.lateral, self.sum = lateral(channels, width), WeightedAdd(count)
        self.after = nn.Sequential(nn.SiLU(), separable(width, width), norm(width))

    def forward(self, own: Tensor, *others: Tensor) -> Tensor:
        return self.after(self.sum(self.lateral(own), *others))


class Round(nn.Module):
    """BiFPN once: from the coarsest level to the finest, and back."""

    def __init__(self, channels: list[int], width: int) -> None:
        super().__init__()
        self.up = nn.ModuleList(Node(each, width, 2) for each in channels[:-1])
        self.down = nn.ModuleList(Node(each, width, 3) for each in channels[1:-1])
        self.coarsest, self.pool = Node(channels[-1], width, 2), pool()

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        up = [levels[-1]]
        for own, node in zip(levels[-2::-1], reversed(list(self.up)), strict=True):
            up.append(node(own, functional.interpolate(up[-1], size=own.shape[2:])))
        down = [up.pop()]
        for own, node in zip(levels[1:-1], self.down, strict=True):
            down.append(node(own, up.pop(), self.pool(down[-1])))
        return [*down, self.coarsest(levels[-1], self.pool(down[-1]))]


class Head(nn.Module):
    """Convolutions that all levels share, with norms of their own."""

    def __init__(self, width: int, levels: int, depth: int, results: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(separable(width, width) for _ in range(depth))
        self.norms = nn.ModuleList(nn.ModuleList(norm(width) for _ in range(depth)) for _ in range(levels))
        self.predict = separable(width, results)

    def forward(self, levels: Iterable[Tensor]) -> list[Tensor]:
        maps = []
        for level, norms in zip(levels, self.norms, strict=True):
            for layer, own in zip(self.layers, norms, strict=True):
                level = functional.silu(own(layer(level)))
            maps.append(self.predict(level))
        return maps


class EfficientDet(nn.Module):
    """effdet's `tf_efficientdet_d0`, on timm's backbone."""

    def __init__(self, width: int = 64, rounds: int = 3) -> None:
        super().__init__()
        import timm

        self.backbone = timm.create_model("tf_efficientnet_b0", features_only=True, out_indices=(2, 3, 4))
        channels = self.backbone.feature_info.channels()
        self.lateral, self.pool = lateral(channels[-1], width), pool()
        pyramids = [[*channels, width, width], *[[width] * 5] * (rounds - 1)]
        self.rounds = nn.ModuleList(Round(each, width) for each in pyramids)
        self.scores, self.boxes = Head(width, 5, 3, 9 * 90), Head(width, 5, 3, 9 * 4)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        levels = self.backbone(image)
        levels.append(self.pool(self.lateral(levels[-1])))
        levels.append(self.pool(levels[-1]))
        for each in self.rounds:
            levels = each(levels)
        return *self.scores(levels), *self.boxes(levels)


def test_efficientdet_fuses_levels_as_published() -> None:
    torch.manual_seed(0)
    theirs = EfficientDet()
    assert sum(each.numel() for each in theirs.parameters()) == 3_880_067, "effdet's own"
    assert_equal_maps("efficientdet_d0", theirs)
