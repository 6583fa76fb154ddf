"""What a block or network was given and does not hand on: to a layer that takes it, or that has a number there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnndsl.diagnostics import Edit, Fix
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.causes.conflict import Conflict, definitions_behind
from cnndsl.elaborate.causes.edits import addition
from cnndsl.elaborate.causes.written import given
from cnndsl.elaborate.names import parts_of
from cnndsl.elaborate.signatures import layer_parameters, parameters_of
from cnndsl.elaborate.unused import Definition, bound_by, read_in
from cnndsl.ops import find
from cnndsl.ops.arguments import Parameter
from cnndsl.records import dataclass
from cnndsl.syntax import tree

# What it costs to read a name as an argument of that name, or of another one, if nothing else reads it.
UNREAD = 4
UNREAD_OTHERWISE = 10
READ_ELSEWHERE = 14  # and where something does: of the same name alone
_OF_ANY_NAME = ("stride", "pad", "dilation")  # which a call may leave out, whatever they are called in a block
_TOGETHER = {"pad": "dilation", "dilation": "pad"}  # a 3x3 keeps the size if both are the same


@dataclass(frozen=True, slots=True)
class Known:
    """A name that a definition gives a value, and whether anything reads it."""

    name: str
    definition: Definition
    read: bool

    def cost(self, argument: str, command: tree.Command) -> int | None:
        """What it costs to read it as that argument of a command; None if nobody would."""
        beside = read_in(parts_of(command.arguments))
        if argument == self.name:
            return READ_ELSEWHERE if self.read and self.name not in beside else UNREAD
        if any(each.span.text == f"{_TOGETHER.get(argument)}={self.name}" for each in command.arguments):
            return UNREAD
        return None if self.read else UNREAD_OTHERWISE


def not_handed_on(conflict: Conflict) -> Iterator[Candidate]:
    """Parameters and `let`s of the definitions behind the ends, read where no argument stands, or a number does.

    What else depends on them, a trial tells.
    """
    for definition in definitions_behind(conflict):
        commands = [part for part in parts_of(definition.body) if isinstance(part, tree.Command)]
        for known in known_in(definition):
            for command in commands:
                yield from _read_by(conflict, known, command)


def known_in(definition: Definition) -> Iterator[Known]:
    """The parameters, `let`s and loop variables of a definition."""
    parts = [*parts_of((definition.parameters, definition.body))]
    read = read_in(parts)
    names = [parameter.name for parameter in definition.parameters]
    names += [name for part in parts if isinstance(part, tree.Let) for name in bound_by(part)]
    names += [name for part in parts if isinstance(part, tree.For) for name in part.names]
    for name in dict.fromkeys(each.id for each in names):
        yield Known(name, definition, name in read)


def _read_by(conflict: Conflict, known: Known, command: tree.Command) -> Iterator[Candidate]:
    """The name as each argument of a command that is left out, or is a number."""
    parameters = _parameters(conflict, command)
    positional = [parameter.name for parameter in parameters if parameter.positional]
    for argument in (parameter.name for parameter in parameters):
        cost, said = known.cost(argument, command), given(command, argument, positional)
        if cost is None:
            continue
        if said is not None and isinstance(said.value, (tree.Literal, tree.SizeLiteral)):
            edit, title = Edit(said.value.span, known.name), f"`{known.name}` for `{said.value.span.text}`"
        elif said is None and (argument == known.name or argument in _OF_ANY_NAME):
            text = f"/{known.name}" if argument == "stride" else f"{argument}={known.name}"
            edit, title = addition(command, text), f"`{text}`"
        else:
            continue
        title += f" on the `{command.name.id}` of line {command.span.line}"
        yield Candidate(Fix(title, (edit,)), cost, command.span, not_read(known))


def _parameters(conflict: Conflict, command: tree.Command) -> Sequence[Parameter]:
    """What a command takes, if it is a block or a layer."""
    block, op = conflict.text.definition(command.name.id), find(command.name.id)
    if block is not None:
        return parameters_of(block.parameters)
    return layer_parameters(op) if op is not None else ()


def not_read(known: Known) -> str:
    """What is wrong with it, in words."""
    name, of = known.name, known.definition.name.id
    return f"`{name}` of `{of}` is not read here" if known.read else f"nothing reads `{name}` of `{of}`"
