"""What is measured: networks of the zoo, batches and precisions, those that matter most first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Network:
    """A network of the zoo; for a dry run a small input, channels x height x width, and another model if need be."""

    model: str
    small: tuple[int, int, int]
    stand_in: str | None = None


NETWORKS = {
    "resnet50": Network("resnet50", (3, 32, 32)),
    "densenet121": Network("densenet121", (3, 32, 32)),
    "squeezenet1_1": Network("squeezenet1_1", (3, 48, 48)),
    "googlenet": Network("googlenet_torchvision", (3, 32, 32)),
    "vgg16": Network("vgg16", (3, 32, 32)),
    "resnext50": Network("resnext50_32x4d", (3, 32, 32)),
    "inception_v4": Network("inception_v4", (3, 75, 75)),
    "alexnet": Network("alexnet", (3, 67, 67), "alexnet_torchvision"),  # PyTorch has no lrn in fp16 on the CPU
    "squeezenet1_0": Network("squeezenet1_0", (3, 48, 48)),
    "resnet152": Network("resnet152", (3, 32, 32)),
    "wrn_28_10": Network("wide_resnet28_10", (3, 8, 8)),
    "fractalnet20": Network("fractalnet20", (3, 32, 32)),
}
TINY = str(Path(__file__).parent / "tiny.arch")
SMALL = {"tiny": Network(TINY, (3, 8, 8))}  # of the small dry run
BATCHES = (32, 1, 256)
PRECISIONS = ("fp16", "tf32", "bf16")
