"""Small problems of `pack`, tensors for them, and what must come out."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

from cnndsl.kernels.families import pack
from cnndsl.kernels.trials.arithmetic import (
    Tensors,
)
from cnndsl.kernels.trials.laying import Both, Laying

EXAMPLES: Mapping[str, pack.Problem] = {
    "": pack.Problem("fp16", "fp16", 2, 35, 20, 24, (20 * 35, 35, 1), (24 * 35, 1, 24)),
    "blocks": pack.Problem("fp32", "fp16", 2, 15, 3, 16, (3 * 60, 60, 1), (16 * 15, 1, 16), side=2, width=5),
}


def lay(problem: pack.Problem, laying: Laying) -> Both:
    shape = (problem.batch, problem.channels, problem.pixels * problem.side**2)
    x = laying.random(laying.strided(shape, problem.x_steps, problem.x_dtype))
    out = (problem.batch, problem.out_channels, problem.pixels)
    return {"x": x}, {"y": laying.strided(out, problem.y_steps, problem.y_dtype)}


def expected(problem: pack.Problem, tensors: Tensors) -> dict[str, Tensor]:
    """Batch x channels x pixels, as these tensors are given here."""
    columns = problem.width * problem.side
    blocks = F.pixel_unshuffle(tensors["x"].unflatten(2, (-1, columns)), problem.side).flatten(2)
    return {"y": F.pad(blocks, (0, 0, 0, problem.out_channels - blocks.shape[1]))}
