"""A command with other arguments, as edits of its text."""

from __future__ import annotations

from collections.abc import Iterable

from cnndsl.diagnostics import Edit, Fix
from cnndsl.elaborate.signatures import layer_parameters
from cnndsl.ops.base import Op, Rewrite
from cnndsl.source import Span
from cnndsl.syntax import tree


def argument_of(op: type[Op], command: tree.Command, name: str | None) -> tree.Argument | None:
    """The argument that is given for a parameter: by its name, or by its position."""
    for argument in command.arguments:
        if argument.name is not None and argument.name.id == name:
            return argument
    positional = [p.name for p in layer_parameters(op) if p.positional]
    given = [argument for argument in command.arguments if argument.name is None]
    return given[positional.index(name)] if name in positional and positional.index(name) < len(given) else None


def fixes_of(rewrites: Iterable[Rewrite], op: type[Op], command: tree.Command) -> tuple[Fix, ...]:
    """What a layer proposes as fixes; which of its arguments was meant is never certain."""
    return tuple(Fix(rewrite.title, tuple(_edits(rewrite, op, command))) for rewrite in rewrites)


def _edits(rewrite: Rewrite, op: type[Op], command: tree.Command) -> Iterable[Edit]:
    added = ""
    kept = list(command.arguments)
    for name, text in rewrite.arguments.items():
        argument = argument_of(op, command, name)
        if argument is not None and text is not None:
            yield Edit(argument.value.span, text)
        elif argument is not None:
            yield Edit(_with_comma(command, argument), "")
            kept.remove(argument)
        elif text is not None:
            written = f"/{text}" if name == "stride" else f"{name}={text}"
            added += f", {written}" if kept or added else f" {written}"
    if added:
        end = command.arguments[-1].span.end if command.arguments else command.name.span.end
        yield Edit(command.span.source.span(end, end), added)


def _with_comma(command: tree.Command, argument: tree.Argument) -> Span:
    """An argument with the comma before it, or the one behind it if it is the first."""
    source, at = command.span.source, command.arguments.index(argument)
    if at:
        return source.span(command.arguments[at - 1].span.end, argument.span.end)
    if len(command.arguments) > 1:
        return source.span(argument.span.start, command.arguments[1].span.start)
    return source.span(command.name.span.end, argument.span.end)
