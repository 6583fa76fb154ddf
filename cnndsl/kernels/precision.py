"""The precisions that networks are compiled for: the type of their tensors, and how products of float32 are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Precision = Literal["fp16", "bf16", "tf32", "fp32"]
Dtype = Literal["fp16", "bf16", "fp32"]
PRECISIONS: tuple[Precision, ...] = ("fp16", "bf16", "tf32", "fp32")
SIZES: Mapping[str, int] = {"fp16": 2, "bf16": 2, "fp32": 4}


def dtype_of(precision: str) -> Dtype:
    """The type of tensors at a precision; sums are in float32 at all of them. Raises ValueError for an unknown one."""
    if precision not in PRECISIONS:
        raise ValueError(f"there is no precision {precision!r}; there are {', '.join(PRECISIONS)}")
    return "fp16" if precision == "fp16" else "bf16" if precision == "bf16" else "fp32"


def products_of(precision: str) -> str:
    """How products of float32 are made: rounded to TF32 first, or "ieee"."""
    return "ieee" if precision == "fp32" else "tf32"
