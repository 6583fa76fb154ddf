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
    "adaptive": pool.Problem("fp16", 1, 7, 5, 24, (3, 2), 24, 24, True, adaptive=True),
}


def lay(problem: pool.Problem, laying: Laying) -> Both:
    image = (problem.batch, problem.height, problem.width, problem.channels)
    y = laying.pixels((problem.batch, *problem.out, problem.channels), problem.y_leading, problem.dtype)
    return {"x": laying.map(image, problem.x_leading, problem.dtype)}, {"y": y}


def expected(problem: pool.Problem, tensors: Tensors) -> dict[str, Tensor]:
    x = planes(tensors["x"])
    if problem.adaptive:
        pooled = F.adaptive_max_pool2d(x, problem.out) if problem.maximum else F.adaptive_avg_pool2d(x, problem.out)
    else:
        pooled = windowed(problem, x)
    return {"y": tailed(problem.tail, x=pixels(pooled))}
