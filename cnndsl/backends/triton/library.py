"""cuDNN's convolutions and cuBLAS's products as candidates beside our kernels, through PyTorch.

cuDNN writes a tensor of its own, which is copied to its place; cuBLAS writes there itself, and leaves sum and ReLU to
passes of their own. All that is counted when they are measured. Both want the bias in the type of the products.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from cnndsl.backends.triton.float32 import with_products
from cnndsl.kernels import conv_gemm

RELU = "tl.where(x < 0.0, 0.0, x)"


@dataclass(frozen=True)
class LibraryConfig:
    """`matrix`: one product by cuBLAS, into its place; else a convolution by cuDNN, which chooses itself how."""

    matrix: bool = False


def configurations(problem: object) -> tuple[LibraryConfig, ...]:
    """The ways in which the library can run a problem; none if it does not take it."""
    if refusal(problem) is not None:
        return ()
    assert isinstance(problem, conv_gemm.Problem)
    return (LibraryConfig(), LibraryConfig(matrix=True)) if _is_product(problem) else (LibraryConfig(),)


def _is_product(problem: conv_gemm.Problem) -> bool:
    """Whether rows of a matrix are there as they lie: single pixels, or whole maps without gaps."""
    if problem.stride != (1, 1) or any(problem.sides):
        return False
    whole = problem.kernel == (problem.height, problem.width) and problem.x_leading == problem.channels
    return problem.kernel == (1, 1) or whole


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


def library_step(
    problem: conv_gemm.Problem, config: LibraryConfig, tensors: Mapping[str, torch.Tensor]
) -> Callable[[], object]:
    """A callable that runs it on N x H x W x C views, with products as the problem wants them.

    The bias has the type of `x`, unlike that of our kernels.
    """
    step = _product(problem, tensors) if config.matrix else _convolution(problem, tensors)
    return with_products(problem.precision, step) if problem.dtype == "fp32" else step


def _product(problem: conv_gemm.Problem, tensors: Mapping[str, torch.Tensor]) -> Callable[[], object]:
    pixels, filters = problem.pixels, problem.filters
    x = tensors["x"].as_strided((pixels, problem.depth), (problem.kernel[0] * problem.kernel[1] * problem.x_leading, 1))
    w, bias = tensors["w"].view(filters, problem.depth).T, tensors.get("bias")
    out = tensors["y"].as_strided((pixels, filters), (problem.y_leading, 1))
    residual = None
    if problem.residual_leading is not None:
        residual = tensors["residual"].as_strided((pixels, filters), (problem.residual_leading, 1))

    def step() -> None:
        if bias is None:
            torch.mm(x, w, out=out)
        else:
            torch.addmm(bias, x, w, out=out)
        if residual is not None:
            out.add_(residual)
        if RELU in problem.tail:
            out.relu_()

    return step


def _convolution(problem: conv_gemm.Problem, tensors: Mapping[str, torch.Tensor]) -> Callable[[], object]:
    x, w = (tensors[name].permute(0, 3, 1, 2) for name in ("x", "w"))
    out, bias = tensors["y"].permute(0, 3, 1, 2), tensors.get("bias")
    residual = tensors["residual"].permute(0, 3, 1, 2) if "residual" in tensors else None
    window = ([*problem.stride], [problem.sides[0], problem.sides[2]], [*problem.dilation], 1)
    relu = RELU in problem.tail

    def step() -> None:
        if residual is not None and relu and x.is_cuda:
            made = torch.cudnn_convolution_add_relu(x, w, residual, 1.0, bias, *window)
        elif relu and residual is None and x.is_cuda:
            made = torch.cudnn_convolution_relu(x, w, bias, *window)
        else:
            made = F.conv2d(x, w, bias, *window)
            made = made if residual is None else made + residual
            made = F.relu_(made) if relu else made
        out.copy_(made)

    return step
