"""Small problems of `conv_gemm`, tensors for them, and what must come out."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

from cnndsl.kernels.families import conv_gemm
from cnndsl.kernels.precision import LARGEST
from cnndsl.kernels.tails import RELU
from cnndsl.kernels.trials.arithmetic import (
    Tensors,
    convolved,
    finished,
    pixels,
    planes,
)
from cnndsl.kernels.trials.laying import STEPS, Both, Laid, Laying, finish

EXAMPLES: Mapping[str, conv_gemm.Problem] = {
    "": conv_gemm.Problem("fp16", 2, 7, 5, 24, 40, 32, 48, (3, 3), sides=(1, 1, 1, 1), tail=(RELU,)),
    "residual": conv_gemm.Problem(
        "fp16", 1, 9, 8, 16, 24, 16, 24, (2, 1), (2, 3), dilation=(2, 1), tail=("x + other",), residual_leading=32
    ),
    "dilated columns": conv_gemm.Problem(
        "fp16", 1, 9, 8, 16, 24, 16, 24, (3, 2), sides=(2, 3, 0, 1), dilation=(1, 2), tail=(RELU,)
    ),
    "a product": conv_gemm.Problem("fp16", 2, 5, 3, 24, 40, 32, 48, tail=("x + other", RELU), residual_leading=56),
    "linear over a map": conv_gemm.Problem("fp16", 3, 4, 3, 16, 24, 16, 32, (4, 3)),
    "float32": conv_gemm.Problem("fp32", 1, 5, 5, 20, 16, 20, 16, bias=False),
    "long sum": conv_gemm.Problem("fp16", 1, 4, 4, 264, 16, 264, 16, tail=(RELU,)),
    "two outputs": conv_gemm.Problem("fp16", 1, 5, 4, 16, 40, 16, 32, split_at=24, y2_leading=16),
    "two sources": conv_gemm.Problem(
        "fp16", 1, 5, 4, 16, 24, 16, 24, tail=(RELU,), second=conv_gemm.Second(9, 8, 40, 48, (2, 2))
    ),
    "bundles": conv_gemm.Problem("fp16", 1, 5, 5, 32, 16, 64, 32, (3, 3), sides=(1, 1, 1, 1), bundles=2),
    "expansions": conv_gemm.Problem(
        "fp16", 1, 6, 5, 64, 160, 64, 160, (3, 3), sides=(1, 1, 1, 1), tail=(RELU,), centred=130
    ),
    "pooled": conv_gemm.Problem("fp16", 2, 7, 9, 16, 24, 16, 32, (3, 3), sides=(1, 1, 1, 1), tail=(RELU,), pool=(2, 2)),
    "int8": conv_gemm.Problem(
        "int8", 1, 6, 5, 40, 24, 48, 32, (3, 3), sides=(1, 1, 1, 1), tail=("x + other", RELU), residual_leading=48
    ),
    "int8, two sources": conv_gemm.Problem(
        "int8", 1, 5, 4, 16, 24, 16, 32, tail=(RELU,), second=conv_gemm.Second(9, 8, 40, 48, (2, 2))
    ),
    "int8, long sum": conv_gemm.Problem("int8", 1, 4, 4, 264, 16, 272, 16, bias=False),
    "int8, two outputs": conv_gemm.Problem(
        "int8", 1, 5, 4, 24, 40, 32, 32, (3, 3), split_at=24, y2_leading=16, y2_dtype="fp16"
    ),
    "int8 of half precision": conv_gemm.Problem(
        "fp16", 1, 6, 4, 24, 40, 24, 48, tail=("x + other",), residual_leading=40, y_dtype="int8"
    ),
    "fp8": conv_gemm.Problem(
        "fp8", 1, 6, 5, 40, 24, 48, 32, (3, 3), sides=(1, 1, 1, 1), tail=("x + other", RELU), residual_leading=48
    ),
    "fp8 to half precision, pooled": conv_gemm.Problem(
        "fp8", 1, 4, 4, 40, 16, 48, 16, bias=False, y_dtype="fp16", pool=(2, 2)
    ),
    "pooled long sum": conv_gemm.Problem("fp16", 1, 4, 4, 264, 16, 264, 16, pool=(2, 2)),
}


def lay(problem: conv_gemm.Problem, laying: Laying) -> Both:
    dtype, extra, filters = problem.dtype, problem.second, problem.filters * problem.bundles
    depth = problem.depth + (extra.channels if extra else 0)
    image = (problem.batch, problem.height, problem.width, problem.channels * problem.bundles)
    inputs, outputs = finish(problem, problem.stored, laying, problem.bundles)
    if problem.scaled:
        inputs["scales"] = laying.scales(_scales(problem, depth), filters)
    inputs["x"] = laying.map(image, problem.x_leading, dtype)
    inputs["w"] = weights(problem, laying, filters, depth)
    if extra:
        inputs["x2"] = laying.map((problem.batch, extra.height, extra.width, extra.channels), extra.leading, dtype)
        inputs["w2"] = laying.weight((filters, 1, 1, extra.channels), dtype, depth)
    return inputs, outputs


def _scales(problem: conv_gemm.Problem, depth: int) -> tuple[float, ...]:
    """Such that sums are about 1, and results of 8 bits fill these."""
    product = depth**-0.5 / STEPS**2 if problem.dtype in LARGEST else 1.0
    return product, 1 / STEPS if problem.type_of("residual") in LARGEST else 1.0, STEPS


def weights(problem: conv_gemm.Problem, laying: Laying, filters: int, depth: int) -> Laid:
    rows, columns = problem.kernel
    laid = laying.weight((filters, rows, columns, problem.channels), problem.dtype, depth)
    if problem.centred:
        first = laid.view[: problem.centred]
        centre = first[:, rows // 2, columns // 2].clone()
        first.zero_()
        first[:, rows // 2, columns // 2] = centre
    return laid


def expected(problem: conv_gemm.Problem, tensors: Tensors) -> dict[str, Tensor]:
    tile = convolved(problem, tensors["x"], tensors["w"], None, problem.bundles)
    if problem.second is not None:
        tile = tile + pixels(F.conv2d(planes(tensors["x2"]), planes(tensors["w2"]), stride=problem.second.stride))
    if problem.scaled:
        tile = tile * tensors["scales"][0]
    if problem.bias:
        tile = tile + tensors["bias"]
    made = finished(problem, tile, tensors)
    if problem.window > 1:
        made = {name: pixels(F.max_pool2d(planes(map), problem.pool)) for name, map in made.items()}
    return made
