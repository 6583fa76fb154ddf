"""State dicts in safetensors files, which hold tensors and nothing that could run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.errors import WeightsError, reason
from cnndsl.extras import require
from cnndsl.ir.graph import Graph
from cnndsl.states.check import check_shapes
from cnndsl.version import __version__

if TYPE_CHECKING:
    from torch import Tensor


def save_weights(state: Mapping[str, Tensor], path: Path, network: str, note: str = "") -> None:
    """Write a state dict, and as its metadata the network's name, our version and a note. Raises `OSError`."""
    require("torch", "safetensors", extra="torch")
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    said = f"{network}, written by cnndsl {__version__}" + (f"; {note}" if note else "")
    metadata = {"cnndsl": said}  # one entry: their order would not be fixed
    tensors = _each_alone({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()})
    path.touch()
    mode = path.stat().st_mode  # safetensors would let nobody but the owner read the file
    try:
        save_file(tensors, path, metadata)
        path.chmod(mode)
    except SafetensorError as error:
        raise OSError(str(error)) from error


def _each_alone(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors in memory of their own, without which safetensors does not take weights that are used twice."""
    seen = set[int]()
    alone = {}
    for name, tensor in state.items():
        place = tensor.untyped_storage().data_ptr()
        alone[name] = tensor.clone() if place in seen else tensor
        seen.add(place)
    return alone


def load_weights(path: Path, graph: Graph | None = None) -> dict[str, Tensor]:
    """Read a state dict onto the CPU; with a graph, check that it fits. Raises `WeightsError`."""
    require("torch", "safetensors", extra="torch")
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = load_file(path)
    except (OSError, SafetensorError, ValueError) as error:
        raise WeightsError(f"cannot read weights from {path}: {reason(error)}") from error
    if graph is not None:
        check_shapes(graph, {name: tuple(tensor.shape) for name, tensor in state.items()})
    return state
