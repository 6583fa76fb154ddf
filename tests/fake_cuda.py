"""As much of `torch.cuda` as timing asks for, on the CPU: two devices, whose clocks count launches, and graphs
that replay them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import pytest

Step = Callable[[], object]


@dataclass(eq=False)
class Stream:
    device: Any
    cuda_stream: int = 7

    def wait_stream(self, other: Stream) -> None:
        assert other.device == self.device


def number(device: Any) -> int:
    """Of a device; what runs on the CPU stands for the first."""
    return getattr(device, "index", device) or 0


class FakeCuda:
    """`step` makes a launch of so many milliseconds; what is captured does not run.

    Each device has a clock of its own, and what is recorded, awaited or launched belongs to the one that is current.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clocks = [0.0, 0.0]
        self.recording: list[float] | None = None
        self.launches = 0
        self.current: Any = None  # device
        self.captured: list[Stream] = []  # on which there was a capture
        fake = self

        class Event:
            def __init__(self, enable_timing: bool = False) -> None:
                assert enable_timing

            def record(self) -> None:
                self.device, self.at = number(fake.current), fake.now

            def synchronize(self) -> None:
                assert hasattr(self, "at"), "waits for what was never recorded"

            def elapsed_time(self, other: Any) -> float:
                assert self.device == other.device, "events of two devices"
                return float(other.at - self.at)

        class Graph:
            def __init__(self) -> None:
                self.recorded: list[float] = []
                self.device = number(fake.current)

            def replay(self) -> None:
                assert self.device == number(fake.current), "replayed on another device"
                fake.clocks[self.device] += sum(self.recorded)

        for name, value in {
            "Event": Event,
            "CUDAGraph": Graph,
            "Stream": Stream,
            "current_stream": lambda device: Stream(device),
            "stream": lambda stream: nullcontext(),
            "device": self.switch,
            "graph": self.capture,
            "synchronize": lambda device=None: None,
        }.items():
            monkeypatch.setattr(f"torch.cuda.{name}", value)

    @property
    def now(self) -> float:
        """On the current device."""
        return self.clocks[number(self.current)]

    @contextmanager
    def switch(self, device: Any) -> Iterator[None]:
        before, self.current = self.current, device
        yield
        self.current = before

    @contextmanager
    def capture(self, graph: Any, *, stream: Stream, capture_error_mode: str) -> Iterator[None]:
        """On a stream of the device that is current, as no launch could be recorded else, and on no other's."""
        assert self.recording is None, "two captures at once"
        assert stream.device == self.current and stream not in self.captured, "a stream of another graph or device"
        assert capture_error_mode == "thread_local"
        self.captured.append(stream)
        self.recording = graph.recorded
        yield
        self.recording = None

    def step(self, milliseconds: float, device: Any = None) -> Step:
        """On memory of a device, if one is given."""

        def run() -> None:
            assert device is None or number(device) == number(self.current), "its memory is another device's"
            if self.recording is None:
                self.clocks[number(self.current)] += milliseconds
                self.launches += 1
            else:
                self.recording.append(milliseconds)

        return run
