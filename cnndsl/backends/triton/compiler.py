"""The program of a compiler process: a request a line, an answer a line, both JSON.

It is a process of its own because Triton's interpreter, which may be on in the parent, and its compiler do not live in
one, and because compiling uses one core.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from triton.backends.compiler import GPUTarget
from triton.runtime import driver

from cnndsl.backends.triton.stored import decode
from cnndsl.kernels import built
from cnndsl.kernels.aot import compile_for
from cnndsl.kernels.families import FAMILIES
from cnndsl.kernels.specialization import ELEMENTS, Specialization
from cnndsl.kernels.targets import Target


def serve(target: Target, *, binaries: bool) -> None:
    """Answer requests for a target until there are no more."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what compilers print is no answer
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line), target, binaries=binaries)), file=answers, flush=True)


def answer(request: Mapping[str, Any], target: Target, *, binaries: bool) -> dict[str, str]:
    """{"built": a kernel} or, if it went to Triton's cache, {}; {"error": why not, in one line}."""
    try:
        kernel, problem, config = request["kernel"], decode(request["problem"]), decode(request["config"])
        made = FAMILIES[kernel].specialize(problem, config)
        made = replace(made, unaligned=frozenset(request["unaligned"]))
        if binaries:
            return {"built": built.dumps(built.Built.of(compile_for(target, made)))}
        _keep(made, target)
    except Exception as error:  # whatever the compiler raises is told where its launch is known
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return {"error": f"{type(error).__name__}: {lines[-1] if lines else ''}"[:300]}
    return {}


def _keep(made: Specialization, target: Target) -> None:
    """Compile on the path that a launch takes, so that it finds the kernel in Triton's cache."""
    driver.set_active(TargetAlone(target))
    tensors = {
        name: element and made.argument(name, Pointer(ELEMENTS[element], 8 if name in made.unaligned else 0))
        for name, element in made.pointers.items()
    }
    options = made.options(target.arch)
    made.kernel.run(grid=made.grid, warmup=True, **tensors, **made.settled(target.arch), **options)


class TargetAlone:
    """What Triton asks of a driver before it launches, for a GPU that need not be there."""

    def __init__(self, target: Target) -> None:
        self.found = GPUTarget(target.backend, target.arch, target.lanes)

    def get_current_target(self) -> Any:
        return self.found

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0


class Pointer:
    """A tensor as far as a compiler looks at it."""

    def __init__(self, dtype: Any, address: int) -> None:
        self.dtype, self.address = dtype, address

    def data_ptr(self) -> int:
        return self.address

    def ptr_range(self) -> int:
        """Bytes that it may reach into. AMD's compiler asks whether offsets fit 32 bits, as those of our tensors do."""
        return 0
