"""The shapes in a safetensors file, from its header alone: what fits is known before torch is imported or data read."""

from __future__ import annotations

import json
from math import prod
from typing import Any, BinaryIO

from cnndsl.errors import WeightsError
from cnndsl.ops.base import Shape

LARGEST_HEADER = 100_000_000  # as safetensors itself has it
BITS = {
    **dict.fromkeys(("F64", "I64", "U64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "I8", "U8", "BOOL"), 8),
}


def read_shapes(file: BinaryIO, size: int) -> dict[str, Shape]:
    """The shape of every tensor by its name. Raises `WeightsError` unless their data fills a file of `size` bytes."""
    length = int.from_bytes(file.read(8), "little")
    if not 0 < length <= min(LARGEST_HEADER, size - 8):
        raise WeightsError("it is no safetensors file, or not the whole of one")
    try:
        header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        shapes = {name: _shape(said) for name, said in header.items()}
        ranges = sorted(tuple(said["data_offsets"]) for said in header.values())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise WeightsError("its header is not that of a safetensors file") from error
    ends = [0, *(end for _, end in ranges)]
    if [start for start, _ in ranges] != ends[:-1] or ends[-1] != size - 8 - length:
        raise WeightsError("its tensors do not fill it")
    return shapes


def _shape(said: Any) -> Shape:
    """The shape of a tensor whose data is as long as it says; raises ValueError for another."""
    shape, (start, end) = said["shape"], said["data_offsets"]
    whole = all(type(number) is int and number >= 0 for number in (*shape, start, end))
    if not whole or 8 * (end - start) != prod(shape) * BITS[said["dtype"]]:
        raise ValueError("its data is longer or shorter than it says")
    return tuple(shape)
