"""Convolutions as other operators, for a compiler: how a module gets them for a while, and small 1x1 as products.

A form takes (x, weight, bias) as `nn.Conv2d._conv_forward` does, with x as N x channels x height x width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Form = Callable[[Tensor, Tensor, Tensor | None], Tensor]
Shapes = Mapping[nn.Conv2d, torch.Size]
# Multiplications below which the cost of a call of oneDNN's convolution counts for more than its better code.
SMALL = 2**25


def input_shapes(module: nn.Module, run: Callable[[], object]) -> Shapes:
    """Of the convolutions that `run` calls."""
    found: dict[nn.Conv2d, torch.Size] = {}

    def note(layer: nn.Conv2d, inputs: tuple[Tensor, ...]) -> None:
        found[layer] = inputs[0].shape

    layers = [each for each in module.modules() if isinstance(each, nn.Conv2d)]
    hooks = [layer.register_forward_pre_hook(note) for layer in layers]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return found


@contextmanager
def spelled(forms: Mapping[nn.Conv2d, Form]) -> Iterator[None]:
    """Within it these convolutions have other forms, wherever they do not call oneDNN themselves."""
    for layer, form in forms.items():
        layer._conv_forward = form  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        for layer in forms:
            del layer._conv_forward


def small_products(shapes: Shapes) -> dict[nn.Conv2d, Form]:
    """Those of 1x1 that are so small that a product costs less to call."""
    return {
        layer: product
        for layer, shape in shapes.items()
        if layer.kernel_size == (1, 1) and is_plain(layer) and not any(layer.padding)
        if shape.numel() * layer.out_channels < SMALL
    }


def is_plain(layer: nn.Conv2d) -> bool:
    """Whether it has no stride, dilation or groups."""
    return {*layer.stride, *layer.dilation, layer.groups} == {1}


def product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A 1x1 convolution as the product of two matrices."""
    return F.linear(x.permute(0, 2, 3, 1), weight.flatten(1), bias).permute(0, 3, 1, 2)
