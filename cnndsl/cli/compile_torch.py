"""What `cnndsl compile` does for the PyTorch backend: source and weights, and a forward pass of what was written."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from cnndsl.architecture import Architecture
from cnndsl.cli.compile import show_shapes, show_size


def run_torch(network: Architecture, options: argparse.Namespace) -> int:
    if options.emit == "source":
        print(network.source(optimize=options.optimize), end="")
        return 0
    folder = options.output if options.output is not None else Path(network.name)
    print(network.summary())
    print()
    files = network.write(folder, seed=options.seed, optimize=options.optimize)
    for path in files:
        print(f"wrote {path} ({show_size(path.stat().st_size)})")
    print(_forward_pass(network, files))
    print("\nnext:")
    print(f'  python -c "from {files[0].stem} import {files[0].stem}; print({files[0].stem}())"   # in {folder}')
    print(f"  cnndsl summary {options.model} --depth 9")
    return 0


def _forward_pass(network: Architecture, files: list[Path]) -> str:
    """Run what was written, with the weights that were written, on random input of the network's size."""
    import torch

    from cnndsl.backends.torch import load_written

    module = load_written(files).eval()
    inputs = [torch.randn(1, *node.shape) for node in network.graph.inputs]
    with torch.inference_mode():
        module(*inputs)
        start = time.perf_counter()
        result = module(*inputs)
        elapsed = time.perf_counter() - start
    first = result if isinstance(result, torch.Tensor) else result[0]
    shapes = show_shapes(*(tuple(tensor.shape) for tensor in inputs))
    shape = show_shapes(tuple(first.shape))
    return f"ran a forward pass: {shapes} -> {shape} in {1000 * elapsed:.1f} ms on the CPU (second run)"
