"""The template of a convolution as a matrix product, as `families.conv_gemm` describes."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from cnndsl.kernels.families.conv_gemm import (
    Config,
    Problem,
    Second,
    sums,
    tiles,
)
from cnndsl.kernels.precision import SIZES, Dtype
from cnndsl.kernels.specialization import DTYPES, Specialization, leading
from cnndsl.kernels.templates.early import lines, wait_with_weights
from cnndsl.kernels.templates.tails import tail
from cnndsl.kernels.templates.tiles import store_tile, tile_position
from cnndsl.kernels.work import Products
from cnndsl.ops.images import Pair, Sides


@triton.jit
def conv_gemm_kernel(
    x, w, scales, bias, residual, x2, w2, y, y2, partial, counters,
    BATCH: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr, CHANNELS: tl.constexpr,
    OUT_HEIGHT: tl.constexpr, OUT_WIDTH: tl.constexpr, FILTERS: tl.constexpr,
    KERNEL_H: tl.constexpr, KERNEL_W: tl.constexpr, STRIDE_H: tl.constexpr, STRIDE_W: tl.constexpr,
    TOP: tl.constexpr, LEFT: tl.constexpr, DILATION_H: tl.constexpr, DILATION_W: tl.constexpr, PADDED: tl.constexpr,
    X_LEADING: tl.constexpr, Y_LEADING: tl.constexpr, Y2_LEADING: tl.constexpr, SPLIT_AT: tl.constexpr,
    RESIDUAL_LEADING: tl.constexpr,
    HEIGHT2: tl.constexpr, WIDTH2: tl.constexpr, CHANNELS2: tl.constexpr, STRIDE2_H: tl.constexpr,
    STRIDE2_W: tl.constexpr, X2_LEADING: tl.constexpr,
    TAIL: tl.constexpr, PRECISION: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GROUP: tl.constexpr, SPLITS: tl.constexpr,
    FLAT: tl.constexpr, BUNDLES: tl.constexpr, CENTRED: tl.constexpr, POOL_H: tl.constexpr, POOL_W: tl.constexpr,
    LINES: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    wait_with_weights(w, BUNDLES * FILTERS * KERNEL_H * KERNEL_W * CHANNELS, LINES, EARLY)
    STORED_H: tl.constexpr = OUT_HEIGHT // POOL_H
    STORED_W: tl.constexpr = OUT_WIDTH // POOL_W
    WINDOW: tl.constexpr = POOL_H * POOL_W
    M: tl.constexpr = BATCH * STORED_H * STORED_W * WINDOW  # the pixels of a window are neighbours
    TAPS: tl.constexpr = KERNEL_H * KERNEL_W
    K: tl.constexpr = TAPS * CHANNELS
    BLOCKS: tl.constexpr = (CHANNELS + BLOCK_K - 1) // BLOCK_K  # of channels, for each tap
    STEPS: tl.constexpr = (K + BLOCK_K - 1) // BLOCK_K if FLAT else TAPS * BLOCKS
    SHARE: tl.constexpr = (STEPS + SPLITS - 1) // SPLITS

    row, column = tile_position((M + BLOCK_M - 1) // BLOCK_M, (FILTERS + BLOCK_N - 1) // BLOCK_N, GROUP)
    offsets_m = row * BLOCK_M + tl.arange(0, BLOCK_M)
    offsets_n = column * BLOCK_N + tl.arange(0, BLOCK_N)
    # Rows and columns beyond the end repeat the last one: they read valid memory and are not stored.
    m = tl.minimum(offsets_m, M - 1)
    n = tl.minimum(offsets_n, FILTERS - 1)
    window = m // WINDOW
    image = window // (STORED_H * STORED_W)
    out_row = window // STORED_W % STORED_H * POOL_H + m % WINDOW // POOL_W
    out_column = window % STORED_W * POOL_W + m % POOL_W
    top = out_row * STRIDE_H - TOP
    left = out_column * STRIDE_W - LEFT
    corner = (image * HEIGHT + top) * WIDTH + left

    SUMS: tl.constexpr = tl.int32 if x.dtype.element_ty == tl.int8 else tl.float32
    nothing = tl.zeros((), x.dtype.element_ty)
    tile = tl.zeros((BLOCK_M, BLOCK_N), SUMS)
    split = tl.program_id(1)
    if BUNDLES > 1:  # groups of channels that know nothing of each other
        bundle = tl.program_id(2)
        x += bundle * CHANNELS
        w += bundle * (FILTERS * K)
        y += bundle * FILTERS
        if bias is not None:
            bias += bundle * FILTERS
        if residual is not None:
            residual += bundle * FILTERS
    start = split * SHARE
    stop = tl.minimum(start + SHARE, STEPS)
    if CENTRED and not FLAT:  # a column of 1x1 filters has zeros for all taps but the one at the centre
        alone = column * BLOCK_N + BLOCK_N <= CENTRED
        start = tl.where(alone, tl.maximum(start, TAPS // 2 * BLOCKS), start)
        stop = tl.where(alone, tl.minimum(stop, (TAPS // 2 + 1) * BLOCKS), stop)
    for step in range(start, stop):
        if FLAT:  # taps and channels as one axis: few channels
            k = step * BLOCK_K + tl.arange(0, BLOCK_K)
            tap = k // CHANNELS
            down = tap // KERNEL_W * DILATION_H
            right = tap % KERNEL_W * DILATION_W
            inside = (k < K)[None, :]
            if PADDED:
                at_row = top[:, None] + down[None, :]
                at_column = left[:, None] + right[None, :]
                inside = inside & (at_row >= 0) & (at_row < HEIGHT) & (at_column >= 0) & (at_column < WIDTH)
            shift = (down * WIDTH + right) * X_LEADING + k % CHANNELS
            a = tl.load(x + (corner * X_LEADING)[:, None] + shift[None, :], mask=inside, other=nothing)
            b = tl.load(w + n[None, :] * K + k[:, None], mask=(k < K)[:, None], other=nothing)
        else:  # a block of channels of one tap
            tap = step // BLOCKS
            c = step % BLOCKS * BLOCK_K + tl.arange(0, BLOCK_K)
            down = tap // KERNEL_W * DILATION_H
            right = tap % KERNEL_W * DILATION_W
            from_x = x + ((corner + down * WIDTH + right) * X_LEADING)[:, None] + c[None, :]
            from_w = w + n[None, :] * K + (tap * CHANNELS + c)[:, None]
            inside = tl.full((BLOCK_M,), True, tl.int1)
            if PADDED:
                at_row = top + down
                at_column = left + right
                inside = (at_row >= 0) & (at_row < HEIGHT) & (at_column >= 0) & (at_column < WIDTH)
            if CHANNELS % BLOCK_K:
                a = tl.load(from_x, mask=inside[:, None] & (c < CHANNELS)[None, :], other=nothing)
                b = tl.load(from_w, mask=(c < CHANNELS)[:, None], other=nothing)
            elif PADDED:
                a = tl.load(from_x, mask=inside[:, None], other=nothing)
                b = tl.load(from_w)
            else:
                a = tl.load(from_x)
                b = tl.load(from_w)
        tile = tl.dot(a, b, tile, input_precision=PRECISION, out_dtype=SUMS)

    if CHANNELS2:  # a 1x1 convolution of another tensor, added to the first: the projection shortcut
        pixel = (image * HEIGHT2 + out_row * STRIDE2_H) * WIDTH2 + out_column * STRIDE2_W
        for step in range((CHANNELS2 + BLOCK_K - 1) // BLOCK_K):
            c = step * BLOCK_K + tl.arange(0, BLOCK_K)
            a = tl.load(x2 + (pixel * X2_LEADING)[:, None] + c[None, :], mask=(c < CHANNELS2)[None, :], other=nothing)
            b = tl.load(w2 + n[None, :] * CHANNELS2 + c[:, None], mask=(c < CHANNELS2)[:, None], other=nothing)
            tile = tl.dot(a, b, tile, input_precision=PRECISION, out_dtype=SUMS)

    tile = tile.to(tl.float32)
    if SPLITS > 1:
        # The block that is the last of its tile adds all parts, always in the same order, and finishes it.
        inside = (offsets_m < M)[:, None] & (offsets_n < FILTERS)[None, :]
        own = partial + offsets_m[:, None] * FILTERS + offsets_n[None, :]
        tl.store(own + split * (M * FILTERS), tile, mask=inside)
        tl.debug_barrier()  # all threads have written before one of them says so
        counter = counters + tl.program_id(0)
        if tl.atomic_add(counter, 1, sem="acq_rel", scope="gpu") == SPLITS - 1:
            tl.debug_barrier()
            tile = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
            for part in range(SPLITS):  # past the L1 cache, which knows nothing of other multiprocessors' writes
                tile += tl.load(own + part * (M * FILTERS), mask=inside, other=0.0, cache_modifier=".cg")
            store_tile(
                tile, offsets_m, offsets_n, bias, residual, y, y2,
                M, FILTERS, Y_LEADING, Y2_LEADING, SPLIT_AT, RESIDUAL_LEADING, TAIL, WINDOW, scales,
            )  # fmt: skip
            tl.store(counter, 0)
    else:
        store_tile(
            tile, offsets_m, offsets_n, bias, residual, y, y2,
            M, FILTERS, Y_LEADING, Y2_LEADING, SPLIT_AT, RESIDUAL_LEADING, TAIL, WINDOW, scales,
        )  # fmt: skip


# Bytes of K in a step from which shared memory limits the blocks on a multiprocessor, not registers.
DEEP_STEP = 256
REGISTERS = 128  # of a thread then


def specialize(problem: Problem, config: Config) -> Specialization:
    """The kernel of a convolution.

    With `config.splits` above 1 it takes memory for `partial`, float32 of splits x pixels x filters, and `counters`,
    an int32 for each tile, which are 0 before and after.
    """
    if config.splits > 1 and (problem.second is not None or problem.bundles > 1):
        raise ValueError("a convolution of two sources or in bundles cannot be split")
    extra = problem.second or Second(1, 1, 0, 0)
    grid = (tiles(problem, config), config.splits, problem.bundles)
    constants = {
        "BATCH": problem.batch,
        "HEIGHT": problem.height,
        "WIDTH": problem.width,
        "CHANNELS": problem.channels,
        "OUT_HEIGHT": problem.out[0],
        "OUT_WIDTH": problem.out[1],
        "KERNEL_H": problem.kernel[0],
        "KERNEL_W": problem.kernel[1],
        "STRIDE_H": problem.stride[0],
        "STRIDE_W": problem.stride[1],
        "TOP": problem.sides[0],
        "LEFT": problem.sides[2],
        "DILATION_H": problem.dilation[0],
        "DILATION_W": problem.dilation[1],
        "PADDED": any(problem.sides),
        "X_LEADING": problem.x_leading,
        **extra.constants,
        "PRECISION": problem.precision,
        "BLOCK_M": config.block_m,
        "BLOCK_N": config.block_n,
        "BLOCK_K": config.block_k,
        "GROUP": config.group,
        "SPLITS": config.splits,
        "FLAT": problem.channels < config.block_k and problem.kernel != (1, 1),
        "BUNDLES": problem.bundles,
        "CENTRED": problem.centred,
        "POOL_H": problem.pool[0],
        "POOL_W": problem.pool[1],
        "FILTERS": problem.filters,
        "Y_LEADING": problem.y_leading,
        "Y2_LEADING": problem.y2_leading,
        "SPLIT_AT": problem.split_at,
        "RESIDUAL_LEADING": problem.residual_leading or 0,
        "TAIL": tail(problem.tail),
        "LINES": lines(problem.bundles * problem.filters * problem.depth, problem.dtype, grid),
    }
    split = config.splits > 1
    pointers = {
        "x": problem.dtype,
        "w": problem.dtype,
        "scales": "fp32" if problem.scaled else None,
        "bias": "fp32" if problem.bias else None,
        "residual": None if problem.residual_leading is None else problem.type_of("residual"),
        "x2": problem.dtype if problem.second else None,
        "w2": problem.dtype if problem.second else None,
        "y": problem.type_of("y"),
        "y2": problem.type_of("y2") if problem.split_at else None,
        "partial": "fp32" if split else None,
        "counters": "i32" if split else None,
    }
    registers = REGISTERS if config.block_k * SIZES[problem.dtype] >= DEEP_STEP else None
    return Specialization(conv_gemm_kernel, pointers, constants, grid, config.warps, config.stages, registers=registers)


def conv_gemm(
    problem: Problem,
    config: Config,
    x: torch.Tensor,
    w: torch.Tensor,
    y: torch.Tensor,
    bias: torch.Tensor | None = None,
    residual: torch.Tensor | None = None,
    *,
    y2: torch.Tensor | None = None,
    x2: torch.Tensor | None = None,
    w2: torch.Tensor | None = None,
    scales: torch.Tensor | None = None,
) -> None:
    """Launch it on N H W C views, with weights O H W I of the same type, scales and a bias in float32."""
    parts = {"scales": scales}
    if config.splits > 1:
        elements, counters = sums(problem, config)
        parts["partial"] = x.new_empty(elements, dtype=torch.float32)
        parts["counters"] = x.new_zeros(counters, dtype=torch.int32)
    specialize(problem, config).launch(x=x, w=w, bias=bias, residual=residual, x2=x2, w2=w2, y=y, y2=y2, **parts)


def describe(
    x: torch.Tensor,
    w: torch.Tensor,
    y: torch.Tensor,
    bias: torch.Tensor | None = None,
    residual: torch.Tensor | None = None,
    *,
    y2: torch.Tensor | None = None,
    second: Second | None = None,
    stride: Pair = (1, 1),
    sides: Sides = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    tail: tuple[str, ...] = (),
    precision: Products = "tf32",
) -> Problem:
    """The problem that these tensors pose; ValueError if they are not what kernels can address."""
    batch, height, width, channels = x.shape
    return Problem(
        DTYPES[x.dtype],
        batch,
        height,
        width,
        channels,
        w.shape[0],
        leading(x),
        leading(y),
        (w.shape[1], w.shape[2]),
        stride,
        sides,
        dilation,
        bias is not None,
        tail,
        None if residual is None else leading(residual),
        y.shape[3] if y2 is not None else 0,
        0 if y2 is None else leading(y2),
        second,
        precision,
        y_dtype=_other(y, x),
        y2_dtype=_other(y2, x),
        residual_dtype=_other(residual, x),
    )


def _other(tensor: torch.Tensor | None, x: torch.Tensor) -> Dtype | None:
    """The type of a tensor, if there is one and it is another than that of `x`."""
    return None if tensor is None or tensor.dtype == x.dtype else DTYPES[tensor.dtype]
