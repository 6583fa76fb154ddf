"""Small problems of `pointwise`, tensors for them, and what must come out."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from cnndsl.kernels.families import pointwise
from cnndsl.kernels.tails import RELU
from cnndsl.kernels.trials.arithmetic import (
    Tensors,
    tailed,
)
from cnndsl.kernels.trials.laying import Both, Laying

WHOLE, VECTOR = pointwise.Source("fp16", 35 * 24, 24, 1), pointwise.Source("fp32", 0, 0, 1)
EXAMPLES: Mapping[str, pointwise.Problem] = {
    "": pointwise.Problem("fp16", 2, 35, 24, 32, (WHOLE, WHOLE), ("x + x1", RELU)),
    "affine": pointwise.Problem("fp16", 2, 35, 24, 24, (WHOLE, VECTOR, VECTOR), ("x * x1 + x2",)),
    "gate": pointwise.Problem("fp16", 2, 35, 24, 24, (WHOLE, pointwise.Source("fp16", 24, 0, 1)), ("x * x1",)),
}


def lay(problem: pointwise.Problem, laying: Laying) -> Both:
    inputs = {}
    for name, source in zip(pointwise.ARGUMENTS, problem.sources, strict=False):
        steps = (source.batch_step, source.pixel_step, source.channel_step)
        extent = (problem.batch, problem.pixels, problem.channels)
        shape = tuple(n if step else 1 for n, step in zip(extent, steps, strict=True))
        inputs[name] = laying.random(laying.strided(shape, steps, source.dtype))
    y = laying.pixels((problem.batch, problem.pixels, 1, problem.channels), problem.y_leading, problem.dtype)
    return inputs, {"y": y}


def expected(problem: pointwise.Problem, tensors: Tensors) -> dict[str, Tensor]:
    values = {name: tensors[name] for name in pointwise.ARGUMENTS[: len(problem.sources)]}
    shape = (problem.batch, problem.pixels, problem.channels)
    whole = {name: value.expand(shape) for name, value in values.items()}
    absent = {name: whole["x"] for name in pointwise.ARGUMENTS if name not in whole}
    return {"y": tailed(problem.tail, **whole, **absent).unsqueeze(2)}
