"""The calls by which PyTorch runs the library's candidates; see `cnndsl.backends.triton.library`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
import torch.nn.functional as F

from cnndsl.backends.triton.float32 import with_products
from cnndsl.backends.triton.library import LibraryConfig
from cnndsl.kernels.families import conv_gemm
from cnndsl.kernels.tails import RELU


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

    def convolve() -> None:
        if residual is not None and relu and x.is_cuda:
            made = torch.cudnn_convolution_add_relu(x, w, residual, 1.0, bias, *window)
        elif relu and residual is None and x.is_cuda:
            made = torch.cudnn_convolution_relu(x, w, bias, *window)
        else:
            made = F.conv2d(x, w, bias, *window)
            made = made if residual is None else made + residual
            made = F.relu_(made) if relu else made
        out.copy_(made)

    def step() -> None:
        with searching(x):
            convolve()

    return step


@contextmanager
def searching(x: torch.Tensor) -> Iterator[None]:
    """cuDNN measures its algorithms for what it has not met before, as with `cudnn.benchmark`.

    In a capture nothing can be measured; there it takes what it found in the run before.
    """
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = not (x.is_cuda and torch.cuda.is_current_stream_capturing())
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
