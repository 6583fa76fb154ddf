"""Which names a piece of syntax mentions, without running it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from cnndsl.source import Span
from cnndsl.syntax import tree

# Fields that bind or label rather than read.
_BINDING: dict[type, tuple[str, ...]] = {
    tree.Argument: ("name",),
    tree.Flow: ("label",),
    tree.Read: ("label",),
    tree.Input: ("label",),
    tree.Let: ("names",),
    tree.For: ("names",),
    tree.ParameterDefinition: ("name", "type"),
    tree.BlockDefinition: ("name",),
    tree.NetworkDefinition: ("name",),
    tree.VariantDefinition: ("name", "base"),
    tree.Use: ("names", "origin"),
}


def parts_of(item: Any) -> Iterator[Any]:
    """Every syntax node below `item`, itself included, in source order; what only binds a name is left out."""
    pending = [item]
    while pending:
        current = pending.pop()
        if isinstance(current, tuple):
            pending.extend(reversed(current))
        elif is_dataclass(current) and not isinstance(current, Span):
            yield current
            binding = _BINDING.get(type(current), ())
            pending.extend(getattr(current, f.name) for f in reversed(fields(current)) if f.name not in binding)


def names_in(item: Any) -> Iterator[tree.Name]:
    """The names that `item` reads: in expressions, and as commands."""
    return (part for part in parts_of(item) if isinstance(part, tree.Name))
