"""The functions of `libdevice` that tails use, for Triton's interpreter, which cannot call the device's library."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def expm1(x):
    """exp(x) - 1, by its series where the subtraction would cancel."""
    return tl.where(tl.abs(x) < 0.01, x * (1.0 + x * (0.5 + x * (1.0 / 6.0))), tl.exp(x) - 1.0)


@triton.jit
def tanh(x):
    """Hyperbolic tangent, of |x| so that the exponential cannot overflow."""
    decay = expm1(-2.0 * tl.abs(x))
    return tl.where(x < 0.0, decay, -decay) / (2.0 + decay)


@triton.jit
def log1p(x):
    """log(1 + x), by its series where the addition would lose x."""
    return tl.where(tl.abs(x) < 0.01, x * (1.0 - x * (0.5 - x * (1.0 / 3.0))), tl.log(1.0 + x))
