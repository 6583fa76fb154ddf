"""Tensors for kernel tests: slices of wider buffers between guard bands of NaN, so that any stray access is found."""

from __future__ import annotations

from dataclasses import dataclass

import torch

GUARD = 64
TOLERANCE = {torch.float16: 1.5e-3, torch.float32: 2e-6}


@dataclass(frozen=True)
class Guarded:
    """An N H W C view and the buffer it is a slice of; the rest of the buffer is NaN and must stay so.

    A kernel that reads outside of an input gets NaN, one that misses a pixel of an output leaves it NaN.
    """

    view: torch.Tensor
    buffer: torch.Tensor

    def check(self, expected: torch.Tensor, depth: int = 1) -> None:
        """The view holds `expected` (float64) to rounding, for sums of `depth` products; the guards are untouched."""
        inside = torch.zeros_like(self.buffer, dtype=torch.bool)
        inside.as_strided(self.view.shape, self.view.stride(), self.view.storage_offset())[...] = True
        assert self.buffer[~inside].isnan().all(), "wrote outside of its output"
        assert self.view.isfinite().all(), "left a part of its output unwritten, or read outside of its inputs"
        tolerance = TOLERANCE[self.view.dtype] * (1 + depth**0.5 / 64)
        torch.testing.assert_close(self.view.double(), expected.double(), rtol=tolerance, atol=tolerance)


def poisoned(*shape: int, dtype: torch.dtype, before: int = 0, after: int = 0) -> Guarded:
    """An output of N H W C: channels `before` and `after` it belong to other tensors of the same buffer."""
    batch, height, width, channels = shape
    step = before + channels + after
    buffer = torch.full((2 * GUARD + batch * height * width * step,), float("nan"), dtype=dtype)
    strides = (height * width * step, width * step, step, 1)
    return Guarded(buffer.as_strided(shape, strides, GUARD + before), buffer)


def random(*shape: int, dtype: torch.dtype, before: int = 0, after: int = 0, scale: float = 1.0) -> torch.Tensor:
    """An input of N H W C between guards."""
    view = poisoned(*shape, dtype=dtype, before=before, after=after).view
    view.copy_(torch.randn(shape) * scale)
    return view


def planes(x: torch.Tensor) -> torch.Tensor:
    """N H W C in any type to N C H W in float64, as PyTorch's own functions take it."""
    return x.double().permute(0, 3, 1, 2)


def pixels(x: torch.Tensor) -> torch.Tensor:
    """N C H W to N H W C."""
    return x.permute(0, 2, 3, 1)
