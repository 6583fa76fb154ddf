"""Small problems of `lrn`, tensors for them, and what must come out."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

from cnndsl.kernels.families import lrn, pool
from cnndsl.kernels.trials import pool as pools
from cnndsl.kernels.trials.arithmetic import Tensors
from cnndsl.kernels.trials.laying import Both, Laying
from cnndsl.ops.normalization import Lrn

MAXIMA = pool.Problem("fp16", 2, 7, 6, 24, (4, 3), 32, 24, True, (3, 3), (2, 2), (1, 1, 1, 1))
EXAMPLES: Mapping[str, lrn.Problem] = {
    "": lrn.Problem(pool.Problem("fp16", 1, 3, 3, 20, (3, 3), 24, 24, True), Lrn(4, alpha=1.0)),
    "far neighbours": lrn.Problem(pool.Problem("fp16", 1, 2, 3, 48, (2, 3), 48, 56, True), Lrn(19, alpha=1.0)),
    "of maxima": lrn.Problem(MAXIMA, Lrn(5, alpha=1.0)),
    "before maxima": lrn.Problem(MAXIMA, Lrn(5, alpha=1.0), first=True),
}


def lay(problem: lrn.Problem, laying: Laying) -> Both:
    return pools.lay(problem.window, laying)


def expected(problem: lrn.Problem, tensors: Tensors) -> dict[str, Tensor]:
    if problem.first:
        return pools.expected(problem.window, {"x": _normalised(problem.op, tensors["x"])})
    return {"y": _normalised(problem.op, pools.expected(problem.window, tensors)["y"])}


def _normalised(op: Lrn, x: Tensor) -> Tensor:
    squares = F.pad(x * x, (op.size // 2, (op.size - 1) // 2)).unfold(-1, op.size, 1).sum(-1)
    alpha = op.alpha / op.size if op.average else op.alpha
    return x / (op.k + alpha * squares) ** op.beta
