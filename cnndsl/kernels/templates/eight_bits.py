"""How kernels round what they store: to the nearest value of the type, ties to even, and 8 bits saturate."""

from __future__ import annotations

import triton
import triton.language as tl

from cnndsl.kernels.templates import interpreted

INTERPRETED = tl.constexpr(triton.knobs.runtime.interpret)


@triton.jit
def stored(value, TYPE: tl.constexpr):
    """A value of float32 as it is stored."""
    if tl.int8 == TYPE:
        # Added to 1.5 * 2**23, a number has its units in the last bit of float32: its low 8 bits are the rounded one.
        shifted = tl.minimum(tl.maximum(value, -127.0), 127.0) + 12582912.0
        result = shifted.to(tl.int32, bitcast=True).to(tl.int8)
    elif tl.float8e4nv == TYPE:
        near = tl.minimum(tl.maximum(value, -448.0), 448.0)
        if INTERPRETED:  # whose own conversion loses what a mantissa carries
            near = interpreted.e4m3(near)
        result = near.to(tl.float8e4nv)
    else:
        result = value.to(TYPE)
    return result
