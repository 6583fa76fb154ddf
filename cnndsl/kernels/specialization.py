"""A kernel made ready for one problem: the template with all its constants, and what a launch of it needs.

It is plain data, so that a plan can hold it, the interpreter run it and the compiler take it without a GPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from cnndsl.kernels.precision import Dtype

TORCH_DTYPES: dict[Dtype, torch.dtype] = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}
ELEMENTS: dict[str, torch.dtype] = {"i32": torch.int32} | TORCH_DTYPES  # that pointers point to
DTYPES: dict[torch.dtype, Dtype] = {value: key for key, value in TORCH_DTYPES.items()}


@dataclass(frozen=True, eq=False)
class Specialization:
    """One kernel for one problem.

    kernel     the jitted template
    pointers   its tensor arguments in order, with their element types; None for one that the problem lacks
    constants  its other arguments, all known at compile time
    grid       how many blocks of threads along each axis
    unaligned  pointers that may start anywhere; the compiler takes all others to start at a multiple of 16 bytes
    registers  the most that a thread may have on NVIDIA's GPUs; None lets the assembler spill some for occupancy, which
               is in vain where shared memory is what limits it
    """

    kernel: Any
    pointers: Mapping[str, str | None]
    constants: Mapping[str, Any]
    grid: tuple[int, int, int]
    warps: int
    stages: int
    unaligned: frozenset[str] = frozenset()
    registers: int | None = None

    def launch(self, **tensors: torch.Tensor | None) -> None:
        """Run it on tensors, by the names of `pointers`; on the CPU this needs Triton's interpreter."""
        given = {name: tensors.get(name) for name in self.pointers}
        self.kernel[self.grid](**given, **self.constants, **self.options(nvidia=not torch.version.hip))

    def options(self, *, nvidia: bool) -> dict[str, Any]:
        """What the compiler is told beside the constants."""
        options = {"num_warps": self.warps, "num_stages": self.stages, "enable_fp_fusion": True}
        return options | ({"maxnreg": self.registers} if nvidia and self.registers else {})


def leading(tensor: torch.Tensor) -> int:
    """Elements from one pixel to the next of an N H W C view, which may be a slice of a wider buffer.

    Raises ValueError unless channels are neighbours and pixels evenly spaced, as kernels expect, and offsets fit
    32 bits.
    """
    _, height, width, channels = tensor.shape
    batch_step, row_step, step, unit = tensor.stride()
    if width == 1:
        step = row_step if height > 1 else batch_step
    expected = ((height * width * step, tensor.shape[0]), (width * step, height), (step, width), (1, channels))
    found = (batch_step, row_step, step, unit)
    if any(n > 1 and have != want for have, (want, n) in zip(found, expected, strict=True)):
        raise ValueError(f"not an N H W C view with evenly spaced pixels: shape {(*tensor.shape,)}, strides {found}")
    if tensor.shape[0] * height * width * step >= 2**31:
        raise ValueError("a tensor of 2**31 elements or more: offsets in kernels have 32 bits")
    return step
