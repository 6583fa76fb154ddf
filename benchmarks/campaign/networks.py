"""The networks that are measured, with weights that let every layer matter, and what they should compute."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

import cnndsl
from campaign.names import NETWORKS, SMALL
from cnndsl.backends.triton.trial import exactly

DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16, "tf32": torch.float32}
CALIBRATION = 4  # images


def network(name: str, dry: bool) -> cnndsl.Architecture:
    found = (NETWORKS | SMALL)[name]
    return cnndsl.load(found.stand_in or found.model, input=found.small) if dry else cnndsl.load(found.model)


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
    _calibrate(module, images(architecture, CALIBRATION, device, seed=2), generator)
    return module


def _draw(tensor: Tensor | None, generator: torch.Generator, deviation: float, mean: float = 0.0) -> None:
    if tensor is not None:
        with torch.no_grad():
            tensor.normal_(mean, deviation, generator=generator)


def _calibrate(module: nn.Module, x: Tensor, generator: torch.Generator) -> None:
    """Let each batch norm scale what it gets to about 1.

    It keeps most of the mean: one that takes it away turns a deep random network into chaos, where any rounding grows
    from layer to layer until results in half precision have nothing in common.
    """

    def scale(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        size = inputs[0].square().mean()
        norm.running_var.fill_(size)
        norm.running_mean.normal_(0.0, 0.1 * float(size) ** 0.5, generator=generator)

    norms = (each for each in module.modules() if isinstance(each, nn.BatchNorm2d))
    hooks = [each.register_forward_pre_hook(scale) for each in norms]
    with torch.no_grad():
        module(x)
    for hook in hooks:
        hook.remove()


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
