"""Local response normalisation as PyTorch's own function computes it, in many steps, looked at from the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnndsl.foreign.pytorch.moving import VIEWS
from cnndsl.foreign.pytorch.program import arguments, word
from cnndsl.foreign.pytorch.reading import Reading, Value
from cnndsl.ops.normalization import Lrn

if TYPE_CHECKING:
    from torch import fx


def response_norm(reading: Reading, node: fx.Node) -> Value | None:
    """x / (k + alpha * mean)^beta, the mean being over the squares of channels around."""
    x: Any = node.args[0]
    below = node.args[1]
    power, beta = _with_number(below, "pow")
    total, k = _with_number(power, "add")
    product, alpha = _with_number(total, "mul")
    pool = _made(product, "avg_pool3d")
    padded = _made(pool and pool.args[0], "pad")
    squares = _made(padded and padded.args[0], "mul")
    if pool is None or padded is None or squares is None or squares.args != (x, x):
        return None
    said = arguments(pool)
    size, *pixels = said["kernel_size"]
    around = [0, 0, 0, 0, size // 2, (size - 1) // 2]
    plain = pixels == [1, 1] and set(said["stride"]) == {1} and not any(said["padding"])
    if not plain or list(padded.args[1]) != around:
        return None
    op = Lrn(int(size), alpha=alpha, beta=beta, k=k)
    return reading.add(node, op, reading.step(reading.values[x]))


def _made(value: Any, kind: str) -> Any:
    """The node of this operator that made a value, but for views of it."""
    while _word(value) in VIEWS:
        value = value.args[0]
    return value if _word(value) == kind else None


def _with_number(value: Any, kind: str) -> tuple[Any, float]:
    """What an operator computes with a number, and the number."""
    node = _made(value, kind)
    number = node.args[1] if node is not None and len(node.args) == 2 else None
    return (node.args[0], float(number)) if isinstance(number, int | float) else (None, 0.0)


def _word(value: Any) -> str:
    return word(value) if getattr(value, "op", "") == "call_function" else ""
