"""Two sequences side by side so that as much as possible agrees, in their order (Needleman and Wunsch 1970)."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

Element = TypeVar("Element")
Beside: TypeAlias = tuple[Element | None, Element | None]

MOST_COMPARED = 16_000_000  # pairs of elements; longer sequences are not compared, and nothing in them is paired


def side_by_side(
    old: Sequence[Element],
    new: Sequence[Element],
    same: Callable[[Element, Element], bool],
    score: Callable[[Element, Element], int],
) -> list[Beside[Element]]:
    """All elements of both, each with its partner or None; `score` is 0 for what cannot be partners.

    What is the `same` at both ends needs no search.
    """
    start, shorter = 0, min(len(old), len(new))
    while start < shorter and same(old[start], new[start]):
        start += 1
    end = 0
    while end < shorter - start and same(old[-1 - end], new[-1 - end]):
        end += 1
    middle = _best(old[start : len(old) - end], new[start : len(new) - end], score)
    first: list[Beside[Element]] = list(zip(old[:start], new[:start], strict=True))
    last: list[Beside[Element]] = list(zip(old[len(old) - end :], new[len(new) - end :], strict=True))
    return [*first, *middle, *last]


def _best(
    old: Sequence[Element], new: Sequence[Element], score: Callable[[Element, Element], int]
) -> list[Beside[Element]]:
    if not old or not new or len(old) * len(new) > MOST_COMPARED:
        return [*((each, None) for each in old), *((None, each) for each in new)]
    width = len(new) + 1
    best, steps = array("i", bytes(4 * width)), [bytes(width)]
    for one in old:
        above, row, step = best, array("i", bytes(4 * width)), bytearray(width)
        for column, other in enumerate(new, start=1):
            likeness = score(one, other)
            paired, skip_old, skip_new = above[column - 1] + likeness, above[column], row[column - 1]
            row[column] = max(paired if likeness else 0, skip_old, skip_new)
            step[column] = 0 if likeness and row[column] == paired else 1 if row[column] == skip_old else 2
        best = row
        steps.append(bytes(step))
    return _trail(old, new, steps)


def _trail(old: Sequence[Element], new: Sequence[Element], steps: Sequence[bytes]) -> list[Beside[Element]]:
    pairs: list[Beside[Element]] = []
    mine, yours = len(old), len(new)
    while mine or yours:
        step = 2 if not mine else 1 if not yours else steps[mine][yours]
        mine, yours = mine - (step != 2), yours - (step != 1)
        pairs.append((old[mine] if step != 2 else None, new[yours] if step != 1 else None))
    return pairs[::-1]
