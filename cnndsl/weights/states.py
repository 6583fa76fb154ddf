"""Foreign files of weights, of any kind, as names and tensors in the order of the file. None of them can run code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnndsl.errors import WeightsError
from cnndsl.extras import require
from cnndsl.weights.check import reason
from cnndsl.weights.files import load_weights
from cnndsl.weights.names import by_numbers
from cnndsl.weights.pickles import load_arrays

if TYPE_CHECKING:
    from torch import Tensor

# Where training scripts put the state dict among other things.
WRAPPERS = ("state_dict", "model_state_dict", "model")


@dataclass(frozen=True)
class State:
    """The tensors of a file. `ordered` if they stand in the order of definition, else they are sorted by name."""

    tensors: Mapping[str, Tensor]
    ordered: bool = True


def read_state(path: Path) -> State:
    """Read safetensors, a torch checkpoint (weights only), or numpy arrays (`.npz`, `.pkl`). Raises `WeightsError`."""
    require("torch", "safetensors", extra="torch")
    kind = path.suffix.lower()
    if kind == ".safetensors":
        tensors = load_weights(path)
        return _checked(path, State(dict(sorted(tensors.items(), key=lambda item: by_numbers(item[0]))), ordered=False))
    readers = {".npz": _read_npz, ".pkl": load_arrays, ".pickle": load_arrays}
    return _checked(path, State(dict(_tensors(_unwrapped(readers.get(kind, _read_checkpoint)(path))))))


def _checked(path: Path, state: State) -> State:
    """Not one nameless tensor, and no values that training or a bad disk has spoilt."""
    if not state.tensors or "" in state.tensors:
        raise WeightsError(f"{path} holds no tensors by name")
    for name, tensor in state.tensors.items():
        if not tensor.isfinite().all():
            raise WeightsError(f"{path}: {name} holds values that are no numbers")
    return state


def _read_checkpoint(path: Path) -> object:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken or refused pickle raises anything
        raise WeightsError(f"cannot read weights from {path}: {_refusal(error)}") from error


def _refusal(error: Exception) -> str:
    """PyTorch's own words are advice to read the file in a way that could run anything."""
    if "Weights only load failed" not in str(error):
        return reason(error)
    found = re.search(r"GLOBAL ([\w.]+)", str(error))
    return f"it holds {found[1]}, and only tensors are read" if found else "it is no checkpoint of tensors alone"


def _read_npz(path: Path) -> object:
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except Exception as error:  # a broken archive raises anything
        raise WeightsError(f"cannot read weights from {path}: {reason(error)}") from error


def _unwrapped(content: Any) -> Any:
    """The state dict inside a checkpoint, without the prefix that data parallel training puts before its names."""
    for key in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if isinstance(content, dict) and content and all(str(name).startswith("module.") for name in content):
        return {name.removeprefix("module."): value for name, value in content.items()}
    return content


def _tensors(content: Any, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors in nested dicts and lists, by the path that leads to them."""
    import numpy as np
    import torch

    if isinstance(content, dict | list | tuple):
        items = content.items() if isinstance(content, dict) else enumerate(content)
        for key, value in items:
            yield from _tensors(value, f"{prefix}.{key}".lstrip("."))
    elif isinstance(content, torch.Tensor):
        yield prefix, content.detach()
    elif isinstance(content, np.ndarray) and content.dtype.kind in "fiu":
        yield prefix, torch.from_numpy(np.array(content, order="C"))  # which keeps a single number one
