"""Kernels compiled ahead of need in other processes, into Triton's cache, where the launch then finds them.

A process each, since compiling holds Python's lock, and since a compiler that crashes must not take a measurement
with it. They need no GPU: they take the same path as a launch, with a driver that only knows the target.
`python -m cnndsl.backends.triton.compiling TARGET` is such a process: a request per line in, an answer per line out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from cnndsl.kernels.targets import TARGETS, Target

CRASHED = "the compiler crashed"


@dataclass(frozen=True)
class Request:
    """A candidate on a problem; `unaligned` pointers start anywhere."""

    kernel: str
    problem: Any
    config: Any
    unaligned: tuple[str, ...] = ()

    def line(self) -> str:
        from cnndsl.backends.triton.stored import encode

        fields = {name: encode(getattr(self, name)) for name in ("kernel", "problem", "config", "unaligned")}
        return json.dumps(fields, separators=(",", ":"))


class Compiling:
    """A pool of compiling processes for one target; without `enabled` it does nothing and finds no fault."""

    def __init__(self, target: Target, *, enabled: bool = True, processes: int | None = None) -> None:
        self.target, self.enabled = target, enabled
        self.count = processes or max(1, (os.cpu_count() or 2) - 1)
        self.answers: dict[str, Future[str]] = {}
        self.idle: SimpleQueue[subprocess.Popen[str] | None] = SimpleQueue()
        for _ in range(self.count):
            self.idle.put(None)
        self.threads = ThreadPoolExecutor(self.count)

    def __enter__(self) -> Compiling:
        return self

    def __exit__(self, *raised: object) -> None:
        self.threads.shutdown(wait=True, cancel_futures=True)
        for _ in range(self.count):
            worker = self.idle.get()
            if worker is not None:
                worker.stdin.close()  # type: ignore[union-attr]
                worker.wait()

    def expect(self, requests: Iterable[Request]) -> None:
        """Compile these, in this order, while other things go on."""
        for request in requests:
            wanted = self.enabled and request.kernel != "cudnn"
            if (line := request.line()) not in self.answers and wanted:
                self.answers[line] = self.threads.submit(self._ask, line)

    def fault(self, request: Request) -> str | None:
        """Why a request does not compile, once it is known; None if it does."""
        if not self.enabled or request.kernel == "cudnn":
            return None
        self.expect([request])
        return self.answers[request.line()].result() or None

    def wait(self) -> list[str]:
        """The faults of all that was asked for."""
        return [fault for answer in self.answers.values() if (fault := answer.result())]

    def _ask(self, line: str) -> str:
        worker = self.idle.get() or self._start()
        try:
            print(line, file=worker.stdin, flush=True)
            answer = worker.stdout.readline()  # type: ignore[union-attr]
        except OSError:
            answer = ""
        if answer:
            self.idle.put(worker)
            return str(json.loads(answer))
        worker.kill()
        worker.wait()
        self.idle.put(None)
        return CRASHED

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "cnndsl.backends.triton.compiling", self.target.name]
        environment = os.environ | {"TRITON_INTERPRET": "0"}
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True, encoding="utf-8"
        )


class TargetAlone:
    """What Triton asks of a driver before it launches, for a GPU that need not be there."""

    def __init__(self, target: Target) -> None:
        from triton.backends.compiler import GPUTarget

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


def compile_request(found: Request) -> None:
    """Compile every kernel that a candidate launches."""
    from cnndsl.kernels import conv_gemm
    from cnndsl.kernels.families import FAMILIES
    from cnndsl.kernels.specialization import TORCH_DTYPES

    made = [FAMILIES[found.kernel].specialize(found.problem, found.config)]
    if found.kernel == "conv_gemm" and found.config.splits > 1:
        made.append(conv_gemm.reduction(found.problem, found.config))
    for each in made:
        tensors = {
            name: element and Pointer(TORCH_DTYPES[element], 8 if name in found.unaligned else 0)  # type: ignore[index]
            for name, element in each.pointers.items()
        }
        options = {"num_warps": each.warps, "num_stages": each.stages, "enable_fp_fusion": True}
        each.kernel.run(grid=each.grid, warmup=True, **tensors, **each.constants, **options)


def answer(line: str) -> str:
    """Empty if it compiled, else why it did not, in one line."""
    from cnndsl.backends.triton.stored import decode

    try:
        compile_request(Request(**decode(json.loads(line))))
    except Exception as error:  # whatever a compiler raises
        return (f"{type(error).__name__}: {error}".splitlines() or ["it does not compile"])[0]
    return ""


def main() -> None:
    from triton.runtime import driver

    driver.set_active(TargetAlone(TARGETS[sys.argv[1]]))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a compiler prints is no answer
    for line in sys.stdin:
        print(json.dumps(answer(line)), file=answers, flush=True)


if __name__ == "__main__":
    main()
