"""Functions for Triton's interpreter: those of `libdevice` that tails use, as it cannot call the device's library, and
a rounding that it does otherwise than a GPU.
"""

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


@triton.jit
def e4m3(x):
    """The nearest value with 3 bits of mantissa, ties to even; below 2**-6 they are 2**-9 apart."""
    bits = x.to(tl.int32, bitcast=True)
    normal = (bits + 0x7FFFF + ((bits >> 20) & 1)) & -0x100000
    subnormal = (x + 24576.0) - 24576.0  # 1.5 * 2**14, whose last bit is 2**-9
    return tl.where(tl.abs(x) < 0.015625, subnormal, normal.to(tl.float32, bitcast=True))
