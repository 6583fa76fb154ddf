"""What kernels must compute, by PyTorch's own functions in the precision of the tensors that they are given.

Tensors are those of a launch, by the kernel's names, upcast. Values between two products that a kernel rounds to its
own type are rounded here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from cnndsl.kernels.families import conv1x1_pre, conv_gemm, pool
from cnndsl.kernels.precision import LARGEST, Dtype
from cnndsl.kernels.specialization import TORCH_DTYPES
from cnndsl.ops.images import Sides

Tensors = Mapping[str, Tensor]


def tailed(expressions: tuple[str, ...], **values: Tensor) -> Tensor:
    """A tail's expressions in turn: PyTorch has functions of the names that they use."""
    names: dict[str, Any] = {"tl": torch, "libdevice": torch, **values}
    for expression in expressions:
        names["x"] = eval(expression, names)
    result: Tensor = names["x"]
    return result


def planes(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


def pixels(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)


def nearest(x: Tensor, dtype: Dtype) -> Tensor:
    """The values of a type that are nearest to these; 8 bits saturate."""
    if dtype in LARGEST:
        x = x.clamp(-LARGEST[dtype], LARGEST[dtype])
    return (x.round() if dtype == "int8" else x).to(TORCH_DTYPES[dtype])


def rounded(x: Tensor, dtype: str) -> Tensor:
    return x.to(TORCH_DTYPES[dtype]).to(x.dtype)  # type: ignore[index]


def padded(x: Tensor, sides: Sides) -> Tensor:
    top, bottom, left, right = sides
    return F.pad(x, (left, right, top, bottom))


def convolved(problem: conv_gemm.Problem, x: Tensor, w: Tensor, bias: Tensor | None, groups: int = 1) -> Tensor:
    wide = padded(planes(x), problem.sides)
    return pixels(F.conv2d(wide, planes(w), bias, problem.stride, 0, problem.dilation, groups))


def finished(problem: Any, tile: Tensor, tensors: Tensors) -> dict[str, Tensor]:
    other, scales = tensors.get("residual", tile), tensors.get("scales")
    if scales is not None:
        other = other * scales[1]
    value = tailed(problem.tail, x=tile, other=other)
    if scales is not None:
        value = value * scales[2]
    if not problem.split_at:
        return {"y": value}
    return {"y": value[..., : problem.split_at], "y2": value[..., problem.split_at :]}


def windowed(problem: conv1x1_pre.Problem | pool.Problem, x: Tensor) -> Tensor:
    """The maximum or mean of each window, N C H W; ceil-rounded windows reach beyond the padding."""
    rows, columns = problem.out
    tall = (rows - 1) * problem.stride[0] + problem.kernel[0]
    wide = (columns - 1) * problem.stride[1] + problem.kernel[1]
    top, bottom, left, right = problem.sides
    below, beside = max(0, tall - top - problem.height), max(0, wide - left - problem.width)

    def windows(x: Tensor, edge: float, outside: float) -> Tensor:
        """`edge` fills the padding, `outside` what a ceil-rounded window covers beyond it."""
        x = F.pad(x, (left, min(right, beside), top, min(bottom, below)), value=edge)
        x = F.pad(x, (0, max(0, beside - right), 0, max(0, below - bottom)), value=outside)
        return x[..., :tall, :wide].unfold(2, *_axis(problem, 0)).unfold(3, *_axis(problem, 1))

    if problem.maximum:
        return windows(x, float("-inf"), float("-inf")).amax((4, 5))
    counted = windows(torch.ones_like(x[:1, :1]), 1.0 if problem.count_padding else 0.0, 0.0)
    return windows(x, 0.0, 0.0).sum((4, 5)) / counted.sum((4, 5))


def _axis(problem: conv1x1_pre.Problem | pool.Problem, axis: int) -> tuple[int, int]:
    return problem.kernel[axis], problem.stride[axis]
