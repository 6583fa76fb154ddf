"""What something depends on, in whatever form a network is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def upstream(names: Iterable[str], sources: Callable[[str], Iterable[str]]) -> set[str]:
    """The names and everything they depend on, where `sources` are what one of them reads."""
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending.extend(sources(name))
    return found
