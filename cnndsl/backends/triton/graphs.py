"""CUDA graphs: what a callable launches, recorded to be replayed."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import torch

CAPTURES = Lock()  # one at a time: PyTorch's allocator and Triton's compiler are shared by all threads


def captured(run: Callable[[], object], device: torch.device, first: Callable[[], object] | None = None) -> Any:
    """A CUDA graph of what `run` launches, after `first`, by default `run` itself, has compiled and loaded it.

    Each graph has a stream of its own on its own device. PyTorch would take one for the whole process, of the device
    that captures first, and graphs that share a stream share cuBLAS's workspace, which then is no one's. What other
    threads do meanwhile neither enters the graph nor breaks it.
    """
    with CAPTURES, torch.cuda.device(device):
        stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            (first or run)()
        torch.cuda.current_stream(device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            run()
    return graph
