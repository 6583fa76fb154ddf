"""The functions that every file has, by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from cnndsl.elaborate.operators import Uncomputable, arithmetic, bounded, is_number
from cnndsl.elaborate.values import MAX_ITEMS, brief
from cnndsl.ops.arguments import Size, type_name


def _numbers(name: str, values: list[Any]) -> list[Any]:
    for value in values:
        if not is_number(value):
            raise Uncomputable(f"`{name}` needs numbers, not {type_name(value)} {brief(value)}")
    return values


def _items(name: str, value: Any) -> list[Any]:
    if not isinstance(value, (list, Size)):
        raise Uncomputable(f"`{name}` needs a list, not {type_name(value)} {brief(value)}")
    return list(value)


def _arity(name: str, given: tuple[Any, ...], least: int, most: int) -> None:
    if not least <= len(given) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise Uncomputable(f"`{name}` takes {wanted} argument{'s' if most > 1 else ''}, not {len(given)}")


def _length(*given: Any) -> int:
    _arity("len", given, 1, 1)
    return len(given[0]) if isinstance(given[0], str) else len(_items("len", given[0]))


def _sum(*given: Any) -> Any:
    _arity("sum", given, 1, 1)
    total: Any = 0
    for number in _numbers("sum", _items("sum", given[0])):
        total = arithmetic("+", total, number)
    return total


def _extreme(name: str, pick: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    def function(*given: Any) -> Any:
        values = _items(name, given[0]) if len(given) == 1 else list(given)
        if not values:
            raise Uncomputable(f"`{name}` of nothing")
        return pick(_numbers(name, values))

    return function


def _range(*given: Any) -> list[int]:
    _arity("range", given, 1, 3)
    if any(isinstance(value, bool) or not isinstance(value, int) for value in given):
        raise Uncomputable(f"`range` needs integers, not {', '.join(map(brief, given))}")
    if len(given) == 3 and given[2] == 0:
        raise Uncomputable("`range` with a step of 0 never ends")
    numbers = range(*given)
    if len(numbers[: MAX_ITEMS + 1]) > MAX_ITEMS:
        raise Uncomputable(f"this range has more than {MAX_ITEMS:,} items")
    return list(numbers)


def _enumerate(*given: Any) -> list[list[Any]]:
    _arity("enumerate", given, 1, 2)
    start = given[1] if len(given) == 2 else 0
    if isinstance(start, bool) or not isinstance(start, int):
        raise Uncomputable(f"`enumerate` starts at an integer, not {brief(start)}")
    return [[index, item] for index, item in enumerate(_items("enumerate", given[0]), start)]


def _zip(*given: Any) -> list[list[Any]]:
    lists = [_items("zip", value) for value in given]
    if len({len(items) for items in lists}) > 1:
        lengths = " and ".join(str(len(items)) for items in lists)
        raise Uncomputable(f"`zip` needs lists of one length, not of {lengths}")
    return [list(items) for items in zip(*lists, strict=True)]


def _rounding(name: str, rounding: Callable[[Any], int]) -> Callable[..., int]:
    def function(*given: Any) -> int:
        _arity(name, given, 1, 1)
        return rounding(_numbers(name, [given[0]])[0])

    return function


def _real(name: str, function: Callable[[Any], float]) -> Callable[..., Any]:
    """A function of analysis, where it has a value that is real and not too large."""

    def bounded_function(*given: Any) -> Any:
        _arity(name, given, 1, 1)
        (x,) = _numbers(name, [given[0]])
        try:
            return bounded(function(x))
        except ValueError:
            raise Uncomputable(f"`{name}` of {brief(x)} is no real number") from None
        except OverflowError:
            raise Uncomputable("the result is too large") from None

    return bounded_function


def _sorted(*given: Any) -> list[Any]:
    _arity("sorted", given, 1, 1)
    items = _items("sorted", given[0])
    if not all(isinstance(item, str) for item in items):
        _numbers("sorted", items)
    return sorted(items)


def _index(*given: Any) -> int:
    """Where an item stands first in a list."""
    _arity("index", given, 2, 2)
    items, wanted = _items("index", given[0]), given[1]
    for position, item in enumerate(items):
        if type(item) is type(wanted) and item == wanted:
            return position
    raise Uncomputable(f"{brief(wanted)} is not in {brief(given[0])}")


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": _length,
    "sum": _sum,
    "min": _extreme("min", min),
    "max": _extreme("max", max),
    "range": _range,
    "enumerate": _enumerate,
    "zip": _zip,
    "sorted": _sorted,
    "index": _index,
    "round": _rounding("round", round),
    "ceil": _rounding("ceil", math.ceil),
    "floor": _rounding("floor", math.floor),
    "int": _rounding("int", int),
    "abs": _real("abs", abs),
    "sqrt": _real("sqrt", math.sqrt),
    "log2": _real("log2", math.log2),
    "exp": _real("exp", math.exp),
}
