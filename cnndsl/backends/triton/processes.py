"""Compiler processes, started when work waits for them, each asked one kernel at a time (see `compiler.py`).

A process each, since compiling holds Python's lock, and since a compiler that crashes must not take a measurement
with it. They need no GPU.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Timer
from typing import Any

from cnndsl.backends.triton.stored import encode
from cnndsl.kernels.families import FAMILIES
from cnndsl.kernels.targets import Target
from cnndsl.machine import processors

Answer = dict[str, str]
MOST = 16  # processes; each takes half a gigabyte and seconds to start
LIMIT = 300.0  # seconds for one kernel, of which each takes a few on a slow machine
EACH = 4  # kernels that make it worth to start another one


@dataclass(frozen=True)
class Request:
    """A kernel's problem and configuration; `unaligned` pointers start anywhere."""

    kernel: str
    problem: Any
    config: Any
    unaligned: tuple[str, ...] = ()

    def line(self) -> str:
        fields = {name: encode(getattr(self, name)) for name in ("kernel", "problem", "config", "unaligned")}
        return json.dumps(fields, separators=(",", ":"))


class Compilers:
    """So many processes, for one target, ended with the `with` block. Of none, nothing is compiled nor found at fault.

    folder  where Triton keeps what it makes, and answers hold binaries; without one it is Triton's own cache, where
            launches find the kernels
    limit   seconds that a kernel may take; its process is ended then
    """

    def __init__(self, target: Target, count: int, folder: Path | None = None, limit: float = LIMIT) -> None:
        self.target, self.folder, self.limit = target, folder, limit
        self.answers: dict[str, Future[Answer]] = {}
        self.running: list[subprocess.Popen[str]] = []
        self.idle: SimpleQueue[subprocess.Popen[str] | None] = SimpleQueue()
        for _ in range(count):
            self.idle.put(None)  # yet to be started
        self.threads = ThreadPoolExecutor(count) if count else None

    def __enter__(self) -> Compilers:
        return self

    def __exit__(self, *raised: object) -> None:
        if self.threads is not None:
            self.threads.shutdown(wait=False, cancel_futures=True)
            self._kill()  # so that no thread waits for an answer
            self.threads.shutdown()
            self._kill()  # what a thread has started meanwhile

    def _kill(self) -> None:
        for process in self.running:
            _kill(process)
            process.communicate()

    def expect(self, requests: Iterable[Request]) -> None:
        """Compile these, in this order, while other things go on."""
        for request in requests:
            line = request.line()
            if self.threads is not None and request.kernel in FAMILIES and line not in self.answers:
                self.answers[line] = self.threads.submit(self._ask, line)

    def answer(self, request: Request) -> Answer:
        """As `compiler.answer` gives it, once it is known."""
        self.expect([request])
        asked = self.answers.get(request.line())
        return asked.result() if asked else {}

    def fault(self, request: Request) -> str | None:
        """Why a request does not compile, once it is known; None if it does."""
        return self.answer(request).get("error")

    def wait(self) -> list[str]:
        """The faults of all that was asked for."""
        answers = (asked.result() for asked in self.answers.values())
        return [answer["error"] for answer in answers if "error" in answer]

    def _ask(self, line: str) -> Answer:
        """An error if the process does not live to answer, or takes too long."""
        process = self.idle.get() or self._start()
        with _ended_after(self.limit, process) as late:
            answer = _exchange(process, line)
        if answer is not None:
            self.idle.put(None if late.is_set() else process)
            return answer
        self.idle.put(None)
        code = _end(process)
        took = f"the compiler was ended: it took more than {self.limit:g} s"
        return {"error": took if late.is_set() else f"the compiler ended with code {code}"}

    def _start(self) -> subprocess.Popen[str]:
        program = (
            f"import sys; sys.path[:] = {sys.path!r}; from cnndsl.kernels.targets import Target; "
            "from cnndsl.backends.triton.compiler import serve; "
            f"serve(Target(**{asdict(self.target)!r}), binaries={self.folder is not None})"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env=self._environment(),
            start_new_session=True,  # a group, with the assembler that it starts
        )
        self.running.append(process)
        return process

    def _environment(self) -> dict[str, str]:
        """Compiler instead of interpreter; in a folder of its own, no paths of this machine in what it makes."""
        kept = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
        kept["OMP_NUM_THREADS"] = "1"
        own = {"TRITON_CACHE_DIR": str(self.folder), "TRITON_DISABLE_LINE_INFO": "1"}
        return kept if self.folder is None else kept | own


@contextmanager
def _ended_after(seconds: float, process: subprocess.Popen[str]) -> Iterator[Event]:
    """End the process if the block takes longer; gives whether it did."""
    late = Event()

    def end() -> None:
        late.set()
        _kill(process)

    alarm = Timer(seconds, end)
    alarm.start()
    try:
        yield late
    finally:
        alarm.cancel()
        alarm.join()


def _exchange(process: subprocess.Popen[str], line: str) -> Answer | None:
    """The answer to a request; None if the process ends before."""
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(line + "\n")
        process.stdin.flush()
        answer: Answer = json.loads(process.stdout.readline())
    except (OSError, ValueError):
        return None
    return answer


def _end(process: subprocess.Popen[str]) -> int:
    """The code of a process that ends by itself, or is ended."""
    try:
        return process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        _kill(process)
        return process.wait()


def _kill(process: subprocess.Popen[str]) -> None:
    """End a process, and what it has started where systems know groups of processes."""
    if process.returncode is None and hasattr(os, "killpg"):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def ask_all(target: Target, requests: Mapping[str, Request]) -> Iterator[tuple[str, Answer]]:
    """The answer to each request, by its key and in their order. Nothing is left behind."""
    count = min(-(-len(requests) // EACH), processors(), MOST)
    with tempfile.TemporaryDirectory() as folder, Compilers(target, count, Path(folder)) as compilers:
        compilers.expect(requests.values())
        for key, request in requests.items():
            yield key, compilers.answer(request)
