"""What the operators of the language do to values, within bounds: 63 bits for integers, as much for floats."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Sequence
from typing import Any

from cnndsl.elaborate.values import MAX_ITEMS, brief
from cnndsl.ops.arguments import Size, type_name

LIMIT = 2**63
_MAX_SIZE = 8  # numbers in a size
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Uncomputable(Exception):
    """An expression without a value: E313 at the place of the expression."""


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def bounded(value: Any) -> Any:
    """A number that is real, finite and not too large."""
    if isinstance(value, complex):
        raise Uncomputable("the result is not real")
    if not abs(value) < LIMIT:
        raise Uncomputable("the result is too large")
    return value


def compare(symbol: str, a: Any, b: Any) -> bool:
    if symbol in ("==", "!=") or (is_number(a) and is_number(b)) or type_name(a) == type_name(b) == "string":
        return COMPARISONS[symbol](a, b)
    raise _misfit(symbol, "compare", a, b)


def arithmetic(symbol: str, a: Any, b: Any) -> object:
    if is_number(a) and is_number(b):
        if symbol == "**":
            return _power(a, b)
        if symbol in ("/", "//", "%") and b == 0:
            raise Uncomputable(f"{brief(a)} {symbol} 0 divides by zero")
        return bounded(_as_on_paper(symbol, a, b) if float in (type(a), type(b)) else _ARITHMETIC[symbol](a, b))
    if symbol == "+" and type(a) is type(b) and isinstance(a, (list, str)):
        return joined(a, b)
    if symbol == "*" and isinstance(a, list) and isinstance(b, int) and not isinstance(b, bool):
        check_length(len(a) * b)
        return a * b
    raise _misfit(symbol, "combine", a, b)


def _as_on_paper(symbol: str, a: Any, b: Any) -> float:
    """The result of two decimals as they are written, where it is a short one: `0.1 * 3` is 0.3, `0.3 // 0.1` is 3.0.

    Others are as binary arithmetic has them, so that `1 / 3 * 3` stays 1.0.
    """
    from fractions import Fraction  # few files have decimals, and it takes a while to load

    exact = Fraction(_ARITHMETIC[symbol](Fraction(repr(a)), Fraction(repr(b))))
    rounded = float(exact)
    if Fraction(f"{rounded:.{sys.float_info.dig}g}") == exact:
        return rounded
    found: float = _ARITHMETIC[symbol](a, b)
    return found


def _power(a: Any, b: Any) -> object:
    if isinstance(a, int) and isinstance(b, int) and b > 0 and abs(a) > 1 and b * math.log2(abs(a)) > 64:
        raise Uncomputable(f"{a} ** {b} is too large")
    try:
        return bounded(a**b)
    except OverflowError:
        raise Uncomputable(f"{a} ** {b} is too large") from None
    except ZeroDivisionError:
        raise Uncomputable(f"{a} ** {b} divides by zero") from None


def item(value: Any, at: Any) -> object:
    """`value[at]`"""
    if not isinstance(value, (list, Size, str)) or type(at) is not int:
        raise Uncomputable(f"{type_name(value)} {brief(value)} has no item {brief(at)}")
    if not -len(value) <= at < len(value):
        raise Uncomputable(f"item {at} of {brief(value)}, which has {len(value)}")
    return value[at]


def part(value: Any, start: Any, stop: Any) -> object:
    """`value[start:stop]`; None is an end that was left out."""
    whole = all(end is None or type(end) is int for end in (start, stop))
    if not isinstance(value, (list, Size, str)) or not whole:
        raise Uncomputable(f"{type_name(value)} {brief(value)} cannot be sliced like this")
    found: Any = value[start:stop]
    return Size(found) if isinstance(value, Size) else found


def joined(a: Any, b: Any) -> Any:
    check_length(len(a) + len(b))
    return a + b


def check_length(length: int) -> None:
    if length > MAX_ITEMS:
        raise Uncomputable(f"the result has {length:,} items, more than {MAX_ITEMS:,}")


def size_of(parts: Sequence[int | float]) -> Size:
    """A size of these numbers, which are few."""
    if len(parts) > _MAX_SIZE:
        raise Uncomputable(f"a size of {len(parts)} numbers; none needs more than {_MAX_SIZE}")
    return Size(bounded(part) for part in parts)


def _misfit(symbol: str, verb: str, a: object, b: object) -> Uncomputable:
    joint = "with" if verb == "compare" else "and"
    return Uncomputable(f"`{symbol}` cannot {verb} {type_name(a)} {brief(a)} {joint} {type_name(b)} {brief(b)}")
