"""Small problems of `move`, tensors for them, and what must come out."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from cnndsl.kernels.families import move
from cnndsl.kernels.trials.arithmetic import (
    Tensors,
)
from cnndsl.kernels.trials.laying import Both, Laying

EXAMPLES: Mapping[str, move.Problem] = {
    "": move.Problem("fp16", 1, 3, 4, 24, (6, 8), 24, 24, 32, scale=(2, 2)),
    "pad and shuffle": move.Problem("fp16", 2, 4, 3, 24, (7, 5), 24, 24, 24, corner=(2, 1), groups=3),
}


def lay(problem: move.Problem, laying: Laying) -> Both:
    image = (problem.batch, problem.height, problem.width, problem.channels)
    y = laying.pixels((problem.batch, *problem.out, problem.out_channels), problem.y_leading, problem.dtype)
    return {"x": laying.map(image, problem.x_leading, problem.dtype)}, {"y": y}


def expected(problem: move.Problem, tensors: Tensors) -> dict[str, Tensor]:
    """Output by output where it comes from, as the kernel defines it."""
    x, channels = tensors["x"], torch.arange(problem.out_channels)
    if problem.groups > 1:
        channels = channels % problem.groups * (problem.channels // problem.groups) + channels // problem.groups
    there: list[Tensor] = []
    source: list[Tensor] = []
    for axis, size in enumerate((problem.height, problem.width)):
        found = torch.arange(problem.out[axis]) * problem.stride[axis] // problem.scale[axis] - problem.corner[axis]
        there.append((found >= 0) & (found < size))
        source.append(found.clamp(0, size - 1))
    present = there[0][:, None, None] & there[1][None, :, None] & (channels < problem.channels)
    rows, columns, channels = (each.to(x.device) for each in (*source, channels.clamp(max=problem.channels - 1)))
    return {"y": x[:, rows][:, :, columns][..., channels] * present.to(x.device)}
