"""The written pair, `name.py` and `name.safetensors`: both appear whole, or nothing changes."""

from __future__ import annotations

from pathlib import Path

from cnndsl.backends.torch.loading import instantiate, plain_defaults
from cnndsl.backends.torch.source import generate_source
from cnndsl.extras import require
from cnndsl.files import text_writer, write_together
from cnndsl.ir.graph import Graph
from cnndsl.weights import save_weights


def write(graph: Graph, directory: Path, *, seed: int = 0, name: str | None = None, weights: bool = True) -> list[Path]:
    """Write the generated source, and weights drawn from `seed`, into a folder; gives the paths.

    The folder is made if need be. Files of the same names are replaced, together and at the end: after a failure or
    Ctrl-C the folder is as it was.
    Raises `OutputError`, and `MissingExtra` if PyTorch is not installed.
    """
    if weights:
        require("torch", "safetensors", extra="torch")
    source = generate_source(graph, name)
    writers = {f"{source.builder}.py": text_writer(source.text)}
    if weights:
        with plain_defaults():
            state = instantiate(source, seed).state_dict()
        writers[f"{source.builder}.safetensors"] = lambda path: save_weights(state, path, source.name)
    return write_together(directory, writers)
