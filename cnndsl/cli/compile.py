"""`cnndsl compile MODEL`: checks a network, writes it for a backend, runs it once, and says what it did."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from cnndsl.cli.arguments import MODEL_HELP, Commands, UsageError, add_command, add_request, request_from, seed

if TYPE_CHECKING:
    from cnndsl.architecture import Architecture
    from cnndsl.ir import Graph


def add_to(commands: Commands) -> None:
    parser = add_command(commands, "compile", "Compile a network to PyTorch source and weights.")
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument("--backend", choices=("torch",), default="torch")
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, help="where to write (default: the network's name)")
    parser.add_argument("--seed", type=seed, metavar="N", default=0, help="of the weights (default: 0)")
    parser.add_argument("--emit", choices=("ir", "source"), help="print the graph or the source, and write nothing")
    parser.add_argument("--after", metavar="PASS", help="with --emit ir: the graph after that pass (or `elaborate`)")
    parser.add_argument("--optimize", action="store_true", help="for inference on a CPU: layers fused, weights folded")
    parser.add_argument("--explain", action="store_true", help="with --optimize: print what became of every line")
    add_request(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if options.after and options.emit != "ir":
        raise UsageError("--after goes with --emit ir")
    if options.explain and not options.optimize:
        raise UsageError("--explain goes with --optimize")
    network = _checked(options)
    if network is None:
        return 1
    if options.explain:
        print(explanation(network.graph))
        if options.emit is None:
            print()
    if options.emit == "ir":
        print(graph_after(network.graph, options.after, optimize=options.optimize))
        return 0
    if options.emit == "source":
        print(network.source(optimize=options.optimize), end="")
        return 0
    return _compile(network, options)


def _checked(options: argparse.Namespace) -> Architecture | None:
    """The network, or None after printing what is wrong with it."""
    from cnndsl.architecture import Architecture
    from cnndsl.checking import check_model
    from cnndsl.diagnostics import render, tally, use_color
    from cnndsl.models import find_model

    checked = check_model(find_model(options.model), request_from(options))
    if checked.report:
        print(render(checked.report, "text", color=use_color(sys.stderr, os.environ)), file=sys.stderr)
        print(tally(checked.report), file=sys.stderr)
    if not checked.report.ok:
        return None
    ((name, done),) = checked.networks.items()
    return Architecture(name, done.graph, checked.facts[name], checked.report)


def explanation(graph: Graph) -> str:
    """What the optimising passes made of every line, and why not more."""
    from cnndsl.passes import CPU_PIPELINE, Notes
    from cnndsl.passes import run as run_passes
    from cnndsl.passes.explain import explain

    notes = Notes()
    return explain(graph, run_passes(graph, CPU_PIPELINE, notes=notes), notes)


def graph_after(graph: Graph, after: str | None, *, optimize: bool = False) -> str:
    """The text form of the graph after one pass, or after all of them."""
    from cnndsl.diagnostics import closest
    from cnndsl.ir.text import format_graph
    from cnndsl.passes import CPU_PIPELINE, PIPELINE
    from cnndsl.passes import run as run_passes

    texts = {"elaborate": format_graph(graph)}
    passes = CPU_PIPELINE if optimize else PIPELINE
    run_passes(graph, passes, observe=lambda name, graph: texts.update({name: format_graph(graph)}))
    if after is None:
        return list(texts.values())[-1]
    if after not in texts:
        guess = closest(after, list(texts))
        hint = f"did you mean {guess}?" if guess else f"there are {', '.join(texts)}"
        raise UsageError(f"there is no pass {after}; {hint}")
    return texts[after]


def _compile(network: Architecture, options: argparse.Namespace) -> int:
    folder = options.output if options.output is not None else Path(network.name)
    weights = 4 * (network.facts.training_params + network.facts.buffers)
    if weights > _memory():
        raise UsageError(f"the weights of {network.name} take {_size(weights)}; there is {_size(_memory())} of memory")
    print(network.summary())
    print()
    files = network.write(folder, options.backend, seed=options.seed, optimize=options.optimize)
    for path in files:
        print(f"wrote {path} ({_size(path.stat().st_size)})")
    print(_forward_pass(network, files))
    print("\nnext:")
    stem = files[0].stem
    print(f'  cd {quote(str(folder))} && {_python()} -c "from {stem} import {stem}; print({stem}())"')
    if options.model != "-":
        print(f"  {_cnndsl()} summary {quote(options.model)} --depth 9")
    return 0


def _python() -> str:
    """What the shell calls this Python: its path, unless it is found by its name."""
    found = shutil.which("python")
    return "python" if found is not None and Path(found) == Path(sys.executable) else quote(sys.executable)


def _cnndsl() -> str:
    return "cnndsl" if _python() == "python" else f"{_python()} -m cnndsl"


def _forward_pass(network: Architecture, files: list[Path]) -> str:
    """Run what was written, with the weights that were written, on random input of the network's size."""
    needed = network.facts.memory
    if needed > _memory():
        return f"ran no forward pass: it takes {_size(needed)}, and there is {_size(_memory())} of memory"
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
    shapes = " and ".join(" x ".join(map(str, tensor.shape)) for tensor in inputs)
    shape = " x ".join(map(str, first.shape))
    return f"ran a forward pass: {shapes} -> {shape} in {1000 * elapsed:.1f} ms on the CPU (second run)"


def _memory() -> int:
    """Bytes of memory that this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else sys.maxsize


def _size(count: int) -> str:
    for unit, size in (("GiB", 2**30), ("MiB", 2**20)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count / 2**10:.1f} KiB"
