"""The written pair, `name.py` and `name.safetensors`: both appear whole, or nothing changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.analysis.memory import peak_memory
from cnndsl.backends.torch.loading import instantiate, plain_defaults
from cnndsl.backends.torch.source import generate_source
from cnndsl.errors import RunError
from cnndsl.extras import require
from cnndsl.files import text_writer, write_together
from cnndsl.ir.graph import Graph
from cnndsl.machine import memory
from cnndsl.states import save_weights

if TYPE_CHECKING:
    from torch import Tensor, nn


def write(
    graph: Graph,
    directory: Path,
    *,
    seed: int = 0,
    name: str | None = None,
    weights: bool = True,
    state: Mapping[str, Tensor] | None = None,
) -> list[Path]:
    """Write the generated source, and weights, `state` or drawn from `seed`, into a folder; gives the paths.

    The folder is made if need be. Files of the same names are replaced, together and at the end: after a failure or
    Ctrl-C the folder is as it was.
    Raises `OutputError`, `RunError`, and `MissingExtra` if PyTorch is not installed.
    """
    if weights:
        require("torch", "safetensors", extra="torch")
    source = generate_source(graph, name)
    writers = {f"{source.builder}.py": text_writer(source.text)}
    if weights:
        with plain_defaults():
            module = instantiate(source, seed)
            if state is not None:
                module.load_state_dict(state)
            run_once(module, graph)
            written = module.state_dict()
        writers[f"{source.builder}.safetensors"] = lambda path: save_weights(written, path, source.name)
    return write_together(directory, writers)


def run_once(module: nn.Module, graph: Graph) -> None:
    """Run a module in eval mode before anything of it is written, if its tensors have room in this machine.

    Raises `RunError` if it fails.
    """
    import torch

    if peak_memory(graph).bytes > memory():
        return
    training = module.training
    inputs = (torch.zeros(1, *node.shape) for node in graph.inputs)
    try:
        with torch.inference_mode():
            module.eval()(*inputs)
    except Exception as error:  # whatever PyTorch raises for what a layer asks of it
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise RunError(f"nothing is written, since {graph.name} does not run: {reason}") from error
    module.train(training)
