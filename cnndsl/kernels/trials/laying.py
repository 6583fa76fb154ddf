"""Tensors for one problem of a kernel: random inputs, and outputs to be written, by the kernel's names.

They are slices of wider buffers where the problem's are. All of a buffer that a launch may not touch is poison, NaN or
the whole number that no kernel writes, and so is an output before each run: a stray read spreads or is far off, a stray
write shows, and nothing unwritten passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from cnndsl.kernels.precision import Dtype
from cnndsl.kernels.specialization import TORCH_DTYPES

GUARD = 64  # elements before and behind each tensor
POISON: Mapping[torch.dtype, float] = {torch.int8: -128}  # NaN in all other types
STEPS = 40.0  # of 8 bits that a random value is off 0, about


def poisoned(tensor: Tensor) -> Tensor:
    """Where a tensor is poison."""
    return tensor == POISON[tensor.dtype] if tensor.dtype in POISON else tensor.float().isnan()


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
            POISON.get(TORCH_DTYPES[dtype], float("nan")),
            dtype=TORCH_DTYPES[dtype],
            device=self.device,
        )
        return Laid(buffer.as_strided(shape, strides, GUARD), buffer)

    def random(self, laid: Laid, scale: float = 1.0) -> Laid:
        made = torch.randn(laid.view.shape, generator=self.generator, device=self.device, dtype=torch.float32)
        if laid.view.element_size() == 1:
            made, scale = made.clamp_(-3.0, 3.0).mul_(STEPS).round_(), 1.0
        laid.view.copy_(made.mul_(scale))
        return laid

    def scales(self, rows: tuple[float, ...], columns: int) -> Laid:
        """A row for each of these, with scales of about so much."""
        laid = self.strided((len(rows), columns), (columns, 1), "fp32")
        made = torch.rand(laid.view.shape, generator=self.generator, device=self.device) + 0.5
        laid.view.copy_(made * torch.tensor(rows, device=self.device)[:, None])
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


def finish(problem: Any, out: tuple[int, int], laying: Laying, bundles: int = 1) -> Both:
    """Bias and residual, and the outputs."""
    batch, filters = problem.batch, problem.filters * bundles
    type_of = getattr(problem, "type_of", lambda tensor: problem.dtype)
    inputs: dict[str, Laid] = {}
    if problem.bias:
        inputs["bias"] = laying.vector(filters)
    if problem.residual_leading is not None:
        inputs["residual"] = laying.map((batch, *out, filters), problem.residual_leading, type_of("residual"))
    first = problem.split_at or filters
    outputs = {"y": laying.pixels((batch, *out, first), problem.y_leading, type_of("y"))}
    if problem.split_at:
        outputs["y2"] = laying.pixels((batch, *out, filters - first), problem.y2_leading, type_of("y2"))
    return inputs, outputs
