"""Compiler processes, as many as there are cores, each asked one kernel at a time (see `compiler.py`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import Any

MOST = 16  # processes; each takes half a gigabyte and seconds to start
EACH = 4  # kernels that make it worth to start another one


class Compiler:
    """One process, ended with the `with` block. `folder` is for files that nobody needs afterwards."""

    def __init__(self, folder: Path) -> None:
        program = f"import sys; sys.path[:] = {sys.path!r}; from cnndsl.backends.triton.compiler import serve; serve()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env=_environment(folder),
        )

    def __enter__(self) -> Compiler:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.communicate()

    def ask(self, request: object) -> dict[str, str]:
        """The reply to one request; an error if the process does not live to give it."""
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            reply: dict[str, str] = json.loads(self.process.stdout.readline())
        except (OSError, ValueError):
            return {"error": f"the compiler ended with code {self.process.wait()}"}
        return reply


def _environment(folder: Path) -> dict[str, str]:
    """Compiler instead of interpreter, nothing left behind, and no paths of this machine in what it makes."""
    kept = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    return kept | {"TRITON_CACHE_DIR": str(folder), "TRITON_DISABLE_LINE_INFO": "1", "OMP_NUM_THREADS": "1"}


def ask_all(requests: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """The reply to each request, by its key and in their order."""
    count = min(-(-len(requests) // EACH), len(os.sched_getaffinity(0)), MOST)
    if not count:
        return
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack, ThreadPoolExecutor(count) as threads:
        idle: SimpleQueue[Compiler] = SimpleQueue()
        for _ in range(count):
            idle.put(stack.enter_context(Compiler(Path(folder))))

        def ask(key: str) -> tuple[str, dict[str, str]]:
            compiler = idle.get()
            try:
                return key, compiler.ask(requests[key])
            finally:
                idle.put(compiler)

        yield from threads.map(ask, requests)
