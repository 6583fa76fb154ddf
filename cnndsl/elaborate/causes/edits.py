"""Changes of a layer's arguments as edits of its text."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from cnndsl.diagnostics import Edit
from cnndsl.elaborate.causes.written import given, positional_names
from cnndsl.elaborate.signatures import layer_parameters
from cnndsl.ops.base import Op
from cnndsl.source import Span
from cnndsl.syntax import tree

DROPPED = object()  # an argument that is left to its default


def edits_of(command: tree.Command, op: type[Op], change: Mapping[str, Any]) -> tuple[Edit, ...]:
    """What to write so that the command has these arguments."""
    positional = positional_names(op)
    edits, added = [], []
    for name, value in change.items():
        argument = given(command, name, positional)
        if argument is None:
            added += [written(op, name, value)] * (value is not DROPPED)
        elif value is DROPPED:
            edits.append(Edit(_with_comma(command, argument), ""))
        else:
            edits.append(Edit(argument.value.span, value_text(op, name, value, argument.value.span.text)))
    if added:
        edits.append(addition(command, ", ".join(added)))
    return tuple(edits)


def addition(command: tree.Command, text: str) -> Edit:
    """Further arguments of a command: a stride before those by name, as people write it, others at the end."""
    before = command.arguments
    if text.startswith("/"):
        before = tuple(takewhile(lambda argument: argument.name is None, before))
    end = before[-1].span.end if before else command.name.span.end
    follows = "," if len(before) < len(command.arguments) and not before else ""
    return Edit(command.span.source.span(end, end), f"{',' * bool(before)} {text}{follows}")


def _with_comma(command: tree.Command, argument: tree.Argument) -> Span:
    """An argument with the comma before it, or the one behind it if it is the first."""
    at = command.arguments.index(argument)
    source = command.span.source
    if at:
        return source.span(command.arguments[at - 1].span.end, argument.span.end)
    if len(command.arguments) > 1:
        return source.span(argument.span.start, command.arguments[1].span.start)
    return source.span(command.name.span.end, argument.span.end)


def written(op: type[Op], name: str, value: Any) -> str:
    """An argument with its name, as the language writes it: `pad=1`, `/2`."""
    if isinstance(value, str) and name not in ("round", "mode"):
        return f"/{value}" if name == "stride" else f"{name}={value}"  # an expression
    text = value_text(op, name, value, "")
    return f"/{text}" if name == "stride" else f"{name}={text}"


def value_text(op: type[Op], name: str, value: Any, before: str) -> str:
    """A value as it is written in the place of another: a square by one number if that was."""
    if isinstance(value, str):
        return value
    kind = next(parameter.kind for parameter in layer_parameters(op) if parameter.name == name)
    square = isinstance(value, tuple) and len(value) == 2 and value[0] == value[1]
    if square and (name in ("stride", "scale", "output_pad") or (before and "x" not in before)):
        return str(value[0])
    return kind.show(value)
