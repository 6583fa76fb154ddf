"""Several pieces of text as one: the same commands in the same places, and numbers as what they are in each of them.

Anti-unification (Plotkin 1970) of terms: two have one skeleton if they differ in numbers alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from cnndsl.lifting.writing.terms import (
    ANY,
    Argument,
    Blank,
    Body,
    Command,
    Expression,
    Flow,
    Item,
    Tensor,
    Usual,
    Vector,
)
from cnndsl.ops import find
from cnndsl.ops.activation import Identity, Pointwise
from cnndsl.ops.arguments import Boolean, Choice, Kind, Parameter
from cnndsl.ops.base import Shape
from cnndsl.records import replace

SHORTCUT = "shortcut"
ACTIVATION = "activation"  # the word of a command that is another activation from place to place
WORD = Parameter("activation", Kind(), required=True, positional=True)  # its only argument


def skeleton(body: Body) -> Hashable:
    """What must be equal for two bodies to be one text with other numbers."""
    return _Skeleton().body(body)


def content(body: Body) -> Hashable:
    """What must be equal for two bodies to be one text, numbers included."""
    return _Skeleton(exact=True).body(body)


class _Skeleton:
    """Tensors are numbered by their first mention, since their names differ from place to place; not if `exact`."""

    def __init__(self, *, exact: bool = False) -> None:
        self.exact = exact
        self.numbers: dict[str, int] = {}

    def tensor(self, name: str | Item) -> Hashable:
        if isinstance(name, Item):
            return (self.tensor(name.bundle), name.number, name.stop)
        return name if self.exact else self.numbers.setdefault(name, len(self.numbers))

    def body(self, body: Body | None) -> Hashable:
        return None if body is None else tuple(map(self.flow, body.flows))

    def flow(self, flow: Flow) -> Hashable:
        source = self.tensor(flow.source) if flow.source else -1
        commands = tuple(map(self.command, flow.commands))
        return (source, commands, self.tensor(flow.result) if flow.labelled else -1, flow.whole)

    def command(self, command: Command) -> Hashable:
        names = () if self.exact else ("bias", SHORTCUT, "when", "condition")
        given = tuple(self.value(each) for each in command.arguments if each.name not in names)
        word = ACTIVATION if is_activation(command) and not self.exact else command.word
        around = self.flow(command.shortcut) if self.exact and command.shortcut is not None else None
        return (word, given, tuple(map(self.flow, command.branches)), self.body(command.body), around)

    def value(self, argument: Argument) -> Hashable:
        """What of an argument must agree: words and truths, and which tensor it names."""
        value = argument.value.like if isinstance(argument.value, Blank) else argument.value
        usual = isinstance(value, Usual)
        value = value.value if isinstance(value, Usual) else value
        if isinstance(value, Tensor):
            return self.tensor(value.node)
        if self.exact:
            return (argument.name, usual or str(value))
        kind = argument.parameter.kind
        if isinstance(kind, (Boolean, Choice)) or isinstance(value, (str, bool, Expression)):
            return (argument.name, str(value))
        return (argument.name, value is None, argument.name == "kernel" and value == (1, 1))


def is_activation(command: Command) -> bool:
    """Whether a parameter may stand for it: an activation without arguments."""
    kind = find(command.word)
    plain = all(isinstance(each.value, (Usual, Blank)) for each in command.arguments)
    return kind is not None and issubclass(kind, Pointwise) and kind is not Identity and plain


def unified(bodies: Sequence[Body]) -> Body | None:
    """Bodies of one skeleton as one, with a `Vector` wherever they differ; None if they do not go together."""
    try:
        return _body(bodies)
    except _Different:
        return None


class _Different(Exception):
    """They do not go together after all."""


def _body(bodies: Sequence[Body]) -> Body:
    return Body(tuple(_flow(flows) for flows in zip(*(body.flows for body in bodies), strict=True)))


def _flow(flows: Sequence[Flow]) -> Flow:
    commands = tuple(_command(each) for each in zip(*(flow.commands for flow in flows), strict=True))
    return replace(flows[0], commands=commands, entering=_shapes([flow.entering for flow in flows]))


def _shapes(shapes: Sequence[object]) -> Shape | None:
    return Vector(tuple(shapes))  # type: ignore[return-value]


def _command(commands: Sequence[Command]) -> Command:
    first = commands[0]
    branches = tuple(_flow(each) for each in zip(*(command.branches for command in commands), strict=True))
    body = None if first.body is None else _body([c.body for c in commands if c.body is not None])
    given = _arguments(commands)
    words = tuple(command.word for command in commands)
    if len(set(words)) > 1:
        return replace(first, word=ACTIVATION, arguments=(Argument(WORD, Vector(tuple(map(Expression, words)))),))
    shortcut, given = _shortcut(commands, given)
    return replace(first, arguments=given, branches=branches, body=body, shortcut=shortcut)


def _arguments(commands: Sequence[Command]) -> tuple[Argument, ...]:
    given = []
    for each in zip(*(command.arguments for command in commands), strict=False):
        given.append(replace(each[0], value=_value([argument.value for argument in each])))
    return tuple(given)


def _value(values: Sequence[object]) -> object:
    given = [value for value in values if not isinstance(value, Blank)]
    if not given:
        return ANY
    if isinstance(given[0], Tensor) or all(isinstance(value, Usual) for value in given):
        return given[0]
    if any(isinstance(value, Tensor) for value in given):
        raise _Different
    plain = [value.value if isinstance(value, Usual) else value for value in given]
    if all(value == plain[0] for value in plain):
        return plain[0]
    rest = iter(plain)
    return Vector(tuple(ANY if isinstance(value, Blank) else next(rest) for value in values))


def _shortcut(commands: Sequence[Command], given: tuple[Argument, ...]) -> tuple[Flow | None, tuple[Argument, ...]]:
    """The shortcut of those that have one; where the shapes agree, none is taken."""
    kinds = {value for command in commands if isinstance(value := command.value(SHORTCUT), str)}
    around = [command.shortcut for command in commands]
    written = [each for each in around if each is not None]
    if len(kinds) + bool(written) > 1:
        raise _Different
    if kinds:
        return None, tuple(replace(each, value=min(kinds)) if each.name == SHORTCUT else each for each in given)
    if not written:
        return None, given
    if len({skeleton(Body((each,))) for each in written}) > 1:
        raise _Different
    return _flow([each if each is not None else blank(written[0]) for each in around]), given


def blank(flow: Flow) -> Flow:
    """The same commands with arguments that do not matter."""
    return replace(flow, commands=tuple(map(_blank_command, flow.commands)), entering=None)


def _blank_command(command: Command) -> Command:
    given = tuple(
        each if isinstance(each.value, Tensor) else replace(each, value=Blank(each.value)) for each in command.arguments
    )
    branches = tuple(map(blank, command.branches))
    body = None if command.body is None else Body(tuple(map(blank, command.body.flows)))
    around = None if command.shortcut is None else blank(command.shortcut)
    return replace(command, arguments=given, branches=branches, body=body, shortcut=around)
