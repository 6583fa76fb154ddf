"""One problem on random tensors: what runs it by a candidate, and whether that computes the right thing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cnndsl.backends.triton.cudnn_graph import graph_step
from cnndsl.backends.triton.float32 import float32_products
from cnndsl.backends.triton.library_steps import library_step
from cnndsl.kernels.families import FAMILIES
from cnndsl.kernels.family import Family
from cnndsl.kernels.precision import LARGEST
from cnndsl.kernels.specialization import DTYPES
from cnndsl.kernels.trials.laying import POISON, Laid, Laying, poisoned

Step = Callable[[], object]
# Of one rounding to the type of the output, and of products that TF32 rounds first. Of 8 bits the nearest value is off
# by half a step at most, and another than that is right only where two are about as near.
TOLERANCES = {torch.float16: 1.5e-3, torch.bfloat16: 1.2e-2, torch.float32: 2e-6, torch.float8_e4m3fn: 0.51}
WHOLE = 0.51  # of int8, however long the sum: there it is exact
TF32 = 2e-3
MANTISSA = 3  # bits of fp8
FINEST = 8.0  # below that steps of fp8 are finer than sums of Hopper's tensor cores, which keep 14 bits
DOUBLE_FLOPS = 2e10  # above so many operations, float32 without TF32 is reference enough


@dataclass
class Trial:
    """Tensors of one problem, by the kernel's names; `outputs` are those that it writes."""

    kernel: str
    problem: Any
    inputs: Mapping[str, Laid]
    outputs: Mapping[str, Laid]

    @property
    def family(self) -> Family:
        return FAMILIES[self.kernel]

    @property
    def bytes(self) -> int:
        every = [*self.inputs.values(), *self.outputs.values()]
        return sum(laid.buffer.numel() * laid.buffer.element_size() for laid in every)

    @property
    def tensors(self) -> dict[str, Tensor]:
        return {name: laid.view for name, laid in {**self.inputs, **self.outputs}.items()}

    def expected(self) -> dict[str, Tensor]:
        """The right outputs, in float64 or, for large problems, float32."""
        wide = torch.float64 if self.family.work(self.problem).flops < DOUBLE_FLOPS else torch.float32
        with exactly(), torch.no_grad():
            return self.family.expected(self.problem, {name: x.view.to(wide) for name, x in self.inputs.items()})

    def poison(self) -> None:
        for laid in self.outputs.values():
            laid.buffer.fill_(POISON.get(laid.buffer.dtype, float("nan")))

    def fault(self, wanted: Mapping[str, Tensor]) -> str | None:
        """What is wrong with the outputs; None if nothing is."""
        for name, laid in self.outputs.items():
            if not bool(poisoned(laid.buffer[laid.outside]).all()):
                return f"{name}: wrote outside of its output"
            if not bool((laid.view.float().isfinite() & ~poisoned(laid.view)).all()):
                return f"{name}: left values unwritten, or read outside of its inputs"
            error = _error(laid.view, wanted[name])
            if not error <= (most := self._tolerance(laid.view.dtype)):
                return f"{name}: off by {error:.2g}, more than {most:.2g}"
        return None

    def _tolerance(self, dtype: torch.dtype) -> float:
        if dtype is torch.int8:
            return WHOLE
        base = TOLERANCES[dtype]
        if dtype is torch.float32 and getattr(self.problem, "precision", "ieee") == "tf32":
            base = TF32
        return base * (1 + math.sqrt(getattr(self.problem, "depth", 1)) / 64)


def _error(found: Tensor, wanted: Tensor) -> float:
    """The largest difference, absolute for values below 1, else relative; of 8 bits in steps to the next value."""
    dtype = DTYPES[found.dtype]
    if dtype in LARGEST:
        wanted = wanted.clamp(-LARGEST[dtype], LARGEST[dtype])
    unit = wanted.abs().clamp(min=1)
    if dtype in LARGEST:
        coarse = unit.clamp(min=FINEST).log2().floor() - MANTISSA
        unit = torch.ones_like(wanted) if dtype == "int8" else 2.0**coarse
    return float(((found.to(wanted.dtype) - wanted).abs() / unit).max().item())


@contextmanager
def exactly() -> Iterator[None]:
    """Products of float32 without TF32, and no search for algorithms."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = False
    try:
        with float32_products("ieee"):
            yield
    finally:
        torch.backends.cudnn.benchmark = before


def step(kernel: str, problem: Any, config: Any, tensors: Mapping[str, Tensor]) -> Step:
    """What runs a problem by one candidate, splits and copies included."""
    if kernel == "cudnn":
        return library_step(problem, config, _bias_typed(tensors))
    if kernel == "cudnn_graph":
        return graph_step(problem, config, tensors)
    made = FAMILIES[kernel].specialize(problem, config)
    elements, counters = FAMILIES[kernel].sums(problem, config)
    if elements:
        x = tensors["x"]
        partial = x.new_empty(elements, dtype=torch.float32)
        tensors = {**tensors, "partial": partial, "counters": x.new_zeros(counters, dtype=torch.int32)}
    return lambda: made.launch(**tensors)


def _bias_typed(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """As a plan has them for the library, which casts the biases of all its layers at once."""
    bias = tensors.get("bias")
    return tensors if bias is None else {**tensors, "bias": bias.to(tensors["x"].dtype)}


def trial(kernel: str, problem: Any, device: torch.device, seed: int = 0) -> Trial:
    """A problem on fresh random tensors; its outputs are poisoned."""
    return Trial(kernel, problem, *FAMILIES[kernel].lay(problem, Laying(device, seed)))
