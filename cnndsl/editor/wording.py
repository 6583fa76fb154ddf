"""Shapes and counts in few words, also of many instances at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cnndsl.ops import show_shape
from cnndsl.ops.base import Shape

_MOST_TENSORS = 4


def shapes_in_words(given: Iterable[tuple[Shape, ...]]) -> str:
    """`64 x 56 x 56`; of several instances the range of every axis: `64–512 x 7–56 x 7–56`. "" if none is known."""
    known = [*dict.fromkeys(shapes for shapes in given if shapes)]
    if not known:
        return ""
    if len(known) == 1:
        return _bundle([show_shape(shape) for shape in known[0]])
    if len({tuple(map(len, shapes)) for shapes in known}) > 1:
        return f"{len(known)} kinds of shapes"
    return _bundle([_range_of(tensors) for tensors in zip(*known, strict=True)])


def _bundle(shown: Sequence[str]) -> str:
    if len(shown) == 1:
        return shown[0]
    more = f", ... ({len(shown)} tensors)" if len(shown) > _MOST_TENSORS else ""
    return f"[{', '.join(shown[:_MOST_TENSORS])}{more}]"


def _range_of(tensors: Sequence[Shape]) -> str:
    return " x ".join(_between(str(min(axis)), str(max(axis))) for axis in zip(*tensors, strict=True))


def range_in_words(numbers: Iterable[int]) -> str:
    """`1,000`, or `1,000–2,000`."""
    known = [*numbers]
    return _between(f"{min(known):,}", f"{max(known):,}")


def _between(low: str, high: str) -> str:
    return low if low == high else f"{low}–{high}"


def counted(number: int, thing: str) -> str:
    """`1 place`, `2 places`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
