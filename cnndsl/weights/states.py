"""Foreign files of weights, of any kind, as names and tensors in the order of the file. None of them can run code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnndsl.extras import require
from cnndsl.weights.check import WeightsError
from cnndsl.weights.files import load_weights
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
        return State(dict(sorted(tensors.items(), key=lambda item: _natural(item[0]))), ordered=False)
    readers = {".npz": _read_npz, ".pkl": load_arrays, ".pickle": load_arrays}
    found = dict(_tensors(_unwrapped(readers.get(kind, _read_checkpoint)(path))))
    if not found:
        raise WeightsError(f"{path} holds no tensors")
    return State(found)


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts `layer2` before `layer10`."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def _read_checkpoint(path: Path) -> object:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken or refused pickle raises anything
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise WeightsError(f"cannot read weights from {path}: {reason}") from error


def _read_npz(path: Path) -> object:
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except Exception as error:  # a broken archive raises anything
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise WeightsError(f"cannot read weights from {path}: {reason}") from error


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
        yield prefix, torch.from_numpy(np.ascontiguousarray(content))
