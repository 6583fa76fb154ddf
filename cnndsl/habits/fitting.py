"""Whether foreign values fit our arguments, and how they are written there."""

from __future__ import annotations

from collections.abc import Sequence

from cnndsl.habits.foreign_line import Unclear, Value
from cnndsl.habits.layers import meaning
from cnndsl.habits.order import LARGEST_KERNEL
from cnndsl.habits.values import is_nothing, numbers, truth
from cnndsl.ops import find
from cnndsl.ops.arguments import ArgumentError, Choice, Parameter, Size, Stride
from cnndsl.ops.base import LayerError, Op

_LARGEST = {"kernel": LARGEST_KERNEL, "stride": 8, "pad": 8, "dilation": 32}  # what these are at most, without names
MANY, KERNELS = 8, (1, 3, 5, 7)  # `conv 8, 3` has eight filters
_COUNTS = {"filters", "features", "groups", "multiplier"}


def activation(value: Value) -> list[str]:
    """`relu`, `'relu'`, `nn.ReLU`, `nn.ReLU()`, or none."""
    if value.kind == "call" and not value.links[-1].arguments:
        value = Value("word", value.links[-1].name)
    if is_nothing(value) or value.text in ("linear", "false", "False", "identity"):
        return []
    means = meaning(value.text) if value.kind in ("word", "string") else None
    op = find(means.word) if means is not None else None
    if means is None or op is None or not follows(op):
        raise Unclear(value.text)
    return ["leaky_relu 0.1" if value.text == "leaky" else means.word]  # Darknet's slope


def follows(op: type[Op]) -> bool:
    """Whether it may be named among a layer's arguments to follow it: an activation, or a normalisation."""
    return not any(parameter.required for parameter in op.signature()) and not op.weighted and op.arity == 1


def word(name: str) -> str:
    means = meaning(name)
    return means.word if means is not None else name


def plausible(slot: str, value: Value) -> bool:
    parts = numbers(value)
    if slot in _LARGEST and value.kind == "number":
        return parts is not None and parts[0] <= _LARGEST[slot]
    if slot == "kernel":
        return value.kind != "call"
    if slot in _COUNTS:
        return value.kind not in ("tuple", "size", "string", "call") or "*" in value.text
    return True


def is_spread(values: Sequence[Value]) -> bool:
    """`3, 3, 64`: rows, columns, filters."""
    rows, columns, filters = ((numbers(value) or (0,))[0] for value in values)
    return all(value.kind == "number" for value in values) and rows == columns in KERNELS and filters >= MANY


def inverse(name: str, value: Value) -> Value:
    """`no_bias=true` for `bias=false`, `keep_prob=0.8` for `p=0.2`."""
    if name.startswith("no") and truth(value) is not None:
        return Value("word", "false" if truth(value) else "true")
    try:
        return Value("number", f"{1 - float(value.text):.6g}")
    except ValueError:
        raise Unclear(name) from None


def pair(parts: tuple[int, ...] | None) -> tuple[int, int] | None:
    return (parts[0], parts[-1]) if parts is not None and len(parts) in (1, 2) else None


def accepts(parameter: Parameter, value: object) -> bool:
    try:
        parameter.kind.accept(value)
    except ArgumentError:
        return False
    return True


def keyword(parameter: Parameter, text: str) -> str:
    return f"/{text}" if isinstance(parameter.kind, Stride) else f"{parameter.name}={text}"


def literal(text: str) -> object:
    """The value of a text without names; None if it has some."""
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        parts = text.split("x")
    return Size(map(int, parts)) if all(part.isdigit() for part in parts) else None


def is_default(literal: object, parameter: Parameter) -> bool:
    """Whether a value is what would be taken without it."""
    if isinstance(parameter.kind, Choice) or literal is None or parameter.default is None:
        return False
    try:
        return parameter.kind.accept(literal) == parameter.default
    except ArgumentError:
        return False


def hold(op: type[Op], parameters: dict[str, Parameter], literals: dict[str, object]) -> None:
    """Raises `Unclear` if the layer would not take these values."""
    try:
        taken = {n: parameters[n].kind.accept(v) for n, v in literals.items() if v is not None}
        if None not in literals.values():
            op(**taken)
    except (ArgumentError, LayerError, TypeError) as error:
        raise Unclear(str(error)) from None
