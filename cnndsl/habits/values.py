"""Values of other languages as ours: `(2, 2)`, `'same'`, `False`, `50%`."""

from __future__ import annotations

import re

from cnndsl.habits.foreign_line import Unclear, Value
from cnndsl.ops.arguments import Boolean, Choice, Extent, Kind, Number, Padding, Size, Stride

_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0", "none", "null"}
_NOTHING = {"none", "null", "nil"}


def is_nothing(value: Value) -> bool:
    return value.kind in ("word", "string") and value.text.lower() in _NOTHING


def truth(value: Value) -> bool | None:
    """What they say for true and false."""
    text = value.text.lower()
    if value.kind in ("word", "string", "number"):
        return True if text in _TRUE else False if text in _FALSE else None
    return None


def numbers(value: Value) -> tuple[int, ...] | None:
    """The whole numbers of `3`, `3x3`, `(3, 3)`, `"3x3"`; None for anything else."""
    if value.kind == "tuple":
        parts = [numbers(item) for item in value.items]
        return tuple(part[0] for part in parts if part) if all(part and len(part) == 1 for part in parts) else None
    if value.kind == "word" and re.fullmatch(r"k\d+", value.text):
        return (int(value.text[1:]),)
    text = value.text
    if value.kind in ("number", "size", "string") and re.fullmatch(r"-?\d+(\s*[xX×*,]\s*\d+)*x?", text):
        return tuple(int(part) for part in re.findall(r"-?\d+", text))
    return None


def written(kind: Kind, value: Value, *, square: bool = False) -> str:
    """The value as an argument of this kind is written here; raises `Unclear`.

    A name or an expression stays as it is; `square` writes an extent as `3x3` even where one number would do.
    """
    if value.kind in ("word", "expression") and not _is_constant(kind, value):
        return value.text
    if isinstance(kind, Extent):
        return _extent(kind, numbers(value), square=square)
    if isinstance(kind, Padding):
        return _padding(kind, numbers(value))
    if isinstance(kind, Boolean):
        if (known := truth(value)) is None:
            raise Unclear(value.text)
        return "true" if known else "false"
    if isinstance(kind, Choice):
        return _choice(kind, value)
    return _number(kind, value)


def _is_constant(kind: Kind, value: Value) -> bool:
    """Whether a bare word is a constant here, and no name: `False`, `bilinear`, `k3`."""
    if isinstance(kind, Boolean):
        return truth(value) is not None
    return isinstance(kind, Choice) or numbers(value) is not None


def _extent(kind: Extent, parts: tuple[int, ...] | None, *, square: bool) -> str:
    if parts is None or len(parts) not in (1, 2) or min(parts) < kind.minimum:
        raise Unclear(str(parts))
    rows, columns = parts[0], parts[-1]
    if rows == columns and (not square or isinstance(kind, Stride)):
        return str(rows)
    return str(Size((rows, columns)))


def _padding(kind: Padding, parts: tuple[int, ...] | None) -> str:
    if parts is None or len(parts) not in (1, 2) or min(parts) < 0:  # the order of four sides differs by framework
        if parts is None or len(set(parts)) > 1 or min(parts) < 0:
            raise Unclear(str(parts))
        return str(parts[0])
    return str(kind.show((parts[0], parts[0], parts[-1], parts[-1])))


def _choice(kind: Choice, value: Value) -> str:
    text = value.text.lower()
    if value.kind not in ("word", "string") or text not in kind.choices:
        raise Unclear(value.text)
    return text


def _number(kind: Kind, value: Value) -> str:
    text = value.text
    if value.kind == "number" and text.endswith("%") and isinstance(kind, Number):
        return f"{float(text[:-1]) / 100:g}"
    if value.kind == "string":
        text = value.text if re.fullmatch(r"[\d.]+", value.text) else ""
    if value.kind in ("tuple", "call") or not re.fullmatch(r"-?[\d_.]+([eE][+-]?\d+)?|\d+\s*\*\s*\d+", text):
        raise Unclear(value.text)
    return f"0{text}" if text.startswith(".") else text
