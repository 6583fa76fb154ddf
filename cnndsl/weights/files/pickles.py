"""Pickles of numpy arrays, read without running what is in them: nothing but arrays is let in."""

from __future__ import annotations

import codecs
import pickle
from pathlib import Path
from typing import Any

from cnndsl.errors import WeightsError, reason

# Where numpy kept its constructors, before and since version 2.
_MODULES = frozenset({"numpy", "numpy.core.multiarray", "numpy._core.multiarray"})
_NAMES = frozenset({"ndarray", "dtype", "_reconstruct", "scalar"})


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """How older pickles write bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in {encoding}")
    return codecs.encode(text, "latin1")


class ArrayUnpickler(pickle.Unpickler):
    """Knows numpy's arrays and Python's plain containers, numbers and strings, and no other class or function."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return _encode
        if module in _MODULES and name in _NAMES:
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        raise pickle.UnpicklingError(f"it holds {module}.{name}, and only numpy arrays are read")


def load_arrays(path: Path) -> object:
    """What a pickle holds: arrays in dicts, lists and tuples. Raises `WeightsError`."""
    try:
        with path.open("rb") as file:
            return ArrayUnpickler(file, encoding="latin1").load()
    except Exception as error:  # a broken pickle raises anything
        raise WeightsError(f"cannot read weights from {path}: {reason(error)}") from error
