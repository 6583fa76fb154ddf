"""A name for a node that a pass adds."""

from __future__ import annotations


def free_name(name: str, taken: set[str]) -> str:
    """`name`, numbered if it is taken; from now on it is."""
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name}{number}", number + 1
    taken.add(unique)
    return unique
