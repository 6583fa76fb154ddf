"""cuDNN's convolutions and cuBLAS's products as candidates beside our kernels, through PyTorch.

They write tensors of their own, so a result that belongs into a slice is copied there, and what is fused to the layer
beyond bias, sum and ReLU costs passes of its own. That is counted when they are measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from cnndsl.kernels import conv_gemm

RELU = "tl.where(x < 0.0, 0.0, x)"


@dataclass(frozen=True)
class LibraryConfig:
    """Nothing to choose: the library chooses itself (`torch.backends.cudnn.benchmark`)."""


def refusal(problem: object) -> str | None:
    """Why the library does not take a problem; None if it does."""
    if not isinstance(problem, conv_gemm.Problem):
        return "it is no convolution"
    if problem.second or problem.split_at:
        return "it has several sources or outputs"
    if problem.bundles > 1:
        return "its weights are packed for bundles of groups"
    if problem.tail not in ((), (RELU,), ("x + other",), ("x + other", RELU)):
        return "its tail is no bias, sum or ReLU"
    if problem.sides[0] != problem.sides[1] or problem.sides[2] != problem.sides[3]:
        return "its padding differs between sides"
    return None


def library_step(problem: conv_gemm.Problem, tensors: Mapping[str, torch.Tensor]) -> Callable[[], object]:
    """A callable that runs it on N x H x W x C views."""
    x, w = (tensors[name].permute(0, 3, 1, 2) for name in ("x", "w"))
    out, bias = tensors["y"].permute(0, 3, 1, 2), tensors.get("bias")
    residual = tensors["residual"].permute(0, 3, 1, 2) if "residual" in tensors else None
    window = ([*problem.stride], [problem.sides[0], problem.sides[2]], [*problem.dilation], 1)
    relu = RELU in problem.tail

    def step() -> None:
        typed = None if bias is None else bias.to(x.dtype)
        if residual is not None and relu and x.is_cuda:
            made = torch.cudnn_convolution_add_relu(x, w, residual, 1.0, typed, *window)
        elif relu and residual is None and x.is_cuda:
            made = torch.cudnn_convolution_relu(x, w, typed, *window)
        else:
            made = F.conv2d(x, w, typed, *window)
            made = made if residual is None else made + residual
            made = F.relu_(made) if relu else made
        out.copy_(made)

    return step
