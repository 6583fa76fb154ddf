"""Small problems of `pool`, tensors for them, and what must come out."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

from cnndsl.kernels.families import pool
from cnndsl.kernels.trials.arithmetic import (
    Tensors,
    pixels,
    planes,
    tailed,
    windowed,
)
from cnndsl.kernels.trials.laying import Both, Laying

EXAMPLES: Mapping[str, pool.Problem] = {
    "": pool.Problem("fp16", 2, 7, 6, 24, (4, 3), 32, 24, True, (3, 3), (2, 2), (1, 1, 1, 1)),
    "mean of real pixels": pool.Problem(
        "fp16", 1, 7, 6, 24, (7, 6), 24, 24, False, (3, 3), (1, 1), (1, 1, 1, 1), count_padding=False
    ),
    "mean ceil": pool.Problem("fp16", 1, 8, 7, 24, (4, 4), 24, 24, False, (3, 3), (2, 2), (0, 0, 0, 0)),
    "global": pool.Problem("fp16", 2, 5, 4, 24, (1, 1), 24, 24, False, adaptive=True),
    "int8": pool.Problem("int8", 2, 7, 6, 24, (4, 3), 32, 48, True, (3, 3), (2, 2), (1, 1, 1, 1)),
    "int8, global maximum": pool.Problem("int8", 2, 5, 4, 24, (1, 1), 32, 32, True, adaptive=True),
    "int8, global mean": pool.Problem("int8", 2, 5, 4, 24, (1, 1), 32, 24, False, adaptive=True, y_dtype="fp16"),
    "fp8, mean": pool.Problem("fp8", 1, 7, 6, 24, (7, 6), 32, 32, False, (3, 3), (1, 1), (1, 1, 1, 1)),
    "adaptive": pool.Problem("fp16", 1, 7, 5, 24, (3, 2), 24, 24, True, adaptive=True),
}


def lay(problem: pool.Problem, laying: Laying) -> Both:
    image = (problem.batch, problem.height, problem.width, problem.channels)
    out = (problem.batch, *problem.out, problem.channels)
    inputs = {"x": laying.map(image, problem.x_leading, problem.dtype)}
    if problem.scaled:
        inputs["scale"] = laying.scales((1.0,), 1)
    return inputs, {"y": laying.pixels(out, problem.y_leading, problem.y_dtype or problem.dtype)}


def expected(problem: pool.Problem, tensors: Tensors) -> dict[str, Tensor]:
    x = planes(tensors["x"])
    if problem.adaptive:
        pooled = F.adaptive_max_pool2d(x, problem.out) if problem.maximum else F.adaptive_avg_pool2d(x, problem.out)
    else:
        pooled = windowed(problem, x)
    value = tailed(problem.tail, x=pixels(pooled))
    return {"y": value * tensors["scale"] if problem.scaled else value}
