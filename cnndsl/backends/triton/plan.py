"""A plan: what a lowered network does, as data. Launches in order, where tensors lie in one arena, weights as recipes.

It holds for one batch size and one GPU. It needs neither a GPU nor Triton to be printed, saved, compared and counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, TypeAlias

from cnndsl.ir.recipe import Recipe
from cnndsl.kernels.precision import SIZES, Dtype, dtype_of
from cnndsl.ops.base import Shape


@dataclass(frozen=True)
class View:
    """A tensor N x height x width x channels inside a buffer.

    start    elements from the buffer's begin to its first value
    leading  elements from one pixel to the next: the channels of the whole buffer
    dtype    the type of the plan, or one of 8 bits
    """

    buffer: str
    start: int
    height: int
    width: int
    channels: int
    leading: int
    dtype: Dtype

    @property
    def size(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def pixels(self) -> int:
        return self.height * self.width

    def part(self, start: int, stop: int) -> View:
        """Channels from `start` up to and without `stop`."""
        return replace(self, start=self.start + start, channels=stop - start)

    def __str__(self) -> str:
        inside = f"[{self.start}:{self.start + self.channels}]" if self.channels != self.leading else ""
        return f"{self.buffer}{inside}"


@dataclass(frozen=True)
class Packed:
    """A weight as a kernel reads it, and how it follows from the original ones."""

    name: str
    shape: Shape
    dtype: Dtype
    recipe: Recipe

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Given:
    """The caller's input of that index, as PyTorch has it: N x channels x height x width, or N x features."""

    index: int

    def __str__(self) -> str:
        return f"input {self.index}"


@dataclass(frozen=True)
class Scratch:
    """Memory that one launch uses for itself: float32 elements in a buffer of their own."""

    buffer: str
    elements: int

    def __str__(self) -> str:
        return self.buffer


@dataclass(frozen=True)
class Counters:
    """So many int32 that every launch finds and leaves at 0: all share them, in memory that nothing else is in."""

    elements: int

    @property
    def bytes(self) -> int:
        return 4 * self.elements

    def __str__(self) -> str:
        return "counters"


Tensor: TypeAlias = View | Packed | Given | Scratch | Counters


@dataclass(frozen=True)
class Launch:
    """One kernel on one problem.

    kernel   a name in `cnndsl.kernels.families.FAMILIES`, or "torch", or a library's (`library.LIBRARIES`)
    tensors  by the kernel's names of its pointers
    nodes    the layers that it computes, by their names in the network as it was written
    """

    kernel: str
    problem: Any
    config: Any
    tensors: Mapping[str, Tensor]
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class Buffer:
    """A stretch of the arena: in use from launch `first` to launch `last`, both counted in."""

    name: str
    bytes: int
    first: int
    last: int
    offset: int = 0


@dataclass(frozen=True)
class Port:
    """An input or output of the network. A vector lies as one pixel of so many channels."""

    name: str
    shape: Shape
    view: View


@dataclass(frozen=True)
class Plan:
    """A network of one batch size, made ready for one GPU.

    target     a name in `cnndsl.kernels.targets.TARGETS`
    precision  "fp16", "bf16", "tf32" (float32 tensors, products in TF32), "fp32", or "int8" or "fp8" where that can be
    """

    name: str
    target: str
    precision: str
    batch: int
    launches: tuple[Launch, ...]
    buffers: tuple[Buffer, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    weights: tuple[Packed, ...] = field(repr=False, default=())

    @property
    def dtype(self) -> Dtype:
        """Of all tensors but those of 8 bits."""
        return dtype_of(self.precision)

    @property
    def arena_bytes(self) -> int:
        return max((buffer.offset + buffer.bytes for buffer in self.buffers), default=0)

    @property
    def counter_bytes(self) -> int:
        """Of the memory that every launch finds and leaves at 0."""
        tensors = (tensor for launch in self.launches for tensor in launch.tensors.values())
        return max((tensor.bytes for tensor in tensors if isinstance(tensor, Counters)), default=0)

    @property
    def weight_bytes(self) -> int:
        return sum(prod(weight.shape) * SIZES[weight.dtype] for weight in self.weights)

    @property
    def least_bytes(self) -> int:
        """What must be alive at the same time at the worst moment: no arena can be smaller."""
        count = len(self.launches)
        change = [0] * (count + 1)
        for buffer in self.buffers:
            change[buffer.first] += buffer.bytes
            change[buffer.last + 1] -= buffer.bytes
        alive = worst = 0
        for step in change:
            alive += step
            worst = max(worst, alive)
        return worst
