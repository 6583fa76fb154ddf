"""An optimised module frozen by PyTorch's own compilers, or handed to another engine, where that is measured faster.

A frozen program has nothing to check or to look up. It is valid for exactly one state of the module, so that is looked
at before every call, and the programs are dropped when it has changed. What no program fits runs as the module was
written.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from cnndsl.backends.torch.engines import Run, installed, optimized_onnx
from cnndsl.backends.torch.programs import (
    COMPILERS,
    Compiler,
    Inputs,
    Program,
    filled,
    in_float32,
    in_parts,
    lacks_bfloat16,
    largest_tensor,
    rows_at_a_time,
)
from cnndsl.backends.torch.seen import Seen
from cnndsl.backends.torch.ways import Ways
from cnndsl.ir.graph import Graph

TYPES = (torch.float32, torch.bfloat16)
KEPT = 8  # programs; each holds a copy of the weights


class Frozen:
    """In place of a module's `forward`: the same by programs, each made on the first call for a shape and a type."""

    def __init__(self, module: nn.Module, graph: Graph) -> None:
        self.__setstate__({"module": module, "graph": graph})

    def __getstate__(self) -> dict[str, Any]:
        return {"module": self.module, "graph": self.graph}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.module, self.graph = state["module"], state["graph"]
        self.programs: dict[Hashable, Program] = {}
        self.reports: list[str] = []  # how each was chosen
        self.seen: Seen | None = None  # the module as it was when they were made

    def forward(self, *inputs: Tensor) -> Any:
        if torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.is_autocast_enabled("cpu"):
            return self.as_written(*inputs)
        if self.seen is None or not self.seen.unchanged():
            self.programs, self.reports, self.seen = {}, [], Seen(self.module)
        # Every call pays for this, with caches that the network itself has emptied: what the key says is asked once.
        key = (torch.get_num_threads(), *[(x.shape, loose_strides(x), x.dtype, x.is_cpu) for x in inputs])
        program = self.programs.get(key)
        if program is None:
            if not (self.seen.counted and self.applies(inputs)):
                return self.as_written(*inputs)
            program = self.remember(key, self.choose(inputs))
        return program(*inputs)

    def as_written(self, *inputs: Tensor) -> Any:
        return type(self.module).forward(self.module, *inputs)

    def applies(self, inputs: Inputs) -> bool:
        """Can there be programs of such inputs?"""
        return all(x.is_cpu and x.dtype in TYPES and x.numel() for x in inputs)

    def remember(self, key: Hashable, program: Program) -> Program:
        if len(self.programs) >= KEPT:
            self.programs.clear()
            self.reports.clear()
        self.programs[key] = program
        return program

    @torch.inference_mode(False)
    @torch.no_grad()
    def choose(self, inputs: Inputs) -> Program:
        """The fastest way for such inputs, as written or compiled; a batch of large tensors goes in parts."""
        if lacks_bfloat16(self.module, inputs):
            return in_float32(self.module)
        self.as_written(*inputs)  # layers pack their weights, which are no tensors between layers
        batch, largest = len(inputs[0]), largest_tensor(lambda: self.as_written(*inputs))
        rows = rows_at_a_time(batch, largest)
        ways = Ways(inputs, self.as_written(*inputs))
        ways.programs["as written"] = in_parts(self.as_written, rows, batch)
        for compiler in COMPILERS:
            fault = ways.offer(compiler.__name__, self.compiled, compiler, inputs, rows, largest * rows // batch)
            if fault is not None:
                warnings.warn(f"not frozen by {compiler.__name__}: {fault}", stacklevel=4)
        if all(tensor.dtype is torch.float32 for tensor in (*self.module.state_dict().values(), *inputs)):
            model = cache(lambda: optimized_onnx(self.graph, self.module.state_dict(), inputs))
            for engine in installed():
                ways.offer(engine.__name__, self.handed_over, engine, model, ways.expected)
        program, report = ways.choose()
        self.reports.append(report)
        return program

    def compiled(self, compiler: Compiler, inputs: Inputs, rows: int, largest: int) -> Program | None:
        """By a compiler, if it can; `largest` are the bytes of the largest tensor of so many `rows`."""
        part = tuple(channels_last(x[:rows]) for x in inputs)
        program = compiler(self.module, self.as_written, part, largest)
        if program is None:
            return None
        whole = in_parts(program, rows, len(inputs[0]))
        return lambda *given: whole(*map(channels_last, given))  # strides are constants of it; engines take any

    def handed_over(self, engine: Callable[[bytes], Run], model: Callable[[], bytes], form: Any) -> Program:
        """By an engine, with results like `form`."""
        run = engine(model())
        return lambda *inputs: filled(form, run(*inputs))


def channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x


def loose_strides(x: Tensor) -> tuple[int, ...]:
    """The strides, where `channels_last` may leave them as they are: those of an axis of one mean nothing to it."""
    return () if x.dim() == 4 and min(x.shape[1:]) > 1 else x.stride()
