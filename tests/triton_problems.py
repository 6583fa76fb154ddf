"""Small problems of every kernel, for tests that hold for all of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cnndsl.kernels.families import across, chain, conv1x1_pre, conv_gemm, move, pack, pointwise, pool
from cnndsl.ops.activation import Softmax
from cnndsl.ops.normalization import Lrn

RELU = "tl.where(x < 0.0, 0.0, x)"
ONE = (1, 1, 1, 1)
GEMM = conv_gemm.Problem("fp16", 2, 7, 5, 24, 40, 32, 48, (3, 3), sides=ONE, tail=(RELU,))
FIRST = conv_gemm.Problem("fp16", 1, 6, 5, 16, 24, 16, 0, (3, 3), sides=ONE, tail=(RELU,))
WHOLE, VECTOR = pointwise.Source("fp16", 35 * 24, 24, 1), pointwise.Source("fp32", 0, 0, 1)
PROBLEMS: dict[str, tuple[str, Any]] = {
    "conv_gemm": ("conv_gemm", GEMM),
    "conv_gemm, residual": (
        "conv_gemm",
        conv_gemm.Problem(
            "fp16", 1, 9, 8, 16, 24, 16, 24, (2, 1), (2, 3), dilation=(2, 1), tail=("x + other",), residual_leading=32
        ),
    ),
    "conv_gemm, a product": (
        "conv_gemm",
        conv_gemm.Problem("fp16", 2, 5, 3, 24, 40, 32, 48, tail=("x + other", RELU), residual_leading=56),
    ),
    "conv_gemm, linear over a map": ("conv_gemm", conv_gemm.Problem("fp16", 3, 4, 3, 16, 24, 16, 32, (4, 3))),
    "conv_gemm, float32": ("conv_gemm", conv_gemm.Problem("fp32", 1, 5, 5, 20, 16, 20, 16, bias=False)),
    "conv_gemm, long sum": ("conv_gemm", conv_gemm.Problem("fp16", 1, 4, 4, 264, 16, 264, 16, tail=(RELU,))),
    "conv_gemm, two outputs": (
        "conv_gemm",
        conv_gemm.Problem("fp16", 1, 5, 4, 16, 40, 16, 32, split_at=24, y2_leading=16),
    ),
    "conv_gemm, two sources": (
        "conv_gemm",
        conv_gemm.Problem("fp16", 1, 5, 4, 16, 24, 16, 24, tail=(RELU,), second=conv_gemm.Second(9, 8, 40, 48, (2, 2))),
    ),
    "conv_gemm, bundles": (
        "conv_gemm",
        conv_gemm.Problem("fp16", 1, 5, 5, 32, 16, 64, 32, (3, 3), sides=ONE, bundles=2),
    ),
    "conv_gemm, expansions": (
        "conv_gemm",
        conv_gemm.Problem("fp16", 1, 6, 5, 64, 160, 64, 160, (3, 3), sides=ONE, tail=(RELU,), centred=130),
    ),
    "depthwise": (
        "depthwise",
        conv_gemm.Problem("fp16", 2, 7, 5, 20, 40, 24, 40, (3, 3), (2, 1), ONE, tail=(RELU,)),
    ),
    "conv1x1_pre": (
        "conv1x1_pre",
        conv1x1_pre.Problem("fp16", 1, 7, 6, 24, 40, (7, 6), 32, 40, prologue=(RELU,), tail=(RELU,)),
    ),
    "conv1x1_pre, mean": (
        "conv1x1_pre",
        conv1x1_pre.Problem("fp16", 1, 8, 6, 24, 16, (4, 3), 24, 16, True, (RELU,), (2, 2), (2, 2)),
    ),
    "conv1x1_pre, max": (
        "conv1x1_pre",
        conv1x1_pre.Problem("fp16", 1, 7, 6, 24, 16, (7, 6), 24, 16, False, (), (3, 3), (1, 1), ONE, True),
    ),
    "chain": ("chain", chain.Problem(FIRST, 32, 40, ("x + other", RELU), 32)),
    "chain of three": (
        "chain",
        chain.Problem(FIRST, 32, 40, (RELU,), last=16, last_tail=(RELU,), z_leading=24),
    ),
    "chain, fire": ("chain", chain.Problem(replace(FIRST, centred=16), 16, 16, (RELU,))),
    "pool": ("pool", pool.Problem("fp16", 2, 7, 6, 24, (4, 3), 32, 24, True, (3, 3), (2, 2), ONE)),
    "pool, mean of real pixels": (
        "pool",
        pool.Problem("fp16", 1, 7, 6, 24, (7, 6), 24, 24, False, (3, 3), (1, 1), ONE, count_padding=False),
    ),
    "pool, mean ceil": ("pool", pool.Problem("fp16", 1, 8, 7, 24, (4, 4), 24, 24, False, (3, 3), (2, 2), (0, 0, 0, 0))),
    "pool, global": ("pool", pool.Problem("fp16", 2, 5, 4, 24, (1, 1), 24, 24, False, adaptive=True)),
    "pool, adaptive": ("pool", pool.Problem("fp16", 1, 7, 5, 24, (3, 2), 24, 24, True, adaptive=True)),
    "pointwise": ("pointwise", pointwise.Problem("fp16", 2, 35, 24, 32, (WHOLE, WHOLE), ("x + x1", RELU))),
    "pointwise, affine": (
        "pointwise",
        pointwise.Problem("fp16", 2, 35, 24, 24, (WHOLE, VECTOR, VECTOR), ("x * x1 + x2",)),
    ),
    "pointwise, gate": (
        "pointwise",
        pointwise.Problem("fp16", 2, 35, 24, 24, (WHOLE, pointwise.Source("fp16", 24, 0, 1)), ("x * x1",)),
    ),
    "move": ("move", move.Problem("fp16", 1, 3, 4, 24, (6, 8), 24, 24, 32, scale=(2, 2))),
    "move, pad and shuffle": (
        "move",
        move.Problem("fp16", 2, 4, 3, 24, (7, 5), 24, 24, 24, corner=(2, 1), groups=3),
    ),
    "pack": ("pack", pack.Problem("fp16", "fp16", 2, 35, 20, 24, (20 * 35, 35, 1), (24 * 35, 1, 24))),
    "across, softmax": ("across", across.Problem("fp16", 7, 20, 24, 20, Softmax())),
    "across, lrn": ("across", across.Problem("fp16", 9, 20, 24, 24, Lrn(4, alpha=1.0))),
}
