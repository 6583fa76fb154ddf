"""Foreign files of weights, of any kind, as names and tensors in the order of the file. None of them can run code."""

from __future__ import annotations

import argparse
import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnndsl.errors import LiftError, WeightsError, reason
from cnndsl.extras import require
from cnndsl.states.files import load_weights
from cnndsl.weights.files.formats import Format, format_of
from cnndsl.weights.files.hdf5 import read_hdf5, read_keras
from cnndsl.weights.files.names import by_numbers
from cnndsl.weights.files.parts import read_folder, read_index
from cnndsl.weights.files.pickles import load_arrays
from cnndsl.weights.files.wrappers import has, unwrapped

if TYPE_CHECKING:
    from torch import Tensor

NUMBERS = frozenset({"float64", "float32", "float16", "bfloat16"})
WHOLE = frozenset({"bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))})
TEXTS = "SUO"  # kinds of numpy's arrays that hold no numbers and stand beside weights


@dataclass(frozen=True)
class State:
    """The tensors of a file. `ordered` if they stand in the order of definition, else they are sorted by name."""

    tensors: Mapping[str, Tensor]
    ordered: bool = True


def read_state(path: Path | str, key: str | None = None) -> State:
    """Read a file of weights, or a folder of them, whatever its name: see `formats` for what is known.

    `key` chooses among several sets of weights. Raises `WeightsError`, and `MissingExtra`.
    """
    require("torch", "safetensors", extra="torch")
    path = Path(path)
    content, ordered = _content(path)
    try:
        chosen = unwrapped(content, key)
        tensors = dict(_tensors(chosen))
        _check(tensors)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from error
    if not tensors or "" in tensors:
        raise WeightsError(f"{path} holds no tensors by name; it has {has(chosen)}")
    return State(tensors, ordered)


def _content(path: Path) -> tuple[object, bool]:
    """What a file holds, and whether it is in the order of definition."""
    kind = format_of(path)
    if kind == "hdf5":
        return read_hdf5(path)
    if kind == "keras":
        return read_keras(path)
    return READERS[kind](path), kind not in SORTED


def _check(tensors: Mapping[str, Tensor]) -> None:
    """Nothing that is no number as it stands, and no values that training or a bad disk has spoilt."""
    for name, tensor in tensors.items():
        kind = type_of(tensor)
        if kind not in NUMBERS | WHOLE:
            raise WeightsError(f"{name} is {kind}, and weights are plain numbers")
        if kind in NUMBERS and not tensor.isfinite().all():
            raise WeightsError(f"{name} holds values that are no numbers")


def check_whole_numbers(tensors: Mapping[str, Tensor], expected: Collection[str]) -> None:
    """Whole numbers are weights only with a scale; raise `WeightsError` for those that are not `expected`."""
    for name, tensor in tensors.items():
        if type_of(tensor) in WHOLE and name not in expected:
            raise WeightsError(f"{name} is {type_of(tensor)}, and weights are floating-point numbers")


def type_of(tensor: Tensor) -> str:
    """How the values of a tensor are kept, in a word."""
    import torch

    if tensor.layout != torch.strided:
        return "sparse"
    return "without values" if tensor.is_meta else str(tensor.dtype).removeprefix("torch.")


def _read_safetensors(path: Path) -> object:
    """Sorted as people number layers: the file keeps no order."""
    return dict(sorted(load_weights(path).items(), key=lambda item: by_numbers(item[0])))


def _read_checkpoint(path: Path) -> object:
    import torch

    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_plain()), path.open("rb") as file:
            warnings.simplefilter("ignore")
            return torch.load(file, map_location="cpu", weights_only=True)  # by a path it would heed the suffix
    except Exception as error:  # a broken or refused pickle raises anything
        raise WeightsError(f"cannot read weights from {path}: {_refusal(error)}") from error


def _plain() -> list[Any]:
    """What stands beside weights and cannot run anything: the options of a script, and numpy's single numbers."""
    import numpy as np

    scalar = np.float64(0).__reduce__()[0]
    numbers = [type(np.dtype(code)) for code in "?bhilqBHILQefd"]
    return [argparse.Namespace, np.dtype, *numbers, scalar, (scalar, "numpy.core.multiarray.scalar")]


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


def _read_onnx(path: Path) -> object:
    """The initializers that are no shapes or indices."""
    from cnndsl.foreign.onnx.model import read_model

    try:
        model = read_model(path)
    except LiftError as error:
        raise WeightsError(str(error).replace("cannot read", "cannot read weights from", 1)) from error
    from onnx import numpy_helper

    arrays = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    return {name: array for name, array in arrays.items() if array.dtype.kind == "f"}


READERS: dict[Format, Callable[[Path], object]] = {
    "safetensors": _read_safetensors,
    "index": read_index,
    "checkpoint": _read_checkpoint,
    "npz": _read_npz,
    "folder": read_folder,
    "pickle": load_arrays,
    "onnx": _read_onnx,
}
SORTED = ("safetensors", "index", "folder")  # by name, as they keep no order


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
    elif isinstance(content, np.ndarray) and content.dtype.kind not in TEXTS:
        try:
            native = np.array(content, dtype=content.dtype.newbyteorder("="), order="C")  # a single number stays one
            yield prefix, torch.from_numpy(native)
        except TypeError as error:
            raise WeightsError(f"{prefix} is {content.dtype}, and weights are plain numbers") from error
