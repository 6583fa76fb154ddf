"""What training keeps of a layer until its gradient is computed: its input, its output, tensors of its own."""

from __future__ import annotations

from math import prod
from typing import Literal, NamedTuple

FLOAT = 4  # bytes
INDEX = 8

Shares = Literal["never", "inference", "always"]
"""When what comes out of a layer is what came in, or a part of it, and takes no memory of its own."""


class Kept(NamedTuple):
    """What backward needs: all inputs, the output, and for one sample so many bytes `besides`; float32 on a CPU."""

    inputs: bool = False
    output: bool = False
    besides: int = 0


NOTHING = Kept()
INPUTS = Kept(inputs=True)
OUTPUT = Kept(output=True)


def floats(*shapes: tuple[int, ...]) -> int:
    """Bytes of tensors of these shapes."""
    return FLOAT * sum(map(prod, shapes))


def indices(shape: tuple[int, ...]) -> int:
    """Bytes of a position for each value, as pools remember where their maximum was."""
    return INDEX * prod(shape)
