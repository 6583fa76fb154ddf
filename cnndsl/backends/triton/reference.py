"""What each kernel must compute, by PyTorch's own functions in the precision of the tensors that it is given.

Tensors are those of a launch, by the kernel's names, upcast. Values between two products that a kernel rounds to its
own type are rounded here too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from cnndsl.kernels.families import across, chain, conv1x1_pre, conv_gemm, move, pack, pointwise, pool
from cnndsl.kernels.specialization import TORCH_DTYPES
from cnndsl.ops.activation import Softmax
from cnndsl.ops.images import Sides

Tensors = Mapping[str, Tensor]


def expected(kernel: str, problem: Any, tensors: Tensors) -> dict[str, Tensor]:
    """The outputs of a kernel by their names, N x H x W x C where it is a map."""
    return EXPECTED[kernel](problem, tensors)


def tailed(expressions: tuple[str, ...], **values: Tensor) -> Tensor:
    """A tail's expressions in turn: PyTorch has functions of the names that they use."""
    names: dict[str, Any] = {"tl": torch, "libdevice": torch, **values}
    for expression in expressions:
        names["x"] = eval(expression, names)
    result: Tensor = names["x"]
    return result


def _planes(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


def _pixels(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)


def _rounded(x: Tensor, dtype: str) -> Tensor:
    return x.to(TORCH_DTYPES[dtype]).to(x.dtype)  # type: ignore[index]


def _padded(x: Tensor, sides: Sides) -> Tensor:
    top, bottom, left, right = sides
    return F.pad(x, (left, right, top, bottom))


def _convolved(problem: conv_gemm.Problem, x: Tensor, w: Tensor, bias: Tensor | None, groups: int = 1) -> Tensor:
    planes = _padded(_planes(x), problem.sides)
    return _pixels(F.conv2d(planes, _planes(w), bias, problem.stride, 0, problem.dilation, groups))


def _finished(problem: Any, tile: Tensor, tensors: Tensors) -> dict[str, Tensor]:
    value = tailed(problem.tail, x=tile, other=tensors.get("residual", tile))
    if not problem.split_at:
        return {"y": value}
    return {"y": value[..., : problem.split_at], "y2": value[..., problem.split_at :]}


def _conv(problem: conv_gemm.Problem, tensors: Tensors) -> dict[str, Tensor]:
    tile = _convolved(problem, tensors["x"], tensors["w"], tensors.get("bias"), problem.bundles)
    if problem.second is not None:
        tile = tile + _pixels(F.conv2d(_planes(tensors["x2"]), _planes(tensors["w2"]), stride=problem.second.stride))
    return _finished(problem, tile, tensors)


def _depthwise(problem: conv_gemm.Problem, tensors: Tensors) -> dict[str, Tensor]:
    w = tensors["w"].permute(2, 0, 1)[..., None]  # H W O to O H W 1
    return _finished(
        problem, _convolved(problem, tensors["x"], w, tensors.get("bias"), groups=problem.channels), tensors
    )


def _pre(problem: conv1x1_pre.Problem, tensors: Tensors) -> dict[str, Tensor]:
    value = tensors["x"]
    if problem.affine:
        value = value * tensors["scale"] + tensors["shift"]
    value = tailed(problem.prologue, x=value)
    value = _rounded(_windowed(problem, _planes(value)), problem.dtype)
    return _finished(problem, _pixels(F.conv2d(value, _planes(tensors["w"]), tensors.get("bias"))), tensors)


def _windowed(problem: conv1x1_pre.Problem | pool.Problem, x: Tensor) -> Tensor:
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


def _pool(problem: pool.Problem, tensors: Tensors) -> dict[str, Tensor]:
    x = _planes(tensors["x"])
    if problem.adaptive:
        pooled = F.adaptive_max_pool2d(x, problem.out) if problem.maximum else F.adaptive_avg_pool2d(x, problem.out)
    else:
        pooled = _windowed(problem, x)
    return {"y": tailed(problem.tail, x=_pixels(pooled))}


def _chain(problem: chain.Problem, tensors: Tensors) -> dict[str, Tensor]:
    first, x = problem.first, tensors["x"]
    middle = _convolved(first, x, tensors["w1"], tensors["bias1"])
    middle = _rounded(tailed(first.tail, x=middle, other=middle), first.dtype)
    second = middle @ tensors["w2"].flatten(1).T + tensors["bias2"]
    second = _rounded(tailed(problem.tail, x=second, other=tensors.get("residual", second)), first.dtype)
    found = {"y": second} if problem.keep else {}
    if problem.last:
        third = second @ tensors["w3"].flatten(1).T + tensors["bias3"]
        found["z"] = tailed(problem.last_tail, x=third, other=third)
    return found


def _pointwise(problem: pointwise.Problem, tensors: Tensors) -> dict[str, Tensor]:
    values = {name: tensors[name] for name in pointwise.ARGUMENTS[: len(problem.sources)]}
    shape = (problem.batch, problem.pixels, problem.channels)
    whole = {name: value.expand(shape) for name, value in values.items()}
    absent = {name: whole["x"] for name in pointwise.ARGUMENTS if name not in whole}
    return {"y": tailed(problem.tail, **whole, **absent).unsqueeze(2)}


def _move(problem: move.Problem, tensors: Tensors) -> dict[str, Tensor]:
    """Output by output where it comes from, as the kernel defines it."""
    x, channels = tensors["x"], torch.arange(problem.out_channels)
    if problem.groups > 1:
        channels = channels % problem.groups * (problem.channels // problem.groups) + channels // problem.groups
    there: list[Tensor] = []
    source: list[Tensor] = []
    for axis, size in enumerate((problem.height, problem.width)):
        found = torch.arange(problem.out[axis]) * problem.stride[axis] // problem.scale[axis] - problem.corner[axis]
        there.append((found >= 0) & (found < size))
        source.append(found.clamp(0, size - 1))
    present = there[0][:, None, None] & there[1][None, :, None] & (channels < problem.channels)
    rows, columns, channels = (each.to(x.device) for each in (*source, channels.clamp(max=problem.channels - 1)))
    return {"y": x[:, rows][:, :, columns][..., channels] * present.to(x.device)}


def _pack(problem: pack.Problem, tensors: Tensors) -> dict[str, Tensor]:
    """Batch x channels x pixels, as these tensors are given here."""
    return {"y": F.pad(tensors["x"], (0, 0, 0, problem.out_channels - problem.channels))}


def _across(problem: across.Problem, tensors: Tensors) -> dict[str, Tensor]:
    x, op = tensors["x"], problem.op
    if isinstance(op, Softmax):
        return {"y": x.softmax(-1)}
    squares = F.pad(x * x, (op.size // 2, (op.size - 1) // 2)).unfold(-1, op.size, 1).sum(-1)
    alpha = op.alpha / op.size if op.average else op.alpha
    return {"y": x / (op.k + alpha * squares) ** op.beta}


EXPECTED: Mapping[str, Callable[[Any, Tensors], dict[str, Tensor]]] = {
    "conv_gemm": _conv,
    "conv_tma": _conv,
    "cudnn": _conv,
    "depthwise": _depthwise,
    "conv1x1_pre": _pre,
    "chain": _chain,
    "pool": _pool,
    "pointwise": _pointwise,
    "move": _move,
    "pack": _pack,
    "across": _across,
}
