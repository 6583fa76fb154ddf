"""How long a launch takes on a GPU: many launches in one CUDA graph, by events, the median of several replays."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from functools import partial

import torch

from cnndsl.backends.triton.graphs import captured

Step = Callable[[], object]
LAUNCHES = 20  # in a graph, where they are short
SAMPLES = 7
SAMPLE_SECONDS = 2e-3


def launch_seconds(steps: Sequence[Step], device: torch.device) -> float:
    """Seconds of one step. `steps` do the same on different memory, in turn, so that the cache holds none of it."""
    with torch.cuda.device(device):
        return _graphed_seconds(steps, device)


def _graphed_seconds(steps: Sequence[Step], device: torch.device) -> float:
    """The same on the current device."""
    steps[0]()  # compiles it
    once = _seconds(steps[0], 1)
    launches = max(len(steps), min(LAUNCHES, int(SAMPLE_SECONDS / once)))
    count = launches // len(steps) * len(steps)
    graph = captured(
        partial(_all, [steps[index % len(steps)] for index in range(count)]), device, first=partial(_all, steps)
    )
    replays = max(1, min(50, int(SAMPLE_SECONDS / _seconds(graph.replay, 1))))
    return statistics.median(_seconds(graph.replay, replays) for _ in range(SAMPLES)) / count


def _all(steps: Sequence[Step]) -> None:
    for step in steps:
        step()


def _seconds(run: Step, count: int) -> float:
    """Of one run, of so many back to back."""
    start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    start.record()
    for _ in range(count):
        run()
    stop.record()
    stop.synchronize()
    return float(start.elapsed_time(stop)) / 1000 / count
