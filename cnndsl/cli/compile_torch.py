"""What `cnndsl compile` does for the PyTorch backend: source and weights, and a forward pass of what was written."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from importlib.machinery import PathFinder
from pathlib import Path
from shlex import quote

from cnndsl.architecture import Architecture
from cnndsl.cli.amounts import show_size
from cnndsl.cli.arguments import show_input
from cnndsl.machine import memory
from cnndsl.ops import show_shape


def run_torch(network: Architecture, options: argparse.Namespace) -> int:
    if options.emit == "source":
        print(network.source(optimize=options.optimize), end="")
        return 0
    folder = options.output if options.output is not None else Path(network.name)
    print(network.summary())
    print()
    files = network.write(folder, seed=options.seed, optimize=options.optimize, weights=options.state)
    for path in files:
        print(f"wrote {path} ({show_size(path.stat().st_size)})")
    print(_forward_pass(network, files))
    print("\nnext:")
    print(f"  {_shown_module(files[0])}")
    if options.model != "-":
        print(f"  {_cnndsl()} summary {quote(options.model)}{_settings(options)} --depth 9")
    return 0


def _shown_module(program: Path) -> str:
    """The command that prints the module; by its path where Python knows another one of that name."""
    name = program.stem
    if _is_taken(name):
        code = f"import runpy, sys; print(runpy.run_path(sys.argv[1])['{name}']())"
        return f'{_python()} -P -c "{code}" {quote(str(program))}'
    folder = str(program.parent)
    folder = f"./{folder}" if folder.startswith("-") else folder
    return f'cd {quote(folder)} && {_python()} -c "from {name} import {name}; print({name}())"'


def _is_taken(name: str) -> bool:
    """Whether a module of that name is in the standard library, or installed."""
    here = {"", os.getcwd()}
    elsewhere = [path for path in sys.path if path not in here]
    found = PathFinder.find_spec(name, elsewhere)
    return name in sys.modules or name in sys.stdlib_module_names or found is not None


def _settings(options: argparse.Namespace) -> str:
    """The options that set the network, as the shell takes them."""
    set_input = [word for each in options.input for word in ("--input", show_input(*each))]
    parameters = [word for each in options.parameters for word in ("-p", each)]
    return "".join(f" {quote(word)}" for word in (*parameters, *set_input))


def _python() -> str:
    """What the shell calls this Python: its path, unless it is found by its name."""
    found = shutil.which("python")
    return "python" if found is not None and Path(found) == Path(sys.executable) else quote(sys.executable)


def _cnndsl() -> str:
    return "cnndsl" if _python() == "python" else f"{_python()} -m cnndsl"


def _forward_pass(network: Architecture, files: list[Path]) -> str:
    """Run what was written, with the weights that were written, on random input of the network's size."""
    needed = network.facts.memory
    if needed > memory():
        return f"ran no forward pass: it takes {show_size(needed)}, and there is {show_size(memory())} of memory"
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
    shapes, shape = " and ".join(show_shape(tensor.shape) for tensor in inputs), show_shape(first.shape)
    return f"ran a forward pass: {shapes} -> {shape} in {1000 * elapsed:.1f} ms on the CPU (second run)"
