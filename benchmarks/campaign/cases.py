"""Problems on which every configuration of every kernel is checked: small odd ones, and some of a usual size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cnndsl.kernels.families import chain, conv1x1_pre, conv_gemm, lrn, move, pack, pointwise, pool, softmax
from cnndsl.kernels.precision import LARGEST, Dtype
from cnndsl.ops.normalization import Lrn

RELU = "tl.where(x < 0.0, 0.0, x)"
ONE, THREE = (1, 1, 1, 1), (3, 3, 3, 3)
Case = tuple[str, str, Any]  # name, kernel, problem


def small(dtype: Dtype) -> Iterator[Case]:
    """Odd sizes, strides, dilation, groups, slices, batch 1 and 3; in 8 bits what knows these."""
    yield from ((name, "conv_gemm", problem) for name, problem in _gemms(dtype).items())
    yield from ((name, "pool", problem) for name, problem in _pools(dtype).items())
    if dtype not in LARGEST:
        yield from _convolutions(dtype)
        yield from _simple(dtype)


def _gemms(dtype: Dtype) -> dict[str, conv_gemm.Problem]:
    conv = conv_gemm.Problem
    found = {
        "1x1": conv(dtype, 3, 7, 9, 32, 48, 32, 48),
        "1x1 stride 2": conv(dtype, 1, 9, 11, 16, 24, 16, 24, (1, 1), (2, 2)),
        "3x3 odd, in slices": conv(dtype, 3, 13, 11, 24, 40, 48, 64, (3, 3), sides=ONE, tail=(RELU,)),
        "3x3 stride 3": conv(dtype, 1, 15, 14, 32, 16, 32, 16, (3, 3), (3, 3), ONE),
        "3x3 dilated": conv(dtype, 1, 12, 10, 64, 8, 64, 8, (3, 3), (1, 1), (2, 2, 2, 2), (2, 2)),
        "1x7": conv(dtype, 1, 9, 9, 24, 16, 24, 16, (1, 7), sides=(0, 0, 3, 3)),
        "stem 7x7": conv(dtype, 1, 33, 35, 8, 64, 8, 64, (7, 7), (2, 2), THREE, tail=(RELU,)),
        "stem 11x11 of 4 channels": conv(dtype, 1, 35, 35, 4, 16, 4, 16, (11, 11), (4, 4), (2, 2, 2, 2)),
        "13 channels": conv(dtype, 1, 7, 7, 13, 21, 16, 24, (3, 3), sides=ONE),
        "kernel larger than the map": conv(dtype, 1, 2, 3, 8, 8, 8, 8, (5, 5), sides=(2, 2, 2, 2)),
        "linear, long sum": conv(dtype, 3, 1, 1, 1032, 50, 1032, 56, tail=(RELU,)),
        "linear over a map": conv(dtype, 3, 6, 6, 72, 40, 72, 40, (6, 6)),
        "residual": conv(dtype, 3, 7, 7, 16, 24, 16, 24, tail=("x + other", RELU), residual_leading=32),
        "no bias": conv(dtype, 1, 7, 7, 16, 16, 16, 16, bias=False),
        "two outputs": conv(dtype, 3, 5, 5, 16, 40, 16, 32, split_at=24, y2_leading=16, tail=(RELU,)),
        "two sources": conv(
            dtype, 3, 5, 4, 16, 24, 16, 24, tail=(RELU,), second=conv_gemm.Second(9, 8, 40, 48, (2, 2))
        ),
        "expansions": conv(dtype, 3, 7, 5, 64, 160, 64, 160, (3, 3), sides=ONE, tail=(RELU,), centred=130),
    }
    if dtype in LARGEST:
        residual = found["residual"]
        found["to half precision"] = replace(residual, y_dtype="fp16")
        found["of half precision"] = replace(residual, dtype="fp16", y_dtype=dtype, residual_dtype=dtype)
        found["one of two outputs"] = replace(found["two outputs"], y2_dtype="fp16")
    else:
        found["bundles"] = conv(dtype, 1, 7, 5, 32, 32, 128, 128, (3, 3), sides=ONE, tail=(RELU,), bundles=4)
    return found


def _convolutions(dtype: Dtype) -> Iterator[Case]:
    conv = conv_gemm.Problem
    depthwise = conv(dtype, 3, 9, 7, 20, 40, 24, 40, (3, 3), (2, 1), ONE, tail=(RELU,))
    yield "depthwise", "depthwise", depthwise
    pre = conv1x1_pre.Problem(dtype, 3, 7, 9, 40, 24, (7, 9), 64, 32, prologue=(RELU,), tail=(RELU,))
    yield "batch norm, relu, 1x1", "conv1x1_pre", pre
    mean = replace(pre, height=8, width=10, out=(4, 5), kernel=(2, 2), stride=(2, 2))
    yield "mean 2x2, 1x1", "conv1x1_pre", mean
    yield "max 3x3, 1x1", "conv1x1_pre", replace(pre, affine=False, prologue=(), kernel=(3, 3), sides=ONE, maximum=True)
    yield "13 channels, 1x1", "conv1x1_pre", replace(pre, channels=13, x_leading=16)
    first = conv(dtype, 3, 7, 5, 16, 24, 16, 0, (3, 3), sides=ONE, tail=(RELU,))
    yield "3x3, 1x1", "chain", chain.Problem(first, 48, 64, ("x + other", RELU), 48)
    yield "3x3, 1x1, 1x1", "chain", chain.Problem(first, 48, 48, (RELU,), last=24, last_tail=(RELU,), z_leading=32)
    yield "expand, squeeze", "chain", chain.Problem(replace(first, filters=88, centred=64), 16, 16, (RELU,))


def _pools(dtype: Dtype) -> dict[str, pool.Problem]:
    shape = (dtype, 3, 13, 9, 40)
    return {
        "max 3x3 / 2": pool.Problem(*shape, (7, 5), 48, 64, True, (3, 3), (2, 2), ONE),
        "mean 3x3": pool.Problem(*shape, (13, 9), 40, 40, False, (3, 3), (1, 1), ONE, count_padding=False),
        "global mean": pool.Problem(*shape, (1, 1), 40, 40, False, adaptive=True),
        "adaptive max": pool.Problem(*shape, (6, 4), 40, 40, True, adaptive=True),
    }


def _simple(dtype: Dtype) -> Iterator[Case]:
    shape = (dtype, 3, 13, 9, 40)
    whole = pointwise.Source(dtype, 117 * 40, 40, 1)
    vector, gate = pointwise.Source("fp32", 0, 0, 1), pointwise.Source(dtype, 40, 0, 1)
    pixels = (dtype, 3, 117, 40)
    yield "add, relu", "pointwise", pointwise.Problem(*pixels, 64, (whole, whole), ("x + x1", RELU))
    yield "affine", "pointwise", pointwise.Problem(*pixels, 40, (whole, vector, vector), ("x * x1 + x2",))
    yield "gate", "pointwise", pointwise.Problem(*pixels, 40, (whole, gate), ("x * x1",))
    yield "copy into a slice", "pointwise", pointwise.Problem(*pixels, 72, (whole,))
    yield "upsample", "move", move.Problem(*shape, (26, 18), 40, 40, 40, scale=(2, 2))
    yield "pad, shuffle", "move", move.Problem(*shape, (16, 11), 40, 40, 40, corner=(2, 1), groups=4)
    planes = pack.Problem("fp32", dtype, 3, 117, 3, 8, (351, 117, 1), (936, 1, 8))
    yield "planes to pixels", "pack", planes
    yield "planes to blocks", "pack", pack.Problem("fp32", dtype, 3, 117, 3, 16, (1404, 468, 1), (1872, 1, 16), 2, 9)
    yield "pixels to planes", "pack", pack.Problem(dtype, "fp32", 3, 117, 40, 40, (4680, 1, 40), (4680, 117, 1))
    yield "softmax", "softmax", softmax.Problem(dtype, 351, 40, 40, 48)
    yield "lrn", "lrn", lrn.Problem(pool.Problem(*shape, (13, 9), 40, 40, True), Lrn(5, alpha=1.0))
    maxima = pool.Problem(*shape, (7, 5), 48, 64, True, (3, 3), (2, 2), ONE)
    yield "lrn of maxima", "lrn", lrn.Problem(maxima, Lrn(5, alpha=1.0))


def usual(dtype: Dtype) -> Iterator[Case]:
    """Of a size at which every multiprocessor has work."""
    conv = conv_gemm.Problem
    plain = conv(
        dtype, 32, 28, 28, 128, 256, 128, 512, (3, 3), sides=ONE, tail=("x + other", RELU), residual_leading=256
    )
    yield "3x3, 128 to 256", "conv_gemm", plain
    yield "1x1, 256 to 64", "conv_gemm", conv(dtype, 32, 56, 56, 256, 64, 256, 64, tail=(RELU,))
    yield "classifier", "conv_gemm", conv(dtype, 32, 1, 1, 2048, 1000, 2048, 1000)
    window = pool.Problem(dtype, 32, 56, 56, 256, (28, 28), 256, 256, True, (3, 3), (2, 2), ONE)
    yield "max 3x3 / 2, usual", "pool", window
    if dtype not in LARGEST:
        yield from _usual_wide(dtype, plain)


def _usual_wide(dtype: Dtype, plain: conv_gemm.Problem) -> Iterator[Case]:
    conv = conv_gemm.Problem
    yield "stem", "conv_gemm", conv(dtype, 32, 224, 224, 4, 64, 4, 64, (7, 7), (2, 2), THREE, tail=(RELU,))
    yield "32 groups of 8", "conv_gemm", conv(dtype, 32, 28, 28, 32, 32, 256, 256, (3, 3), sides=ONE, bundles=8)
    dense = conv1x1_pre.Problem(dtype, 32, 28, 28, 256, 128, (28, 28), 512, 128, prologue=(RELU,), tail=(RELU,))
    yield "batch norm, relu, 1x1, usual", "conv1x1_pre", dense
    first = replace(
        plain, height=56, width=56, channels=64, filters=64, x_leading=64, tail=(RELU,), residual_leading=None
    )
    wide = chain.LARGEST[dtype]
    yield "bottleneck", "chain", chain.Problem(first, wide, wide, ("x + other", RELU), wide)
    yield "depthwise, usual", "depthwise", replace(plain, channels=256, x_leading=256)
