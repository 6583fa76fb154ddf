"""The template of a classifier of few images: see `cnndsl.kernels.families.head`."""

from __future__ import annotations

import triton
import triton.language as tl

from cnndsl.kernels.families.head import PIXELS, Config, Problem, parts
from cnndsl.kernels.specialization import Specialization
from cnndsl.kernels.templates.early import lines, wait_with_weights
from cnndsl.kernels.templates.tails import tail
from cnndsl.kernels.work import ceil_div, power_of_two


@triton.jit
def head_kernel(
    x, scale, shift, w, bias, y, partial, counters,
    BATCH: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, FILTERS: tl.constexpr,
    X_LEADING: tl.constexpr, Y_LEADING: tl.constexpr, PROLOGUE: tl.constexpr, TAIL: tl.constexpr,
    PARTS: tl.constexpr, BLOCK_PARTS: tl.constexpr,
    BLOCK_P: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
    LINES: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    wait_with_weights(w, FILTERS * CHANNELS, LINES, EARLY)
    part = tl.program_id(1)
    n = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    c = part * BLOCK_K + tl.arange(0, BLOCK_K)
    present = c < CHANNELS
    mask = (n < FILTERS)[:, None] & present[None, :]
    weights = tl.load(w + n[:, None] * CHANNELS + c[None, :], mask=mask, other=0.0).to(tl.float32)
    for image in range(BATCH):
        total = tl.zeros((BLOCK_K,), tl.float32)
        for start in range(0, PIXELS, BLOCK_P):
            pixel = start + tl.arange(0, BLOCK_P)
            inside = (pixel < PIXELS)[:, None] & present[None, :]
            at = (image * PIXELS + pixel) * X_LEADING
            value = tl.load(x + at[:, None] + c[None, :], mask=inside, other=0.0).to(tl.float32)
            if scale is not None:
                value = value * tl.load(scale + c, mask=present, other=0.0)[None, :]
                value += tl.load(shift + c, mask=present, other=0.0)[None, :]
            total += tl.sum(tl.where(inside, PROLOGUE(value, value), 0.0), axis=0)
        result = tl.sum(weights * (total / PIXELS)[None, :], axis=1)
        tl.store(partial + (part * BATCH + image) * FILTERS + n, result, mask=n < FILTERS)

    # The block that is the last of its filters adds all parts, always in the same order, and finishes them.
    tl.debug_barrier()  # all threads have written before one of them says so
    counter = counters + tl.program_id(0)
    if tl.atomic_add(counter, 1, sem="acq_rel", scope="gpu") == PARTS - 1:
        tl.debug_barrier()
        every = tl.arange(0, BLOCK_PARTS)
        for image in range(BATCH):  # past the L1 cache, which knows nothing of other multiprocessors' writes
            at = (every * BATCH + image) * FILTERS
            made = (every < PARTS)[:, None] & (n < FILTERS)[None, :]
            found = tl.load(partial + at[:, None] + n[None, :], mask=made, other=0.0, cache_modifier=".cg")
            whole = tl.sum(found, axis=0)
            if bias is not None:
                whole += tl.load(bias + n, mask=n < FILTERS, other=0.0)
            tl.store(y + image * Y_LEADING + n, TAIL(whole, whole).to(y.dtype.element_ty), mask=n < FILTERS)
        tl.store(counter, 0)


def specialize(problem: Problem, config: Config) -> Specialization:
    """It takes memory for `partial`, float32, and `counters`, which are 0 before and after: `sums` says how much."""
    count = parts(problem, config)
    grid = (ceil_div(problem.filters, config.block_n), count, 1)
    constants = {
        "BATCH": problem.batch,
        "PIXELS": problem.pixels,
        "CHANNELS": problem.channels,
        "FILTERS": problem.filters,
        "X_LEADING": problem.x_leading,
        "Y_LEADING": problem.y_leading,
        "PROLOGUE": tail(problem.prologue),
        "TAIL": tail(problem.tail),
        "PARTS": count,
        "BLOCK_PARTS": power_of_two(count),
        "BLOCK_P": min(PIXELS, power_of_two(problem.pixels)),
        "BLOCK_N": config.block_n,
        "BLOCK_K": config.block_k,
        "LINES": lines(problem.filters * problem.channels, problem.dtype, grid),
    }
    pointers = {
        "x": problem.dtype,
        "scale": "fp32" if problem.affine else None,
        "shift": "fp32" if problem.affine else None,
        "w": problem.dtype,
        "bias": "fp32" if problem.bias else None,
        "y": problem.dtype,
        "partial": "fp32",
        "counters": "i32",
    }
    return Specialization(head_kernel, pointers, constants, grid, config.warps, 1)
