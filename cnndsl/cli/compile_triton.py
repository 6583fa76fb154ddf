"""What `cnndsl compile` does for the Triton backend: a plan and packed weights, kernels for a named GPU, and a run."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnndsl.architecture import Architecture
from cnndsl.cli.amounts import show_size
from cnndsl.cli.arguments import UsageError
from cnndsl.kernels.precision import Precision
from cnndsl.machine import memory
from cnndsl.ops import show_shape

if TYPE_CHECKING:
    import torch


def run_triton(network: Architecture, options: argparse.Namespace) -> int:
    from cnndsl.backends.triton import make_plan
    from cnndsl.backends.triton.text import format_plan
    from cnndsl.errors import BuildError, DeviceLost, StrictError

    batch: int = options.batch or 1
    precision: Precision = options.precision or "fp16"

    try:
        if options.tune:
            _tune(network, batch, precision, options)
        plan = make_plan(network.graph, options.target, batch=batch, precision=precision, strict=options.strict)
        print(format_plan(plan))
        if options.emit == "plan":
            return 0
        folder = options.output if options.output is not None else Path(network.name)
        files = network.write(
            folder,
            "triton",
            batch=batch,
            precision=precision,
            target=options.target,
            seed=options.seed,
            weights=options.state,
            calibration=options.calibration,
        )
    except (StrictError, BuildError, DeviceLost) as error:
        print(error, file=sys.stderr)
        return 1
    print()
    print("\n".join(_listed(files, folder)))
    needed = plan.arena_bytes + batch * network.facts.memory
    print(_forward_pass(network, batch, precision, options, folder, needed))
    return 0


def _tune(network: Architecture, batch: int, precision: Precision, options: argparse.Namespace) -> None:
    """Measure what is not known yet of this network on this GPU; the plan is then made by that."""
    import torch

    from cnndsl.backends.triton import compile_graph

    if not torch.cuda.is_available():
        raise UsageError("--tune measures kernels, and there is no CUDA device here")
    settings = {"batch": batch, "precision": precision, "strict": options.strict, "calibration": options.calibration}
    compile_graph(network.graph, **settings).to("cuda").tune()


def _listed(files: list[Path], folder: Path) -> Iterator[str]:
    """A line for each file, and for each folder of many."""
    inside: dict[Path, list[int]] = {}
    for path in files:
        if path.parent == folder:
            yield f"wrote {path} ({show_size(path.stat().st_size)})"
        else:
            inside.setdefault(path.parent, []).append(path.stat().st_size)
    for parent, sizes in inside.items():
        yield f"wrote {parent} ({len(sizes)} files, {show_size(sum(sizes))})"


def _forward_pass(
    network: Architecture, batch: int, precision: Precision, options: argparse.Namespace, folder: Path, needed: int
) -> str:
    """Run the network on random input, on a GPU or in the interpreter, and compare it with the PyTorch backend.

    Not without `needed` bytes of memory.
    """
    import torch

    if not torch.cuda.is_available() and not options.run_interpreted:
        return "did not run it: there is no CUDA device here (--run-interpreted runs it without one)"
    device = torch.device("cuda" if torch.cuda.is_available() and not options.run_interpreted else "cpu")
    there = memory() if device.type == "cpu" else torch.cuda.mem_get_info()[0]
    if needed > there:
        return f"did not run it: it takes {show_size(needed)}, and there is {show_size(there)} of memory"
    try:
        run = _runner(network, batch, precision, options, folder, device)
    except RuntimeError as wrong_gpu:
        return f"did not run it: {wrong_gpu}"
    plain = network.compile(seed=options.seed).eval().to(device)
    if options.state is not None:
        plain.load_state_dict(options.state)
    inputs = [torch.randn(batch, *node.shape, device=device) for node in network.graph.inputs]
    with torch.inference_mode():
        run(*inputs)
        _wait(device)
        start = time.perf_counter()
        result = run(*inputs)
        _wait(device)
        elapsed = time.perf_counter() - start
        expected = plain(*inputs)
    first, wanted = (each if isinstance(each, torch.Tensor) else each[0] for each in (result, expected))
    error = float((first.float() - wanted).abs().max() / wanted.abs().max().clamp(min=1e-30))
    where = f"on {torch.cuda.get_device_name()}" if device.type == "cuda" else "in Triton's interpreter"
    shapes, shape = " and ".join(show_shape(tensor.shape) for tensor in inputs), show_shape(first.shape)
    return (
        f"ran a forward pass: {shapes} -> {shape} in {1000 * elapsed:.2f} ms {where} (second run); "
        f"relative error {error:.1e} to the PyTorch backend in float32"
    )


def _runner(
    network: Architecture,
    batch: int,
    precision: Precision,
    options: argparse.Namespace,
    folder: Path,
    device: torch.device,
) -> Callable[..., Any]:
    """What was written for a target, by its loader; else, and in the interpreter, the plan that was printed.

    Raises RuntimeError for a GPU that is not the target.
    """
    from cnndsl.backends.triton import compile_graph, loader
    from cnndsl.kernels.targets import TARGETS

    if options.target is not None and device.type == "cuda":
        return loader.load(folder, device)
    target = TARGETS.get(options.target)
    settings = {"batch": batch, "precision": precision, "target": target, "calibration": options.calibration}
    module = compile_graph(network.graph, seed=options.seed, **settings)
    if options.state is not None:
        module.load_state_dict(options.state)
    return module.to(device)


def _wait(device: object) -> None:
    import torch

    if str(device).startswith("cuda"):
        torch.cuda.synchronize()
