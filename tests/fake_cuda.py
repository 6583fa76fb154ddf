"""As much of `torch.cuda` as timing asks for, on the CPU: a clock that counts launches, graphs that replay them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

Step = Callable[[], object]


class FakeCuda:
    """`step` makes a launch of so many milliseconds; what is captured does not run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.recording: list[float] | None = None
        self.launches = 0
        fake = self

        class Event:
            def __init__(self, enable_timing: bool = False) -> None:
                assert enable_timing

            def record(self) -> None:
                self.at = fake.now

            def synchronize(self) -> None:
                assert hasattr(self, "at"), "waits for what was never recorded"

            def elapsed_time(self, other: Any) -> float:
                return float(other.at - self.at)

        class Graph:
            def __init__(self) -> None:
                self.recorded: list[float] = []

            def replay(self) -> None:
                fake.now += sum(self.recorded)

        stream = SimpleNamespace(wait_stream=lambda other: None)
        for name, value in {
            "Event": Event,
            "CUDAGraph": Graph,
            "Stream": lambda device: stream,
            "current_stream": lambda device: stream,
            "stream": lambda stream: nullcontext(),
            "graph": self.capture,
            "synchronize": lambda device=None: None,
        }.items():
            monkeypatch.setattr(f"torch.cuda.{name}", value)

    @contextmanager
    def capture(self, graph: Any) -> Iterator[None]:
        self.recording = graph.recorded
        yield
        self.recording = None

    def step(self, milliseconds: float) -> Step:
        def run() -> None:
            if self.recording is None:
                self.now += milliseconds
                self.launches += 1
            else:
                self.recording.append(milliseconds)

        return run
