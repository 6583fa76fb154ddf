"""Small problems of `chain`, tensors for them, and what must come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor

from cnndsl.kernels.families import chain, conv_gemm
from cnndsl.kernels.tails import RELU
from cnndsl.kernels.trials.arithmetic import (
    Tensors,
    convolved,
    pixels,
    planes,
    rounded,
    tailed,
)
from cnndsl.kernels.trials.conv_gemm import weights
from cnndsl.kernels.trials.laying import Both, Laying

FIRST = conv_gemm.Problem("fp16", 1, 6, 5, 16, 24, 16, 0, (3, 3), sides=(1, 1, 1, 1), tail=(RELU,))
PROJECTED = conv_gemm.Second(5, 6, 40, 48, (2, 2))
EXAMPLES: Mapping[str, chain.Problem] = {
    "": chain.Problem(FIRST, 32, 40, ("x + other", RELU), 32),
    "three": chain.Problem(FIRST, 32, 40, (RELU,), last=16, last_tail=(RELU,), z_leading=24),
    "projection": chain.Problem(
        replace(FIRST, stride=(2, 2)),
        32,
        40,
        (RELU,),
        last=16,
        z_leading=24,
        second=conv_gemm.Second(5, 6, 40, 48, (2, 2)),
    ),
    "fire": chain.Problem(replace(FIRST, centred=16), 16, 16, (RELU,)),
}


def lay(problem: chain.Problem, laying: Laying) -> Both:
    first, dtype = problem.first, problem.first.dtype
    out, middle = (first.batch, *first.out), first.filters
    inputs = {
        "x": laying.map((first.batch, first.height, first.width, first.channels), first.x_leading, dtype),
        "w1": weights(first, laying, first.filters, first.depth),
        "bias1": laying.vector(first.filters),
        "w2": laying.weight((problem.filters, 1, 1, middle), dtype, middle),
        "bias2": laying.vector(problem.filters),
    }
    if problem.residual_leading is not None:
        inputs["residual"] = laying.map((*out, problem.filters), problem.residual_leading, dtype)
    if (extra := problem.second) is not None:
        inputs["x2"] = laying.map((first.batch, extra.height, extra.width, extra.channels), extra.leading, dtype)
        inputs["projection"] = laying.weight((problem.filters, 1, 1, extra.channels), dtype, extra.channels)
    outputs = {}
    if problem.keep:
        outputs["y"] = laying.pixels((*out, problem.filters), problem.y_leading, dtype)
    if problem.last:
        inputs["w3"] = laying.weight((problem.last, 1, 1, problem.filters), dtype, problem.filters)
        inputs["bias3"] = laying.vector(problem.last)
        outputs["z"] = laying.pixels((*out, problem.last), problem.z_leading, dtype)
    return inputs, outputs


def expected(problem: chain.Problem, tensors: Tensors) -> dict[str, Tensor]:
    first, x = problem.first, tensors["x"]
    middle = convolved(first, x, tensors["w1"], tensors["bias1"])
    middle = rounded(tailed(first.tail, x=middle, other=middle), first.dtype)
    second = middle @ tensors["w2"].flatten(1).T + tensors["bias2"]
    if problem.second is not None:
        projected = F.conv2d(planes(tensors["x2"]), planes(tensors["projection"]), stride=problem.second.stride)
        second = second + pixels(projected)
    second = rounded(tailed(problem.tail, x=second, other=tensors.get("residual", second)), first.dtype)
    found = {"y": second} if problem.keep else {}
    if problem.last:
        third = second @ tensors["w3"].flatten(1).T + tensors["bias3"]
        found["z"] = tailed(problem.last_tail, x=third, other=third)
    return found
