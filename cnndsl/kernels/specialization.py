"""A kernel made ready for one problem: the template with all its constants, and what a launch of it needs.

It is plain data, so that a plan can hold it, the interpreter run it and the compiler take it without a GPU.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from triton.tools.tensor_descriptor import TensorDescriptor

from cnndsl.kernels.precision import Dtype

TORCH_DTYPES: dict[Dtype, torch.dtype] = {
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
    "fp32": torch.float32,
    "int8": torch.int8,
    "fp8": torch.float8_e4m3fn,
}
TRITONS = {"int8": "i8", "fp8": "fp8e4nv"}  # names of types, where it has others
ELEMENTS: dict[str, torch.dtype] = {"i32": torch.int32} | TORCH_DTYPES  # that pointers point to
Architecture = int | str | None  # of NVIDIA's GPUs ten times the capability, of AMD's a name
EARLY = "EARLY"  # the constant by which kernels know that they may start early
FIRST_EARLY = 90  # the first architecture that can
RECORDS_EARLY = 12030  # the first version of CUDA's driver whose graphs can
DTYPES: dict[torch.dtype, Dtype] = {value: key for key, value in TORCH_DTYPES.items()}


@dataclass(frozen=True)
class Box:
    """How a kernel reads a tensor through the tensor memory accelerator: a `block` at a time, zeros beyond its shape.

    All in elements. The descriptor that says so is made by the host, once, and passed by value.
    """

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    block: tuple[int, ...]

    @property
    def parameters(self) -> int:
        """Of a compiled kernel: the descriptor, then an extent and a stride for each axis."""
        return 1 + 2 * len(self.shape)


@dataclass(frozen=True, eq=False)
class Specialization:
    """One kernel for one problem.

    kernel     the jitted template
    pointers   its tensor arguments in order, with their element types; None for one that the problem lacks
    boxes      how it reads those of them that it takes as descriptors
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
    boxes: Mapping[str, Box] = field(default_factory=dict)

    @property
    def taken(self) -> tuple[str, ...]:
        """The tensors that the problem has, in the order of the kernel's arguments."""
        return tuple(name for name in self.kernel.arg_names if self.pointers.get(name) is not None)

    @property
    def parameters(self) -> int:
        """How many a compiled kernel takes for its tensors."""
        return sum(self.boxes[name].parameters if name in self.boxes else 1 for name in self.taken)

    def type_of(self, name: str) -> str:
        """A tensor argument's type as Triton spells it."""
        element = TRITONS.get(str(self.pointers[name]), self.pointers[name])
        return f"tensordesc<{element}{list(self.boxes[name].block)}>" if name in self.boxes else f"*{element}"

    def launch(self, **tensors: torch.Tensor | None) -> None:
        """Run it on tensors, by the names of `pointers`; on the CPU this needs Triton's interpreter."""
        given = {name: self.argument(name, tensors.get(name)) for name in self.pointers}
        arch = architecture(next(tensor.device for tensor in tensors.values() if tensor is not None))
        options = self.options(arch)
        if self.early(arch) and driver_version() < RECORDS_EARLY:
            del options["launch_pdl"]  # the kernel waits all the same, for what is over
        self.kernel[self.grid](**given, **self.settled(arch), **options)

    def argument(self, name: str, tensor: Any) -> Any:
        """A tensor as the kernel takes it."""
        box = self.boxes.get(name)
        return tensor if box is None else TensorDescriptor(tensor, [*box.shape], [*box.strides], [*box.block])

    def early(self, arch: Architecture) -> bool:
        """Whether a GPU starts it before the launch in front of it has ended, which the kernel then waits for."""
        return isinstance(arch, int) and arch >= FIRST_EARLY and EARLY in self.kernel.arg_names

    def settled(self, arch: Architecture) -> dict[str, Any]:
        """All its constants on such a GPU."""
        return {**self.constants} | ({EARLY: self.early(arch)} if EARLY in self.kernel.arg_names else {})

    def options(self, arch: Architecture) -> dict[str, Any]:
        """What the compiler is told beside the constants."""
        options = {"num_warps": self.warps, "num_stages": self.stages, "enable_fp_fusion": True}
        options |= {"launch_pdl": True} if self.early(arch) else {}
        return options | ({"maxnreg": self.registers} if isinstance(arch, int) and self.registers else {})


@cache
def architecture(device: torch.device) -> Architecture:
    """That of a GPU; None of a CPU, on which the interpreter stands for one."""
    if device.type != "cuda":
        return None
    found: Any = torch.cuda.get_device_properties(device)
    return str(found.gcnArchName).split(":")[0] if torch.version.hip else 10 * int(found.major) + int(found.minor)


@cache
def driver_version() -> int:
    """Of CUDA's driver here, as a thousand times the first number and ten times the second."""
    version = ctypes.c_int()
    ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(version))
    return version.value


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
