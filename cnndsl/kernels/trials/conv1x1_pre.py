"""Small problems of `conv1x1_pre`, tensors for them, and what must come out."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

from cnndsl.kernels.families import conv1x1_pre
from cnndsl.kernels.tails import RELU
from cnndsl.kernels.trials.arithmetic import (
    Tensors,
    finished,
    pixels,
    planes,
    rounded,
    tailed,
    windowed,
)
from cnndsl.kernels.trials.laying import Both, Laying, finish

EXAMPLES: Mapping[str, conv1x1_pre.Problem] = {
    "": conv1x1_pre.Problem("fp16", 1, 7, 6, 24, 40, (7, 6), 32, 40, prologue=(RELU,), tail=(RELU,)),
    "mean": conv1x1_pre.Problem("fp16", 1, 8, 6, 24, 16, (4, 3), 24, 16, True, (RELU,), (2, 2), (2, 2)),
    "max that is kept": conv1x1_pre.Problem(
        "fp16", 1, 7, 6, 40, 24, (4, 3), 40, 24, False, (), (3, 3), (2, 2), (1, 1, 1, 1), True, kept_leading=48
    ),
    "max": conv1x1_pre.Problem("fp16", 1, 7, 6, 24, 16, (7, 6), 24, 16, False, (), (3, 3), (1, 1), (1, 1, 1, 1), True),
}


def lay(problem: conv1x1_pre.Problem, laying: Laying) -> Both:
    inputs, outputs = finish(problem, problem.out, laying)
    image = (problem.batch, problem.height, problem.width, problem.channels)
    inputs["x"] = laying.map(image, problem.x_leading, problem.dtype)
    inputs["w"] = laying.weight((problem.filters, 1, 1, problem.channels), problem.dtype, problem.channels)
    if problem.affine:
        inputs |= {"scale": laying.vector(problem.channels), "shift": laying.vector(problem.channels)}
    if problem.kept_leading is not None:
        shape = (problem.batch, *problem.out, problem.channels)
        outputs["kept"] = laying.pixels(shape, problem.kept_leading, problem.dtype)
    return inputs, outputs


def expected(problem: conv1x1_pre.Problem, tensors: Tensors) -> dict[str, Tensor]:
    value = tensors["x"]
    if problem.affine:
        value = value * tensors["scale"] + tensors["shift"]
    value = tailed(problem.prologue, x=value)
    value = rounded(windowed(problem, planes(value)), problem.dtype)
    made = finished(problem, pixels(F.conv2d(value, planes(tensors["w"]), tensors.get("bias"))), tensors)
    return made if problem.kept_leading is None else {**made, "kept": pixels(value)}
