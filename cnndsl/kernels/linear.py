"""The fully connected layer as a convolution: of one pixel by 1x1, or of a whole map by a kernel of its size.

So a classifier reads the map where it lies, without a flatten; its weights are packed O H W I like any other.
"""

from __future__ import annotations

import torch

from cnndsl.kernels import conv_gemm
from cnndsl.kernels.specialization import Precision


def describe(
    x: torch.Tensor,
    w: torch.Tensor,
    y: torch.Tensor,
    bias: torch.Tensor | None = None,
    *,
    tail: tuple[str, ...] = (),
    precision: Precision = "tf32",
) -> conv_gemm.Problem:
    """Features `x` (N x H x W x C), weights (O x H x W x C) and scores `y` (N x 1 x 1 x O), for `conv_gemm`."""
    if x.shape[1:] != w.shape[1:]:
        raise ValueError(f"weights of {(*w.shape,)} do not cover an image of {(*x.shape[1:],)}")
    return conv_gemm.describe(x, w, y, bias, tail=tail, precision=precision)
