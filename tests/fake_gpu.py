"""A driver for networks built ahead of time that needs no GPU: "binaries" are keys, launches are recorded, or run in
Triton's interpreter on the memory that their arguments point to."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from cnndsl.backends.triton import loader
from cnndsl.backends.triton.binaries import Binaries, keys_of
from cnndsl.backends.triton.execute import specialized
from cnndsl.backends.triton.plan import Plan
from cnndsl.kernels.built import Built
from cnndsl.kernels.specialization import ELEMENTS, Specialization
from cnndsl.kernels.targets import TARGETS

SHARED, STREAM, SCRATCH, SWIZZLE = 50_000, 77, 256, 3


def pretend_to_build(plan: Plan) -> Binaries:
    """Kernels whose binary is their key. Those of `chain` need scratch memory, as any may."""
    keys = keys_of(plan)
    lanes = TARGETS[plan.target].lanes
    kernels = {}
    for key, launch in zip(keys, plan.launches, strict=True):
        if key is not None:
            made = specialized(launch)
            scratch = SCRATCH if launch.kernel == "chain" else 0
            name, swizzles = f"{launch.kernel}_kernel", (SWIZZLE,) * len(made.boxes)
            threads, parameters = made.warps * lanes, made.parameters + 2
            kernels[key] = Built(
                name, key.encode(), parameters, scratch, threads, SHARED, 0, 0, "", 16, 0, bool(swizzles), swizzles,
                made.early(TARGETS[plan.target].arch),
            )  # fmt: skip
    return Binaries(plan, kernels, keys)


@dataclass(frozen=True)
class Call:
    """One launch as the driver got it."""

    key: str
    name: str
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    shared: int
    stream: int
    arguments: tuple[int, ...]


@dataclass(frozen=True)
class Map:
    """A descriptor as the driver was told to make it, the innermost axis last; `steps` in bytes, of the others."""

    element: int
    shape: tuple[int, ...]
    steps: tuple[int, ...]
    block: tuple[int, ...]
    swizzle: int


@dataclass
class Library:
    """What the loader calls of libcuda and HIP's library.

    counts  how many arguments a kernel takes, by its key
    early   launches that may begin before the one in front of them ends
    """

    counts: Mapping[str, int]
    modules: dict[int, str] = field(default_factory=dict)
    functions: dict[int, tuple[str, str]] = field(default_factory=dict)
    allowed: dict[int, int] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    maps: dict[int, Map] = field(default_factory=dict)
    status: int = 0
    early: int = 0

    def cuTensorMapEncodeTiled(self, place: Any, element: int, rank: int, address: Any, *told: Any) -> int:
        """Writes the address where a kernel looks for the descriptor."""
        shape, steps, block, ones, interleave, swizzle, promotion, fill = told
        assert place.value % 64 == 0 and address.value % 16 == 0
        assert [*ones] == [1] * rank and (interleave, promotion, fill) == (0, 2, 0)
        assert all(step % 16 == 0 for step in steps) and all(n <= 256 for n in block)
        ctypes.c_uint64.from_address(place.value).value = address.value
        self.maps[place.value] = Map(element, (*shape[::-1],), (*steps[: rank - 1][::-1],), (*block[::-1],), swizzle)
        return self.status

    def cuModuleLoadData(self, module: Any, binary: bytes) -> int:
        module._obj.value = 1000 + len(self.modules)
        self.modules[module._obj.value] = binary.decode()
        return self.status

    def cuModuleGetFunction(self, function: Any, module: Any, name: bytes) -> int:
        function._obj.value = 5000 + len(self.functions)
        self.functions[function._obj.value] = (self.modules[module.value], name.decode())
        return self.status

    def cuFuncSetAttribute(self, function: Any, attribute: int, value: int) -> int:
        assert attribute == 8
        self.allowed[function.value] = value
        return self.status

    def cuLaunchKernelEx(self, launch: Any, function: Any, arguments: Any, extra: Any) -> int:
        """Of a kernel that waits for the launch in front of it, and is told to start before that ends."""
        told = launch._obj
        (early,) = (told.attributes[index] for index in range(told.count))
        assert (early.id, early.value) == (6, 1) and ctypes.sizeof(early) == 72 and ctypes.sizeof(told) == 56
        self.early += 1
        stream = ctypes.c_void_p(told.stream)
        return self.cuLaunchKernel(function, *told.grid, *told.block, told.shared, stream, arguments, extra)

    def cuLaunchKernel(self, function: Any, *numbers: Any) -> int:
        assert self.allowed[function.value] >= numbers[6]
        return self.hipModuleLaunchKernel(function, *numbers)

    def hipModuleLaunchKernel(self, function: Any, *numbers: Any) -> int:
        *shape, shared, stream, arguments, extra = numbers
        assert extra is None
        key, name = self.functions[function.value]
        pointers = (ctypes.c_void_p * self.counts[key]).from_address(ctypes.addressof(arguments))
        values = tuple(ctypes.c_uint64.from_address(pointer).value for pointer in pointers)
        self.calls.append(Call(key, name, tuple(shape[:3]), tuple(shape[3:]), shared, stream.value, values))
        return self.status

    def cuGetErrorString(self, status: int, text: Any) -> int:
        text._obj.value = b"out of cake"
        return 0

    hipModuleLoadData, hipModuleGetFunction = cuModuleLoadData, cuModuleGetFunction


class FakeDriver(loader.Driver):
    """The loader's own driver with another library, on the CPU."""

    version = 12030

    def __init__(self, plan: Plan) -> None:
        self.device, self.context = torch.device("cpu"), ctypes.c_void_p()
        self.kernels = {
            key: specialized(launch) for key, launch in zip(keys_of(plan), plan.launches, strict=True) if key
        }
        self.library = Library({key: made.parameters + 2 for key, made in self.kernels.items()})

    def stream(self) -> int:
        return STREAM

    @property
    def most_shared(self) -> int:
        return SHARED


class InterpretingDriver(FakeDriver):
    """Runs each launch in the interpreter. `tensors` are all that arguments may point into."""

    tensors: list[torch.Tensor]

    def launch(self, *arguments: Any) -> None:
        super().launch(*arguments)
        call = self.library.calls[-1]
        made = self.kernels[call.key]
        assert call.grid == made.grid
        given = addresses(made, call.arguments)
        made.launch(**{name: self.at(address, made.pointers[name]) for name, address in given.items()})

    def at(self, address: int, element: str | None) -> torch.Tensor:
        """The rest of the tensor that the address lies in."""
        for tensor in self.tensors:
            inside = address - tensor.data_ptr()
            if 0 <= inside < tensor.numel() * tensor.element_size():
                return tensor.view(-1).view(torch.uint8)[inside:].view(ELEMENTS[element])  # type: ignore[index]
        raise AssertionError(f"a launch reads or writes memory at {address:#x}, which is nobody's")


def addresses(made: Specialization, arguments: tuple[int, ...]) -> dict[str, int]:
    """Where the tensors of a launch lie, by their names; what else it is told of a box must be right."""
    found, left = {}, list(arguments)
    for name in made.taken:
        found[name] = left.pop(0)
        if name in made.boxes:
            told = (*made.boxes[name].shape, *made.boxes[name].strides)
            assert tuple(left[: len(told)]) == told
            del left[: len(told)]
    assert len(left) == 2, "after the tensors come two pointers to scratch memory"
    return found
