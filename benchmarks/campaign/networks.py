"""The networks that are measured, with weights that let every layer matter, and what they should compute."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

import cnndsl
from campaign.names import NETWORKS, SMALL
from cnndsl.backends.triton.trial import exactly

DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16, "tf32": torch.float32}
CALIBRATION = 8  # images


def network(name: str, dry: bool) -> cnndsl.Architecture:
    found = (NETWORKS | SMALL)[name]
    return cnndsl.load(found.model, input=found.small) if dry else cnndsl.load(found.model)


def images(architecture: cnndsl.Architecture, batch: int, device: torch.device, seed: int = 0) -> Tensor:
    generator = torch.Generator(device).manual_seed(seed)
    return torch.randn(batch, *architecture.input_shape, generator=generator, device=device)


def lively(architecture: cnndsl.Architecture, device: torch.device) -> nn.Module:
    """The network in PyTorch, in float32 and eval mode, with weights that keep every activation at about 1.

    Fresh weights do not: signals fade or grow from layer to layer, and errors of early layers would not be seen.
    """
    module = architecture.compile().to(device).eval()
    generator = torch.Generator(device).manual_seed(1)
    for each in module.modules():
        if isinstance(each, nn.Conv2d | nn.Linear):
            depth = each.weight[0].numel()
            _draw(each.weight, generator, (2 / depth) ** 0.5)
            _draw(each.bias, generator, 0.1)
        elif isinstance(each, nn.BatchNorm2d):
            _draw(each.weight, generator, 0.2, 1.0)
            _draw(each.bias, generator, 0.2)
    _calibrate(module, images(architecture, CALIBRATION, device, seed=2))
    return module


def _draw(tensor: Tensor | None, generator: torch.Generator, deviation: float, mean: float = 0.0) -> None:
    if tensor is not None:
        with torch.no_grad():
            tensor.normal_(mean, deviation, generator=generator)


def _calibrate(module: nn.Module, x: Tensor) -> None:
    """Let batch norms take the statistics of random images."""
    norms = [each for each in module.modules() if isinstance(each, nn.BatchNorm2d)]
    momenta = [each.momentum for each in norms]
    for each in norms:
        each.train()
        each.momentum = 1.0
    with torch.no_grad():
        module(x)
    for each, momentum in zip(norms, momenta, strict=True):
        each.eval()
        each.momentum = momentum


def reference(module: nn.Module, x: Tensor) -> Tensor:
    """What the network computes, in float64; the module is in float32 again afterwards."""
    with exactly(), torch.no_grad():
        result: Any = module.double()(x.double())
    module.float()
    found: Tensor = result
    return found


def error(found: Tensor, wanted: Tensor) -> float:
    """Relative to the reference, by norms; NaN stays NaN."""
    return float((found.double() - wanted).norm() / wanted.norm())
