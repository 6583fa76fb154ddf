"""Weights in several files: safetensors with an index, and folders of numpy arrays. Nothing outside is looked at."""

from __future__ import annotations

import json
from pathlib import Path

from cnndsl.errors import WeightsError, reason
from cnndsl.states import load_weights
from cnndsl.weights.files.formats import INDEX
from cnndsl.weights.files.names import by_numbers


def read_index(path: Path) -> object:
    """The tensors that an index lists, each from the file beside it that has it. Raises `WeightsError`."""
    path = path / INDEX if path.is_dir() else path
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
        files = sorted({*listed.values()})
        outside = [name for name in files if Path(name).name != name]
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise WeightsError(
            f"cannot read weights from {path}: it is no index of safetensors ({reason(error)})"
        ) from error
    if outside:
        raise WeightsError(f"cannot read weights from {path}: {outside[0]} is no file beside it")
    absent = [name for name in files if not (path.parent / name).is_file()]
    if absent:
        raise WeightsError(f"cannot read weights from {path}: there is no {absent[0]} beside it")
    found = {name: tensor for file in files for name, tensor in load_weights(path.parent / file).items()}
    missing = [name for name in listed if name not in found]
    if missing:
        raise WeightsError(f"cannot read weights from {path}: {listed[missing[0]]} has no {missing[0]}")
    return {name: found[name] for name in sorted(listed, key=by_numbers)}


def read_folder(path: Path) -> object:
    """The arrays of a folder and those in it, by their names and those of their folders. Raises `WeightsError`."""
    import numpy as np

    found = {}
    for file in sorted(path.rglob("*.npy"), key=lambda each: by_numbers(str(each))):
        try:
            found[".".join(file.relative_to(path).with_suffix("").parts)] = np.load(file, allow_pickle=False)
        except Exception as error:  # a broken array raises anything
            raise WeightsError(f"cannot read weights from {file}: {reason(error)}") from error
    return found
