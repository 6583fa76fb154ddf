"""The pointwise part of a kernel, its tail, as text: expressions made of layers' own."""

from __future__ import annotations

from collections.abc import Iterable

from cnndsl.ops.base import Op, literal
from cnndsl.ops.merge import Add

RELU = "tl.where(x < 0.0, 0.0, x)"


def expression(op: Op) -> str:
    """A pointwise layer's value at `x`, with its arguments filled in."""
    if op.triton is None:
        raise ValueError(f"`{op}` is not pointwise")
    return op.triton.format(**{name: literal(value) for name, value in vars(op).items()})


def steps(ops: Iterable[Op]) -> tuple[str, ...]:
    """A tail: the expressions of pointwise layers in `x`, where an `add` is `x + other`, the residual."""
    return tuple("x + other" if isinstance(op, Add) else expression(op) for op in ops)
