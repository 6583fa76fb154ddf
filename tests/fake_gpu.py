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

SHARED, STREAM, DESCRIPTORS = 50_000, 77, 256


def pretend_to_build(plan: Plan) -> Binaries:
    """Kernels whose binary is their key. Those of `conv_tma` need scratch memory, as real ones do."""
    keys = keys_of(plan)
    lanes = TARGETS[plan.target].lanes
    kernels = {}
    for key, launch in zip(keys, plan.launches, strict=True):
        if key is not None:
            made = specialized(launch)
            scratch = DESCRIPTORS if launch.kernel == "conv_tma" else 0
            name = f"{launch.kernel}_kernel"
            threads, parameters = made.warps * lanes, len(taken(made)) + 2
            kernels[key] = Built(
                name, key.encode(), parameters, scratch, threads, SHARED, 0, 0, "", 16, 0, boxes=bool(scratch)
            )
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


@dataclass
class Library:
    """What the loader calls of libcuda and HIP's library.

    counts  how many arguments a kernel takes, by its key
    """

    counts: Mapping[str, int]
    modules: dict[int, str] = field(default_factory=dict)
    functions: dict[int, tuple[str, str]] = field(default_factory=dict)
    allowed: dict[int, int] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    status: int = 0

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

    def __init__(self, plan: Plan) -> None:
        self.device, self.context = torch.device("cpu"), ctypes.c_void_p()
        self.kernels = {
            key: specialized(launch) for key, launch in zip(keys_of(plan), plan.launches, strict=True) if key
        }
        self.library = Library({key: len(taken(made)) + 2 for key, made in self.kernels.items()})

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
        given = zip(taken(made), call.arguments, strict=False)
        made.launch(**{name: self.at(address, made.pointers[name]) for name, address in given})

    def at(self, address: int, element: str | None) -> torch.Tensor:
        """The rest of the tensor that the address lies in."""
        for tensor in self.tensors:
            inside = address - tensor.data_ptr()
            if 0 <= inside < tensor.numel() * tensor.element_size():
                return tensor.view(-1).view(torch.uint8)[inside:].view(ELEMENTS[element])  # type: ignore[index]
        raise AssertionError(f"a launch reads or writes memory at {address:#x}, which is nobody's")


def taken(made: Specialization) -> list[str]:
    """The tensors that a compiled kernel takes, in order."""
    return [name for name, element in made.pointers.items() if element is not None]
