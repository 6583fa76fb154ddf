"""The precisions that networks are compiled for: the type of their tensors, and how products of float32 are made.

At a precision of 8 bits most tensors between layers are of that type, each with one scale; where a layer cannot have
them so, they are in half precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Precision = Literal["fp16", "bf16", "tf32", "fp32", "int8", "fp8"]
EightBits = Literal["int8", "fp8"]  # whole numbers, or 4 bits of exponent and 3 of mantissa (e4m3)
Dtype = Literal["fp16", "bf16", "fp32", "int8", "fp8"]
PRECISIONS: tuple[Precision, ...] = ("fp16", "bf16", "tf32", "fp32", "int8", "fp8")
SIZES: Mapping[str, int] = {"fp16": 2, "bf16": 2, "fp32": 4, "int8": 1, "fp8": 1}
LARGEST: Mapping[str, int] = {"int8": 127, "fp8": 448}  # beyond that, values of 8 bits saturate


def dtype_of(precision: str) -> Dtype:
    """The type of tensors at a precision that has one, else of those that cannot have 8 bits; sums are in float32 or,
    of int8, in int32. Raises ValueError for an unknown precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"there is no precision {precision!r}; there are {', '.join(PRECISIONS)}")
    return "fp16" if precision in ("fp16", *LARGEST) else "bf16" if precision == "bf16" else "fp32"


def eight_bits_of(precision: str) -> EightBits | None:
    """The type of tensors that can have 8 bits at a precision; None at the others."""
    return "int8" if precision == "int8" else "fp8" if precision == "fp8" else None


def products_of(precision: str) -> str:
    """How products of float32 are made: rounded to TF32 first, or "ieee"."""
    return "ieee" if precision == "fp32" else "tf32"
