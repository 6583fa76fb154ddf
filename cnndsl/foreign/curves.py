"""Activations known by their values, however they are spelled: `x * relu6(x + 3) / 6` is `hardswish`.

A function of one number is its values at some numbers; those decide between all activations of the language.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from cnndsl.foreign.functions import applied, plain_functions
from cnndsl.ops.activation import Elu, Hardsigmoid, LeakyRelu, Relu6, Silu, Softplus
from cnndsl.ops.base import Op
from cnndsl.ops.scale import Scale

if TYPE_CHECKING:
    from torch import Tensor

TOLERANCE = 1e-9  # of values in float64, to the largest of them


@cache
def grid() -> Tensor:
    """The numbers at which functions are compared: 0, 1 and -1 among them, and some far out."""
    import torch

    near = torch.linspace(-8, 8, 257, dtype=torch.float64)
    return torch.cat([near, torch.tensor([-60.0, -25.5, -9.3, 9.3, 25.5, 60.0], dtype=torch.float64)])


def recognized(points: Tensor) -> tuple[Op, ...] | None:
    """The layers that make these values of `grid()`: an activation, a number to multiply by, or both."""
    if not bool(points.isfinite().all()):
        return None
    if same(points, grid()):
        return ()
    for op in plain_functions():
        if same(points, values(op)):
            return (op,)
    return next((ops for ops in _with_numbers(points) if same(points, chained(ops))), None)


def affine(points: Tensor) -> tuple[float, float] | None:
    """Factor and summand of a straight line."""
    summand, factor = at(points, 0.0), at(points, 1.0) - at(points, 0.0)
    return (factor, summand) if same(points, grid() * factor + summand) else None


def _with_numbers(points: Tensor) -> Iterator[tuple[Op, ...]]:
    """Layers with arguments that could be these values."""
    one, minus, zero = at(points, 1.0), at(points, -1.0), at(points, 0.0)
    yield (Scale(_short(one)),)
    yield (LeakyRelu(_short(-minus)),)
    yield (Elu(_short(minus / math.expm1(-1))),)
    if zero > 0:
        yield (Softplus(_short(math.log(2) / zero)),)
    for op in plain_functions():
        factor = _short(one / at(values(op), 1.0))
        if factor:
            yield (op, Scale(factor))
        yield Scale(-1.0), op
    yield from _stretched(points)


def _stretched(points: Tensor) -> Iterator[tuple[Op, ...]]:
    """A step from 0 to a height, or a swish, of what is stretched first: `x * sigmoid(1.702 * x)`."""
    slope = (at(points, 1 / 16) - at(points, -1 / 16)) * 8
    top = at(points, 60.0)
    if top and slope:
        yield Scale(_short(slope / top * 6)), Hardsigmoid(), *_scales(top)
        yield Scale(_short(slope / top * 6)), Relu6(), *_scales(top / 6)
        yield Scale(_short(6 / top)), Relu6(), *_scales(top / 6)
    one = at(points, 1.0)
    if 0 < one < 1 and one != 0.5:
        factor = math.log(one / (1 - one))
        yield Scale(_short(factor)), Silu(), *_scales(1 / factor)


def _scales(factor: float) -> tuple[Op, ...]:
    return () if abs(factor - 1) < TOLERANCE else (Scale(_short(factor)),)


def _short(number: float) -> float:
    """The number that was meant, without the rounding of what it was computed from."""
    shorter = (float(f"{number:.{digits}g}") for digits in range(1, 12))
    return next((each for each in shorter if same_number(each, number)), number)


def same_number(one: float, other: float) -> bool:
    return abs(one - other) <= 1e-12 * abs(other)


def at(points: Tensor, number: float) -> float:
    """The value at one of the numbers of the grid."""
    return float(points[(grid() - number).abs().argmin()])


@cache
def values(op: Op) -> Tensor:
    return chained((op,))


def chained(ops: tuple[Op, ...]) -> Tensor:
    """The values of layers one after the other."""
    x = grid()
    for op in ops:
        x = applied(op, x)
    return x


def same(one: Tensor, other: Tensor) -> bool:
    """Whether these are the same numbers; what holds or not is none."""
    scale = max(1.0, float(other.abs().max()))
    return (one.shape, one.dtype) == (other.shape, other.dtype) and float(
        (one - other).abs().max()
    ) <= TOLERANCE * scale
