"""Small problems of `depthwise`, tensors for them, and what must come out."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from cnndsl.kernels.families import conv_gemm
from cnndsl.kernels.tails import RELU
from cnndsl.kernels.trials.arithmetic import (
    Tensors,
    convolved,
    finished,
)
from cnndsl.kernels.trials.laying import Both, Laying, finish

EXAMPLES: Mapping[str, conv_gemm.Problem] = {
    "": conv_gemm.Problem("fp16", 2, 7, 5, 20, 40, 24, 40, (3, 3), (2, 1), (1, 1, 1, 1), tail=(RELU,)),
}


def lay(problem: conv_gemm.Problem, laying: Laying) -> Both:
    inputs, outputs = finish(problem, problem.out, laying)
    image = (problem.batch, problem.height, problem.width, problem.channels)
    taps = problem.kernel[0] * problem.kernel[1]
    inputs["x"] = laying.map(image, problem.x_leading, problem.dtype)
    inputs["w"] = laying.weight((*problem.kernel, problem.filters), problem.dtype, taps)
    return inputs, outputs


def expected(problem: conv_gemm.Problem, tensors: Tensors) -> dict[str, Tensor]:
    w = tensors["w"].permute(2, 0, 1)[..., None]  # H W O to O H W 1
    return finished(problem, convolved(problem, tensors["x"], w, tensors.get("bias"), groups=problem.channels), tensors)
