"""An optimised module frozen by PyTorch's own compiler, wherever that is measured to be faster.

A frozen program has weights, shapes and strides as constants, and nothing to check or to look up. It is valid for
exactly one state of the weights, so the weights are looked at before every call, and the programs are dropped when
these have changed. What no program fits runs as the module was written.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

Program = Callable[..., Any]
OPTIONS = {
    "freezing": True,
    "cpp_wrapper": True,  # one compiled function instead of a Python call for each layer
    "memory_planning": True,  # one allocation, reused from layer to layer: the caches stay warm
}
KEPT = 8  # programs; each holds a copy of the weights
RUNS = 12
# Multiplications below which the cost of a call of oneDNN's convolution counts for more than its better code.
SMALL = 2**25


class Frozen:
    """In place of a module's `forward`: the same by programs, each made on the first call for a shape and a type."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.__setstate__(self.__getstate__())

    def __getstate__(self) -> dict[str, Any]:
        return {"module": self.module}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.module = state["module"]
        self.programs: dict[Hashable, Program] = {}
        self.weights: list[int] | None = None  # that the programs were made of
        self.holders: list[dict[str, Any]] | None = None

    def forward(self, *inputs: Tensor) -> Any:
        weights = self.fingerprint() if self.applies(inputs) else None
        if weights is None:
            return self.as_written(*inputs)
        if weights != self.weights:
            self.programs, self.weights = {}, weights
        inputs = tuple(map(channels_last, inputs))
        key = (torch.get_num_threads(), *((x.shape, x.stride(), x.dtype) for x in inputs))
        program = self.programs.get(key) or self.remember(key, self.fastest(inputs))
        return program(*inputs)

    def as_written(self, *inputs: Tensor) -> Any:
        return type(self.module).forward(self.module, *inputs)

    def applies(self, inputs: tuple[Tensor, ...]) -> bool:
        if torch.compiler.is_compiling() or torch.is_grad_enabled() or torch.is_autocast_enabled("cpu"):
            return False
        return all(x.device.type == "cpu" and x.dtype in (torch.float32, torch.bfloat16) and x.numel() for x in inputs)

    def fingerprint(self) -> list[int] | None:
        """Differs whenever a weight was written to, replaced, moved or cast; None if that could not be told."""
        if self.holders is None:
            parts = list(self.module.modules())
            self.holders = [each._parameters for each in parts] + [each._buffers for each in parts]
        held = [tensor for holder in self.holders for tensor in holder.values() if tensor is not None]
        if any(tensor.is_inference() for tensor in held):
            return None
        return [tensor.data_ptr() for tensor in held] + [tensor._version for tensor in held]

    def remember(self, key: Hashable, program: Program) -> Program:
        if len(self.programs) >= KEPT:
            self.programs.clear()
        self.programs[key] = program
        return program

    @torch.inference_mode(False)
    @torch.no_grad()
    def fastest(self, inputs: tuple[Tensor, ...]) -> Program:
        try:
            with small_products(self.module, lambda: self.as_written(*inputs)):
                exported = torch.export.export(self.module, inputs)
            program = torch._inductor.compile(exported.module(), list(inputs), options=OPTIONS)
            return faster(program, self.as_written, inputs)
        except Exception as error:  # of PyTorch's compiler, or of the C++ compiler that it calls
            warnings.warn(f"not frozen: {type(error).__name__}: {str(error).splitlines()[0]}", stacklevel=3)
            return self.as_written


@contextmanager
def small_products(module: nn.Module, run: Callable[[], object]) -> Iterator[None]:
    """Within it, 1x1 convolutions that `run` shows to be small are written as products of matrices."""
    layers: list[Any] = [each for each in module.modules() if getattr(each, "pointwise", False)]

    def choose(layer: Any, inputs: tuple[Tensor, ...]) -> None:
        layer.as_product = inputs[0].numel() * layer.out_channels < SMALL

    hooks = [layer.register_forward_pre_hook(choose) for layer in layers]
    run()
    for hook in hooks:
        hook.remove()
    try:
        yield
    finally:
        for layer in layers:
            layer.as_product = False


def channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x


def faster(one: Program, other: Program, inputs: tuple[Tensor, ...]) -> Program:
    """By the fastest runs of both, which take turns, so that a busy machine disturbs both alike."""
    times: dict[Program, list[float]] = {one: [], other: []}
    for _ in range(RUNS):
        for program, found in times.items():
            start = time.perf_counter()
            program(*inputs)
            found.append(time.perf_counter() - start)
    return min(times, key=lambda program: min(times[program]))
