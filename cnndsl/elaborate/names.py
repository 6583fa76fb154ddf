"""Which names a piece of syntax mentions, and what they stand for, without running it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

from cnndsl.elaborate.env import Env
from cnndsl.elaborate.values import brief
from cnndsl.ops.arguments import Size
from cnndsl.records import fields
from cnndsl.source import Span
from cnndsl.syntax import tree

# Fields that bind or label rather than read.
_BINDING: dict[type, tuple[str, ...]] = {
    tree.Argument: ("name",),
    tree.Flow: ("label",),
    tree.Each: ("names",),
    tree.Fact: ("fact",),
    tree.Input: ("label",),
    tree.Let: ("names",),
    tree.For: ("names",),
    tree.FunctionDefinition: ("name",),
    tree.Comprehension: ("names",),
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
        elif (names := _parts_in(current.__class__)) is not None:
            yield current
            pending.extend([getattr(current, name) for name in names])


def labels_of(item: Any) -> Iterator[tree.Name]:
    """What `as` names below `item`, itself included."""
    given = (part.label for part in parts_of(item) if isinstance(part, (tree.Flow, tree.Input)))
    return (label for label in given if label is not None)


@cache
def _parts_in(kind: type) -> tuple[str, ...] | None:
    """The fields of a syntax node in which others may stand, the last one first; None for what is no syntax node."""
    if kind.__module__ != tree.__name__:
        return None
    left_out = ("span", *_BINDING.get(kind, ()))
    return tuple(field.name for field in reversed(fields(kind)) if field.name not in left_out)


def values_in(item: Any, env: Env, most: int = 4) -> str:
    """`filters = 64, groups = 32`: the values of the names that `item` reads; "" if there are none to show."""
    values = ((name, env.find(name)) for name in dict.fromkeys(name.id for name in names_in(item)))
    shown = (f"{name} = {brief(value)}" for name, value in values if isinstance(value, (int, float, str, Size)))
    return ", ".join(islice(shown, most))


def quoted(part: tree.Expression | tree.Argument | tree.Command | tree.Flow, most: int = 80) -> str:
    """A part of the text as it is written, on one line, for messages."""
    text = " ".join(part.span.text.split())
    return text if len(text) <= most else f"{text[:most]}..."


def bare_words(item: Any) -> set[Span]:
    """Where `item` has words that may be no names, but choices that an argument offers: `round=ceil`, `head aux1`."""
    parts = [part for part in parts_of(item) if isinstance(part, (tree.Command, tree.Call))]
    arguments = [(part, argument) for part in parts for argument in part.arguments]
    return {
        argument.value.span
        for part, argument in arguments
        if isinstance(argument.value, tree.Name) and (argument.name is not None or _is_head(part))
    }


def _is_head(part: tree.Command | tree.Call) -> bool:
    return isinstance(part, tree.Command) and part.name.id == "head"


def names_in(item: Any) -> Iterator[tree.Name]:
    """The names that `item` reads: in expressions, and as commands."""
    return (part for part in parts_of(item) if isinstance(part, tree.Name))
