"""`cnndsl compile MODEL`: checks a network, and hands it to its backend, which writes it and says what it did."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.cli.amounts import show_size
from cnndsl.cli.arguments import (
    MODEL_HELP,
    UsageError,
    add_request,
    destination,
    positive,
    seed,
)
from cnndsl.cli.checked import bundle_named, checked_network
from cnndsl.extras import require
from cnndsl.kernels.precision import PRECISIONS, eight_bits_of
from cnndsl.kernels.targets import TARGETS
from cnndsl.machine import memory

if TYPE_CHECKING:
    from torch import Tensor

    from cnndsl.architecture import Architecture
    from cnndsl.ir import Graph
    from cnndsl.passes import Pass

# Options of one backend alone, with what they are when they are not given.
OF_TRITON = {
    "precision": None,
    "batch": None,
    "strict": False,
    "target": None,
    "tune": False,
    "run_interpreted": False,
    "calibrate": None,
}
OF_TORCH = {"optimize": False}


EXAMPLES = """\
examples:
  cnndsl compile lenet5 -o lenet5
  cnndsl compile googlenet --backend triton --batch 32 --emit plan
  cnndsl compile runs/resnet20/best --backend triton --precision int8 --calibrate fake
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument("--backend", choices=("torch", "triton"), default="torch")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=destination, help="where to write (default: the network's name)"
    )
    parser.add_argument(
        "--weights",
        metavar="PATH",
        type=Path,
        help="NAME.safetensors or its folder (default: a bundle's, else initial ones)",
    )
    parser.add_argument("--seed", type=seed, metavar="N", default=0, help="of initial weights (default: 0)")
    parser.add_argument(
        "--emit", choices=("ir", "source", "plan"), help="print the graph, source or plan, and write nothing"
    )
    parser.add_argument("--after", metavar="PASS", help="with --emit ir: the graph after that pass (or `elaborate`)")
    parser.add_argument("--explain", action="store_true", help="print what became of every line, and why not more")
    torch = parser.add_argument_group("with --backend torch")
    torch.add_argument("--optimize", action="store_true", help="for inference on a CPU: layers fused, weights folded")
    triton = parser.add_argument_group("with --backend triton")
    triton.add_argument("--precision", choices=PRECISIONS, help="of tensors and products (default: fp16)")
    triton.add_argument(
        "--calibrate",
        metavar="DATA",
        help="for int8 and fp8: pictures that say how large values become, as `cnndsl quantize` takes them",
    )
    triton.add_argument("--batch", metavar="N", type=positive, help="how many images at once (default: 1)")
    triton.add_argument("--strict", action="store_true", help="refuse layers that no Triton kernel serves")
    triton.add_argument("--target", choices=TARGETS, help="build the kernels ahead of time for that GPU")
    triton.add_argument("--tune", action="store_true", help="measure on this GPU which kernel runs each layer fastest")
    triton.add_argument("--run-interpreted", action="store_true", help="run it in Triton's interpreter, without a GPU")
    add_request(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    _check(options)
    _require_extra(options)
    network = checked_network(options)
    if network is None:
        return 1
    if options.run_interpreted:
        os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported, which reads it once
    if options.explain:
        print(_explanation(network.graph, options))
        if options.emit is None:
            print()
    if options.emit == "ir":
        print(graph_after(network.graph, options.after, _pipeline(options)))
        return 0
    if options.emit is None:
        _require_memory(network)
        options.state = _state(network, options)
    options.calibration = None
    if options.calibrate is not None:
        from cnndsl.cli.calibrating import calibration_pictures

        options.calibration = calibration_pictures(network, options)
    if options.backend == "triton":
        from cnndsl.cli.compile_triton import run_triton

        return run_triton(network, options)
    from cnndsl.cli.compile_torch import run_torch

    return run_torch(network, options)


def _check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for options that do not go together."""
    if options.after and options.emit != "ir":
        raise UsageError("--after goes with --emit ir")
    if options.explain and options.backend == "torch" and not options.optimize:
        raise UsageError("--explain goes with --optimize, or with --backend triton")
    for backend, group in (("triton", OF_TRITON), ("torch", OF_TORCH)):
        for name, absent in group.items():
            if options.backend != backend and getattr(options, name) != absent:
                raise UsageError(f"--{name.replace('_', '-')} goes with --backend {backend}")
    if options.weights is not None and options.emit is not None:
        raise UsageError("--weights goes without --emit: what that prints holds for any weights")
    if options.weights is not None and options.seed:
        raise UsageError("--seed is of initial weights, and --weights gives others")
    narrow = eight_bits_of(options.precision or "fp16")
    if options.calibrate is not None and narrow is None:
        raise UsageError("--calibrate goes with --precision int8 or fp8")
    calibrated = options.emit is None or options.tune
    if options.calibrate is not None and not calibrated:
        raise UsageError("--calibrate goes without --emit: a plan holds for any pictures")
    if narrow is not None and options.calibrate is None and calibrated:
        raise UsageError(f"--precision {narrow} goes with --calibrate DATA: pictures say how large values become")
    if options.run_interpreted and options.precision == "bf16":
        raise UsageError("Triton's interpreter knows no products of bfloat16: run it in another precision")
    for what, backend in (("plan", "triton"), ("source", "torch")):
        if options.emit == what and options.backend != backend:
            raise UsageError(f"--emit {what} goes with --backend {backend}")


def _require_extra(options: argparse.Namespace) -> None:
    """Raise `MissingExtra` before anything is printed. Graphs, PyTorch source and plans are made without torch."""
    if options.backend == "triton" and (options.emit is None or options.tune):
        require("torch", "triton", extra="triton")
    elif options.emit is None:
        require("torch", "safetensors", extra="torch")


def _state(network: Architecture, options: argparse.Namespace) -> dict[str, Tensor] | None:
    """The weights that were named, else those of a bundle; None for initial ones."""
    if options.weights is not None:
        from cnndsl.states import load_weights
        from cnndsl.states.data_folder import find_weights

        return load_weights(find_weights(network.name, options.weights), network.graph)
    bundle = bundle_named(options.model)
    return None if bundle is None else bundle.weights()


def _require_memory(network: Architecture) -> None:
    """Raise `UsageError` for a network whose weights this machine cannot hold."""
    weights = 4 * (network.facts.training_params + network.facts.buffers)
    if weights > memory():
        raise UsageError(
            f"the weights of {network.name} take {show_size(weights)}; there is {show_size(memory())} of memory"
        )


def _pipeline(options: argparse.Namespace) -> tuple[Pass, ...]:
    """The passes that this compilation runs."""
    from cnndsl.passes import CPU_PIPELINE, PIPELINE

    if options.backend == "triton":
        from cnndsl.backends.triton.lower import passes_at

        return passes_at(options.precision or "fp16")
    return CPU_PIPELINE if options.optimize else PIPELINE


def _explanation(graph: Graph, options: argparse.Namespace) -> str:
    """What the passes made of every line, and why not more."""
    if options.backend == "triton":
        from cnndsl.backends.triton import explain_plan

        return explain_plan(graph, options.target, batch=options.batch or 1, precision=options.precision or "fp16")
    from cnndsl.passes import CPU_PIPELINE, Notes
    from cnndsl.passes import run as run_passes
    from cnndsl.passes.explain import explain

    notes = Notes()
    return explain(graph, run_passes(graph, CPU_PIPELINE, notes=notes), notes)


def graph_after(graph: Graph, after: str | None, passes: tuple[Pass, ...]) -> str:
    """The text form of the graph after one pass, or after all of them."""
    from cnndsl.diagnostics import did_you_mean
    from cnndsl.passes import run as run_passes

    texts = {"elaborate": str(graph)}
    run_passes(graph, passes, observe=lambda name, graph: texts.update({name: str(graph)}))
    if after is None:
        return list(texts.values())[-1]
    if after not in texts:
        hint = did_you_mean(after, texts, f"there are {', '.join(texts)}")
        raise UsageError(f"there is no pass {after}; {hint}")
    return texts[after]
