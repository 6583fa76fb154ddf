"""The kinds of argument a layer takes, and the field helpers that declare them.

A layer is a dataclass: its fields are its signature, and each is made by one of the functions below (`extent()`,
`integer()`, ...), which says what is accepted. Positional arguments come in field order, the others by keyword.
"""

from __future__ import annotations

import math
import sys
from typing import Any

from cnndsl.records import MISSING, dataclass, field, fields

SAME = "same"
"""The padding by which a window with a stride leaves ceil(size / stride) pixels, whatever the size is."""


class Size(tuple[int, ...]):
    """A value such as `3x3` or `64 x 56 x 56`."""

    __slots__ = ()

    def __str__(self) -> str:
        return "x".join(map(str, self))


class ArgumentError(Exception):
    """A value that an argument does not accept. `out_of_range` tells a bad value from a bad type."""

    def __init__(self, message: str, *, out_of_range: bool = False) -> None:
        super().__init__(message)
        self.out_of_range = out_of_range


def show(value: object) -> str:
    """A value as the language writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, Size):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(show, value)) + "]"
    if value is None:
        return "none"
    return str(value)


def type_name(value: object) -> str:
    """What the language calls the type of a value: `int`, `size`, `block`, ..."""
    if isinstance(value, bool):
        return "bool"
    for python_type, name in ((int, "int"), (float, "float"), (str, "string"), (Size, "size"), (list, "list")):
        if isinstance(value, python_type):
            return name
    return getattr(value, "type_name", type(value).__name__)


class Kind:
    """What one argument accepts. `expects` completes the sentence "expected ..."."""

    expects: str = "a value"
    choices: tuple[str, ...] = ()

    def accept(self, value: object) -> object:
        """The value as the layer stores it; `ArgumentError` if it is none of ours."""
        return value

    def show(self, value: Any) -> str:
        """A stored value as the language writes it."""
        return show(value)

    def keyword(self, name: str, value: Any) -> str:
        return f"{name}={self.show(value)}"

    def _refuse(self, value: object) -> ArgumentError:
        return ArgumentError(f"expected {self.expects}, found {type_name(value)} {show(value)}")

    def _out_of_range(self, value: object) -> ArgumentError:
        return ArgumentError(f"expected {self.expects}, found {show(value)}", out_of_range=True)


def _whole(value: object) -> object:
    """Where an integer is wanted `4.0` counts as one, since `/` makes it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True)
class Integer(Kind):
    """A whole number."""

    minimum: int | None = 1
    maximum: int | None = None

    @property
    def expects(self) -> str:  # type: ignore[override]
        if self.minimum is None:
            return "an integer"
        if self.maximum is None:
            return "a positive integer" if self.minimum == 1 else f"an integer of at least {self.minimum}"
        return f"an integer from {self.minimum} to {self.maximum}"

    def accept(self, value: object) -> int:
        value = _whole(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._refuse(value)
        if (self.minimum is not None and value < self.minimum) or (self.maximum is not None and value > self.maximum):
            raise self._out_of_range(value)
        return value


@dataclass(frozen=True)
class Number(Kind):
    """A finite number."""

    minimum: float = -math.inf
    maximum: float = math.inf
    above: bool = False  # the minimum itself is out of range
    below: bool = False  # the maximum itself is out of range

    @property
    def expects(self) -> str:  # type: ignore[override]
        low, high = "above" if self.above else "at least", "below" if self.below else "at most"
        limits = [f"{low} {self.minimum:g}"] * (self.minimum > -math.inf)
        limits += [f"{high} {self.maximum:g}"] * (self.maximum < math.inf)
        return "a number" + (" " + " and ".join(limits) if limits else "")

    def accept(self, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._refuse(value)
        low = value > self.minimum if self.above else value >= self.minimum
        high = value < self.maximum if self.below else value <= self.maximum
        if not (low and high and abs(value) <= sys.float_info.max):
            raise self._out_of_range(value)
        return float(value)


class Boolean(Kind):
    expects = "true or false"

    def accept(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise self._refuse(value)
        return value


@dataclass(frozen=True)
class Choice(Kind):
    """One of a few words, written bare (`round=ceil`) or as a string."""

    choices: tuple[str, ...] = ()

    @property
    def expects(self) -> str:  # type: ignore[override]
        return " or ".join(f"`{choice}`" for choice in self.choices)

    def accept(self, value: object) -> str:
        if not isinstance(value, str):
            raise self._refuse(value)
        if value in self.choices:
            return value
        raise self._out_of_range(value)

    def show(self, value: Any) -> str:
        return str(value)


@dataclass(frozen=True)
class Extent(Kind):
    """Height and width: `3x5`, or one integer for a square. Stored as (height, width)."""

    minimum: int = 1

    @property
    def expects(self) -> str:  # type: ignore[override]
        return f"a size such as 3x3, or an integer, of at least {self.minimum}"

    def accept(self, value: object) -> tuple[int, int]:
        value = _whole(value)
        if isinstance(value, int) and not isinstance(value, bool):
            value = Size((value, value))
        if not isinstance(value, Size) or len(value) != 2:
            raise self._refuse(value)
        if min(value) < self.minimum:
            raise self._out_of_range(value)
        return (value[0], value[1])

    def show(self, value: Any) -> str:
        return str(Size(value))


class Stride(Extent):
    """An extent that is written `/2`, or `/2x1`."""

    def keyword(self, name: str, value: Any) -> str:
        return f"/{value[0] if value[0] == value[1] else Size(value)}"


@dataclass(frozen=True)
class Padding(Kind):
    """Rows and columns around an image: `1`, `1x3` (height, width), or `[top, bottom, left, right]`.

    Stored as (top, bottom, left, right), but for the words of `choices`, which stand for what the size asks for.
    """

    choices: tuple[str, ...] = ()

    @property
    def expects(self) -> str:  # type: ignore[override]
        words = "".join(f", or `{word}`" for word in self.choices)
        return f"an integer, a size such as 1x3, or a list [top, bottom, left, right], none of them negative{words}"

    def accept(self, value: object) -> tuple[int, int, int, int] | str:
        if isinstance(value, str) and value in self.choices:
            return value
        value = _whole(value)
        if isinstance(value, int) and not isinstance(value, bool):
            sides: tuple[object, ...] = (value,) * 4
        elif isinstance(value, Size) and len(value) == 2:
            sides = (value[0], value[0], value[1], value[1])
        elif isinstance(value, list) and len(value) == 4:
            sides = tuple(map(_whole, value))
        else:
            raise self._refuse(value)
        if any(isinstance(side, bool) or not isinstance(side, int) for side in sides):
            raise self._refuse(value)
        if any(side < 0 for side in sides):  # type: ignore[operator]
            raise self._out_of_range(value)
        return sides  # type: ignore[return-value]

    def show(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        top, bottom, left, right = value
        if (top, left) != (bottom, right):
            return show([*value])
        return str(top) if top == left else f"{top}x{left}"


class TensorLabel(Kind):
    """Another tensor, by the label that `as` gave it; it becomes a further input of the layer."""

    expects = "the label of a tensor"

    def accept(self, value: object) -> str:
        if not isinstance(value, str):
            raise self._refuse(value)
        return value

    def show(self, value: Any) -> str:
        return str(value)


def argument(kind: Kind, default: Any = MISSING, *, keyword: bool = False, shown: str | None = None) -> Any:
    """Declare one argument. Without a default it must be given; `keyword` ones are never positional.

    `shown` documents a default that is worked out rather than constant (`kernel // 2`). Layers that name different
    tensors are alike otherwise: which ones they read is a matter of the graph.
    """
    return field(
        default=default,
        kw_only=keyword,
        compare=not isinstance(kind, TensorLabel),
        metadata={"kind": kind, "shown": shown},
    )


def integer(
    default: Any = MISSING, *, minimum: int | None = 1, maximum: int | None = None, keyword: bool = False
) -> Any:
    return argument(Integer(minimum, maximum), default, keyword=keyword)


def number(
    default: Any = MISSING,
    *,
    minimum: float = -math.inf,
    maximum: float = math.inf,
    above: bool = False,
    keyword: bool = False,
) -> Any:
    return argument(Number(minimum, maximum, above), default, keyword=keyword)


def probability(default: Any = MISSING, *, keyword: bool = False) -> Any:
    """A probability of dropping something: from 0 to below 1."""
    return argument(Number(0.0, 1.0, below=True), default, keyword=keyword)


def boolean(default: Any = MISSING, *, shown: str | None = None) -> Any:
    return argument(Boolean(), default, keyword=True, shown=shown)


def choice(*choices: str, default: str) -> Any:
    return argument(Choice(choices), default, keyword=True)


def extent(default: Any = MISSING, *, minimum: int = 1, keyword: bool = False, shown: str | None = None) -> Any:
    """A (height, width) pair, such as a kernel."""
    return argument(Extent(minimum), default, keyword=keyword, shown=shown)


def stride(default: Any = (1, 1), *, shown: str | None = None) -> Any:
    """The stride, written `/2` (or `stride=2`): a (height, width) pair."""
    return argument(Stride(), default, keyword=True, shown=shown)


def padding(default: Any = (0, 0, 0, 0), *, keyword: bool = True, shown: str | None = None, same: bool = False) -> Any:
    """Rows and columns around an image; with `same`, also that word."""
    return argument(Padding((SAME,) if same else ()), default, keyword=keyword, shown=shown)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One entry of a signature: of a layer, of a structure, or of a user's block."""

    name: str
    kind: Kind
    required: bool
    positional: bool
    default: object = None
    shown: str | None = None


def signature(cls: Any) -> tuple[Parameter, ...]:
    """The signature that a layer's (or structure's) dataclass fields declare, in order."""
    return tuple(
        Parameter(
            f.name,
            f.metadata["kind"],
            required=f.default is MISSING,
            positional=not f.kw_only,
            default=None if f.default is MISSING else f.default,
            shown=f.metadata.get("shown"),
        )
        for f in fields(cls)
        if "kind" in f.metadata
    )
