"""Small problems of `across`, tensors for them, and what must come out."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

from cnndsl.kernels.families import across
from cnndsl.kernels.trials.arithmetic import (
    Tensors,
)
from cnndsl.kernels.trials.laying import Both, Laying
from cnndsl.ops.activation import Softmax
from cnndsl.ops.normalization import Lrn

EXAMPLES: Mapping[str, across.Problem] = {
    "softmax": across.Problem("fp16", 7, 20, 24, 20, Softmax()),
    "lrn": across.Problem("fp16", 9, 20, 24, 24, Lrn(4, alpha=1.0)),
}


def lay(problem: across.Problem, laying: Laying) -> Both:
    shape = (1, problem.pixels, 1, problem.channels)
    y = laying.pixels(shape, problem.y_leading, problem.dtype)
    return {"x": laying.map(shape, problem.x_leading, problem.dtype)}, {"y": y}


def expected(problem: across.Problem, tensors: Tensors) -> dict[str, Tensor]:
    x, op = tensors["x"], problem.op
    if isinstance(op, Softmax):
        return {"y": x.softmax(-1)}
    squares = F.pad(x * x, (op.size // 2, (op.size - 1) // 2)).unfold(-1, op.size, 1).sum(-1)
    alpha = op.alpha / op.size if op.average else op.alpha
    return {"y": x / (op.k + alpha * squares) ** op.beta}
