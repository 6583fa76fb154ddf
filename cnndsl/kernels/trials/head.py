"""Small problems of `head`, tensors for them, and what must come out."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from cnndsl.kernels.families import head
from cnndsl.kernels.tails import RELU
from cnndsl.kernels.trials.arithmetic import Tensors, tailed
from cnndsl.kernels.trials.laying import Both, Laying

EXAMPLES: Mapping[str, head.Problem] = {
    "": head.Problem("fp16", 2, 12, 200, 70, 208, 80),
    "normed": head.Problem("fp16", 1, 70, 40, 24, 40, 24, True, ("x + 1.0", RELU), tail=(RELU,)),
    "no bias": head.Problem("fp32", 3, 1, 24, 10, 24, 12, bias=False),
}


def lay(problem: head.Problem, laying: Laying) -> Both:
    filters, channels = problem.filters, problem.channels
    inputs = {
        "x": laying.map((problem.batch, problem.pixels, 1, channels), problem.x_leading, problem.dtype),
        "w": laying.weight((filters, 1, 1, channels), problem.dtype, channels),
    }
    vectors = {"scale": channels, "shift": channels} if problem.affine else {}
    vectors |= {"bias": filters} if problem.bias else {}
    inputs |= {name: laying.vector(length) for name, length in vectors.items()}
    return inputs, {"y": laying.pixels((problem.batch, 1, 1, filters), problem.y_leading, problem.dtype)}


def expected(problem: head.Problem, tensors: Tensors) -> dict[str, Tensor]:
    value = tensors["x"]
    if problem.affine:
        value = value * tensors["scale"] + tensors["shift"]
    pooled = tailed(problem.prologue, x=value).mean((1, 2), keepdim=True)
    result = pooled @ tensors["w"].flatten(1).T
    return {"y": tailed(problem.tail, x=result + tensors["bias"] if problem.bias else result)}
