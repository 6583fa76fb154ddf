"""Tensors for one problem of each kernel: random inputs, and outputs to be written, by the kernel's names.

They are slices of wider buffers where the problem's are. All of a buffer that a launch may not touch is NaN, and so is
an output before each run: a stray read spreads, a stray write shows, and nothing unwritten passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from cnndsl.kernels.families import across, chain, conv1x1_pre, conv_gemm, move, pack, pointwise, pool
from cnndsl.kernels.precision import Dtype
from cnndsl.kernels.specialization import TORCH_DTYPES

GUARD = 64  # elements before and behind each tensor


@dataclass(frozen=True)
class Laid:
    """A tensor inside its buffer."""

    view: Tensor
    buffer: Tensor

    @cached_property
    def outside(self) -> Tensor:
        """Where the buffer is not the tensor's."""
        mask = torch.ones(self.buffer.shape, dtype=torch.bool, device=self.buffer.device)
        mask.as_strided(self.view.shape, self.view.stride(), self.view.storage_offset())[...] = False
        return mask


class Laying:
    """Makes tensors on a device: random ones, and poisoned ones to be written."""

    def __init__(self, device: torch.device, seed: int) -> None:
        self.device = device
        self.generator = torch.Generator(device).manual_seed(seed)

    def pixels(self, shape: tuple[int, int, int, int], leading: int, dtype: Dtype) -> Laid:
        """N x H x W x C, pixels `leading` elements apart, without values."""
        _, height, width, _ = shape
        return self.strided(shape, (height * width * leading, width * leading, leading, 1), dtype)

    def strided(self, shape: tuple[int, ...], strides: tuple[int, ...], dtype: Dtype) -> Laid:
        last = sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
        buffer = torch.full(
            (2 * GUARD + last + 1,),
            float("nan"),
            dtype=TORCH_DTYPES[dtype],
            device=self.device,
        )
        return Laid(buffer.as_strided(shape, strides, GUARD), buffer)

    def random(self, laid: Laid, scale: float = 1.0) -> Laid:
        made = torch.randn(laid.view.shape, generator=self.generator, device=self.device, dtype=torch.float32)
        laid.view.copy_(made.mul_(scale))
        return laid

    def map(self, shape: tuple[int, int, int, int], leading: int, dtype: Dtype) -> Laid:
        return self.random(self.pixels(shape, leading, dtype))

    def weight(self, shape: tuple[int, ...], dtype: Dtype, depth: int) -> Laid:
        """Filters such that sums of `depth` products are about 1."""
        return self.random(self.strided(shape, _contiguous(shape), dtype), depth**-0.5)

    def vector(self, length: int, scale: float = 1.0) -> Laid:
        return self.random(self.strided((length,), (1,), "fp32"), scale)


def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides = [1]
    for n in reversed(shape[1:]):
        strides.append(strides[-1] * n)
    return tuple(reversed(strides))


Both = tuple[dict[str, Laid], dict[str, Laid]]  # inputs and outputs


def _finish(problem: Any, out: tuple[int, int], laying: Laying, bundles: int = 1) -> Both:
    """Bias and residual, and the outputs."""
    batch, filters = problem.batch, problem.filters * bundles
    inputs: dict[str, Laid] = {}
    if problem.bias:
        inputs["bias"] = laying.vector(filters)
    if problem.residual_leading is not None:
        inputs["residual"] = laying.map((batch, *out, filters), problem.residual_leading, problem.dtype)
    first = problem.split_at or filters
    outputs = {"y": laying.pixels((batch, *out, first), problem.y_leading, problem.dtype)}
    if problem.split_at:
        outputs["y2"] = laying.pixels((batch, *out, filters - first), problem.y2_leading, problem.dtype)
    return inputs, outputs


def _filters(problem: conv_gemm.Problem, laying: Laying, filters: int, depth: int) -> Laid:
    rows, columns = problem.kernel
    laid = laying.weight((filters, rows, columns, problem.channels), problem.dtype, depth)
    if problem.centred:
        first = laid.view[: problem.centred]
        centre = first[:, rows // 2, columns // 2].clone()
        first.zero_()
        first[:, rows // 2, columns // 2] = centre
    return laid


def _conv(problem: conv_gemm.Problem, laying: Laying) -> Both:
    dtype, extra, filters = problem.dtype, problem.second, problem.filters * problem.bundles
    depth = problem.depth + (extra.channels if extra else 0)
    image = (problem.batch, problem.height, problem.width, problem.channels * problem.bundles)
    inputs, outputs = _finish(problem, problem.out, laying, problem.bundles)
    inputs["x"] = laying.map(image, problem.x_leading, dtype)
    inputs["w"] = _filters(problem, laying, filters, depth)
    if extra:
        inputs["x2"] = laying.map((problem.batch, extra.height, extra.width, extra.channels), extra.leading, dtype)
        inputs["w2"] = laying.weight((filters, 1, 1, extra.channels), dtype, depth)
    return inputs, outputs


def _depthwise(problem: conv_gemm.Problem, laying: Laying) -> Both:
    inputs, outputs = _finish(problem, problem.out, laying)
    image = (problem.batch, problem.height, problem.width, problem.channels)
    taps = problem.kernel[0] * problem.kernel[1]
    inputs["x"] = laying.map(image, problem.x_leading, problem.dtype)
    inputs["w"] = laying.weight((*problem.kernel, problem.filters), problem.dtype, taps)
    return inputs, outputs


def _pre(problem: conv1x1_pre.Problem, laying: Laying) -> Both:
    inputs, outputs = _finish(problem, problem.out, laying)
    image = (problem.batch, problem.height, problem.width, problem.channels)
    inputs["x"] = laying.map(image, problem.x_leading, problem.dtype)
    inputs["w"] = laying.weight((problem.filters, 1, 1, problem.channels), problem.dtype, problem.channels)
    if problem.affine:
        inputs |= {"scale": laying.vector(problem.channels), "shift": laying.vector(problem.channels)}
    return inputs, outputs


def _chain(problem: chain.Problem, laying: Laying) -> Both:
    first, dtype = problem.first, problem.first.dtype
    out, middle = (first.batch, *first.out), first.filters
    inputs = {
        "x": laying.map((first.batch, first.height, first.width, first.channels), first.x_leading, dtype),
        "w1": _filters(first, laying, first.filters, first.depth),
        "bias1": laying.vector(first.filters),
        "w2": laying.weight((problem.filters, 1, 1, middle), dtype, middle),
        "bias2": laying.vector(problem.filters),
    }
    if problem.residual_leading is not None:
        inputs["residual"] = laying.map((*out, problem.filters), problem.residual_leading, dtype)
    outputs = {}
    if problem.keep:
        outputs["y"] = laying.pixels((*out, problem.filters), problem.y_leading, dtype)
    if problem.last:
        inputs["w3"] = laying.weight((problem.last, 1, 1, problem.filters), dtype, problem.filters)
        inputs["bias3"] = laying.vector(problem.last)
        outputs["z"] = laying.pixels((*out, problem.last), problem.z_leading, dtype)
    return inputs, outputs


def _map_to_map(problem: pool.Problem | move.Problem, laying: Laying) -> Both:
    image = (problem.batch, problem.height, problem.width, problem.channels)
    channels = problem.out_channels if isinstance(problem, move.Problem) else problem.channels
    y = laying.pixels((problem.batch, *problem.out, channels), problem.y_leading, problem.dtype)
    return {"x": laying.map(image, problem.x_leading, problem.dtype)}, {"y": y}


def _pointwise(problem: pointwise.Problem, laying: Laying) -> Both:
    inputs = {}
    for name, source in zip(pointwise.ARGUMENTS, problem.sources, strict=False):
        steps = (source.batch_step, source.pixel_step, source.channel_step)
        extent = (problem.batch, problem.pixels, problem.channels)
        shape = tuple(n if step else 1 for n, step in zip(extent, steps, strict=True))
        inputs[name] = laying.random(laying.strided(shape, steps, source.dtype))
    y = laying.pixels((problem.batch, problem.pixels, 1, problem.channels), problem.y_leading, problem.dtype)
    return inputs, {"y": y}


def _pack(problem: pack.Problem, laying: Laying) -> Both:
    shape = (problem.batch, problem.channels, problem.pixels)
    x = laying.random(laying.strided(shape, problem.x_steps, problem.x_dtype))
    out = (problem.batch, problem.out_channels, problem.pixels)
    return {"x": x}, {"y": laying.strided(out, problem.y_steps, problem.y_dtype)}


def _across(problem: across.Problem, laying: Laying) -> Both:
    shape = (1, problem.pixels, 1, problem.channels)
    y = laying.pixels(shape, problem.y_leading, problem.dtype)
    return {"x": laying.map(shape, problem.x_leading, problem.dtype)}, {"y": y}


LAYOUTS: Mapping[str, Callable[[Any, Laying], Both]] = {
    "conv_gemm": _conv,
    "depthwise": _depthwise,
    "conv1x1_pre": _pre,
    "chain": _chain,
    "pool": _map_to_map,
    "pointwise": _pointwise,
    "move": _map_to_map,
    "pack": _pack,
    "across": _across,
}
