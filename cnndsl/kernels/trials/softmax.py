"""Small problems of `softmax`, tensors for them, and what must come out."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from cnndsl.kernels.families import softmax
from cnndsl.kernels.trials.arithmetic import Tensors
from cnndsl.kernels.trials.laying import Both, Laying

EXAMPLES: Mapping[str, softmax.Problem] = {"": softmax.Problem("fp16", 7, 20, 24, 20)}


def lay(problem: softmax.Problem, laying: Laying) -> Both:
    shape = (1, problem.pixels, 1, problem.channels)
    y = laying.pixels(shape, problem.y_leading, problem.dtype)
    return {"x": laying.map(shape, problem.x_leading, problem.dtype)}, {"y": y}


def expected(problem: softmax.Problem, tensors: Tensors) -> dict[str, Tensor]:
    return {"y": tensors["x"].softmax(-1)}
