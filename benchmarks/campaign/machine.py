"""The device that is measured, or the CPU in its place: clocks, CUDA graphs, memory, and being alone on it."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from campaign.turns import Turns
from cnndsl.machine import processors

Run = Callable[[], object]
SINK_BYTES = 256 * 2**20  # written between runs, so that the L2 cache holds nothing of the network
SAMPLES = 15
SAMPLE_SECONDS = 0.015  # of runs back to back in one sample


class Machine:
    """The device of this process; `dry` is the CPU."""

    def __init__(self, dry: bool, turns: Turns) -> None:
        self.dry, self.turns = dry, turns
        self.device = torch.device("cpu" if dry else "cuda")
        self.sink: torch.Tensor | None = None

    @property
    def name(self) -> str:
        return "CPU (dry run)" if self.dry else torch.cuda.get_device_name(self.device)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other process of this run uses the device meanwhile."""
        with self.turns.alone():
            yield
            self.synchronize()

    def synchronize(self) -> None:
        if not self.dry:
            torch.cuda.synchronize(self.device)

    def seconds(self, run: Run, count: int = 1) -> float:
        """Of `count` runs, back to back, by the device's clock."""
        if self.dry:
            start = time.perf_counter()
            for _ in range(count):
                run()
            return time.perf_counter() - start
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        first.record()
        for _ in range(count):
            run()
        last.record()
        last.synchronize()
        return first.elapsed_time(last) / 1000

    def graphed(self, run: Run) -> Run:
        """The run recorded as a CUDA graph; on the CPU the run itself."""
        if self.dry:
            run()
            return run
        from cnndsl.backends.triton.graphs import captured

        return captured(run, self.device).replay

    def flush(self) -> None:
        """Fill the cache with something else."""
        if self.sink is None:
            self.sink = torch.empty(64 if self.dry else SINK_BYTES, dtype=torch.uint8, device=self.device)
        self.sink.fill_(1)

    def measure(self, run: Run) -> dict[str, float]:
        """Milliseconds of a run: hot is back to back, cold after a flush, latency from call to result on the host."""
        with self.alone():
            if self.dry:
                self.flush()
                once = [1000 * self._latency(run)]
                return {**_spread("hot", once), **_spread("cold", once), **_spread("latency", once)}
            run()
            self.synchronize()
            count = max(1, min(200, int(SAMPLE_SECONDS / self.seconds(run))))
            hot = [1000 * self.seconds(run, count) / count for _ in range(SAMPLES)]
            cold = [1000 * self._cold(run) for _ in range(SAMPLES)]
            latency = [1000 * self._latency(run) for _ in range(SAMPLES)]
        return {**_spread("hot", hot), **_spread("cold", cold), **_spread("latency", latency)}

    def _cold(self, run: Run) -> float:
        self.flush()
        return self.seconds(run)

    def _latency(self, run: Run) -> float:
        self.synchronize()
        start = time.perf_counter()
        run()
        self.synchronize()
        return time.perf_counter() - start

    def start_counting_memory(self) -> None:
        if not self.dry:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)

    def peak_bytes(self) -> int:
        return 0 if self.dry else int(torch.cuda.max_memory_allocated(self.device))

    def versions(self) -> dict[str, Any]:
        """What a result was measured with."""
        found: dict[str, Any] = {"python": platform.python_version()}
        for package in ("torch", "triton", "torchvision"):
            try:
                found[package] = version(package)
            except PackageNotFoundError:
                found[package] = None
        if not self.dry:
            found |= {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
        return found


def _spread(name: str, values: list[float]) -> dict[str, float]:
    first, median, third = statistics.quantiles(values * 2, n=4)
    return {f"{name}_ms": median, f"{name}_first_quartile_ms": first, f"{name}_third_quartile_ms": third}


def bandwidth(machine: Machine) -> float:
    """Bytes per second of a copy, read and written."""
    count = 2**16 if machine.dry else 2**31
    source, target = (torch.empty(count, dtype=torch.uint8, device=machine.device).random_() for _ in range(2))
    return 2 * count / best_seconds(machine, lambda: target.copy_(source))


def matrix_rate(machine: Machine, dtype: torch.dtype) -> float:
    """Operations per second of a large product of random matrices; in float32 with TF32."""
    size = 64 if machine.dry else 8192
    a, b = (torch.randn(size, size, device=machine.device, dtype=dtype) for _ in range(2))
    return 2 * size**3 / best_seconds(machine, lambda: a @ b)


def best_seconds(machine: Machine, run: Run) -> float:
    """The median of a few, after a warm-up."""
    with machine.alone():
        machine.seconds(run, 3)
        return statistics.median(machine.seconds(run, 3) / 3 for _ in range(3 if machine.dry else 9))


def allow_tf32() -> None:
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True


def cores() -> int:
    return processors()
