"""How long a launch takes on a GPU: many launches in one CUDA graph, by events, the median of several replays."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

import torch

Step = Callable[[], object]
LAUNCHES = 20  # in a graph, at least
SAMPLES = 7
WARM = 2e-3  # seconds of replays before the first sample, at least


def launch_seconds(steps: Sequence[Step], device: torch.device) -> float:
    """Seconds of one step. `steps` do the same on different memory, in turn, so that the cache holds none of it."""
    count = -(-LAUNCHES // len(steps)) * len(steps)
    graph = captured([steps[index % len(steps)] for index in range(count)], device)
    once = _replay_seconds(graph, 1)
    replays = max(1, min(50, int(WARM / once)))
    _replay_seconds(graph, replays)
    return statistics.median(_replay_seconds(graph, replays) for _ in range(SAMPLES)) / count


def captured(steps: Sequence[Step], device: torch.device) -> torch.cuda.CUDAGraph:
    """Steps in order as one CUDA graph, after each has run once, which compiles it."""
    side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(side):
        for step in dict.fromkeys(steps):
            step()
    torch.cuda.current_stream(device).wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for step in steps:
            step()
    return graph


def _replay_seconds(graph: torch.cuda.CUDAGraph, replays: int) -> float:
    start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    start.record()
    for _ in range(replays):
        graph.replay()
    stop.record()
    stop.synchronize()
    return float(start.elapsed_time(stop)) / 1000 / replays
