"""What kernels share that compute tiles of a matrix, output pixels by filters: their order, and how one is stored."""

from __future__ import annotations

import triton
import triton.language as tl

from cnndsl.kernels.templates.eight_bits import stored


@triton.jit
def tile_position(TILES_M: tl.constexpr, TILES_N: tl.constexpr, GROUP: tl.constexpr):
    """(row, column) of this program's tile: GROUP rows at a time, so that both operands stay in the L2 cache."""
    program = tl.program_id(0)
    first = program // (GROUP * TILES_N) * GROUP
    rows = tl.minimum(TILES_M - first, GROUP)
    inner = program % (GROUP * TILES_N)
    return first + inner % rows, inner // rows


@triton.jit
def larger(a, b):
    return tl.maximum(a, b, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def store_tile(
    tile, m, n, bias, residual, y, y2,
    M: tl.constexpr, FILTERS: tl.constexpr,
    Y_LEADING: tl.constexpr, Y2_LEADING: tl.constexpr, SPLIT_AT: tl.constexpr, RESIDUAL_LEADING: tl.constexpr,
    TAIL: tl.constexpr, WINDOW: tl.constexpr = 1, scales=None,
):  # fmt: skip
    """Add the bias, apply the tail and store pixels `m` by filters `n`; filters from SPLIT_AT on go to `y2`.

    Of so many neighbours, a WINDOW, the maximum is stored as one pixel. `scales` are there where something has 8 bits:
    by filter, what the sum is multiplied by, then the residual, then the result.
    """
    inside = (m < M)[:, None] & (n < FILTERS)[None, :]
    if scales is not None:
        tile *= tl.load(scales + n, mask=n < FILTERS, other=0.0)[None, :]
    if bias is not None:
        tile += tl.load(bias + n, mask=n < FILTERS, other=0.0)[None, :]
    other = tile
    if residual is not None:
        other = tl.load(residual + m[:, None] * RESIDUAL_LEADING + n[None, :], mask=inside, other=0.0).to(tl.float32)
        if scales is not None:
            other *= tl.load(scales + FILTERS + n, mask=n < FILTERS, other=0.0)[None, :]
    result = TAIL(tile, other)
    if scales is not None:
        result *= tl.load(scales + 2 * FILTERS + n, mask=n < FILTERS, other=0.0)[None, :]
    if WINDOW > 1:
        windows: tl.constexpr = m.shape[0] // WINDOW
        result = tl.reduce(tl.reshape(result, (windows, WINDOW, n.shape[0])), 1, larger)
        m = tl.min(tl.reshape(m, (windows, WINDOW)), 1) // WINDOW
        inside = (m < M // WINDOW)[:, None] & (n < FILTERS)[None, :]
    to_y = y + m[:, None] * Y_LEADING + n[None, :]
    if y2 is None:
        tl.store(to_y, stored(result, y.dtype.element_ty), mask=inside)
    else:
        to_y2 = y2 + m[:, None] * Y2_LEADING + (n - SPLIT_AT)[None, :]
        tl.store(to_y, stored(result, y.dtype.element_ty), mask=inside & (n < SPLIT_AT)[None, :])
        tl.store(to_y2, stored(result, y2.dtype.element_ty), mask=inside & (n >= SPLIT_AT)[None, :])
