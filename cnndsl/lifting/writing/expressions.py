"""Numbers that differ from place to place, as parameters and as what follows from these and from what comes in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cnndsl.lifting.writing.terms import ANY, Argument, Body, Command, Expression, Flow, Usual, Vector
from cnndsl.lifting.writing.unification import ACTIVATION
from cnndsl.ops.arguments import Extent, Kind, Padding, Parameter, Size, Stride, show
from cnndsl.ops.base import Shape

MOST = 64  # the largest factor that is taken for meant
USUALLY = 0.5  # the share of places in which a parameter has its default


@dataclass
class Variable:
    """A parameter: what it is in each place."""

    name: str
    kind: Kind
    values: tuple[object, ...]
    role: str = ""

    @property
    def expression(self) -> Expression:
        return Expression(self.name)

    def default(self) -> object | None:
        """Its usual value, if there is one."""
        counts = Counter(map(_hashable, self.values))
        value, count = counts.most_common(1)[0]
        usual = next(each for each in self.values if _hashable(each) == value)
        return usual if count > USUALLY * len(self.values) and self.role != "filters" else None


def _hashable(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


@dataclass
class Fitting:
    """Goes through a text once, and puts an expression wherever values differ; new parameters are made on the way.

    `count` is the number of places, `names` are other names for parameters than those of the arguments.
    In an `open` text, expressions may speak of what comes in.
    """

    count: int
    variables: list[Variable] = field(default_factory=list)
    names: Mapping[str, str] = field(default_factory=dict)
    open: bool = True

    def body(self, body: Body) -> Body:
        return Body(tuple(self.flow(flow, number) for number, flow in enumerate(body.flows)))

    def flow(self, flow: Flow, number: int = 0, entering: Vector | None = None) -> Flow:
        incoming = flow.entering if isinstance(flow.entering, Vector) else entering
        commands = []
        for place, command in enumerate(flow.commands):
            commands.append(self.command(command, incoming, flow, place))
        return replace(flow, commands=tuple(commands), entering=None)

    def command(self, command: Command, incoming: Vector | None, flow: Flow, place: int) -> Command:
        role = _Role(flow, place)
        given = tuple(replace(each, value=self.value(each, incoming, role)) for each in command.arguments)
        if command.word == ACTIVATION:
            return replace(command, word=str(given[0].value), arguments=())
        branches = tuple(self.flow(each, entering=incoming) for each in command.branches)
        body = None if command.body is None else self.body(command.body)
        shortcut = None if command.shortcut is None else self.flow(command.shortcut, entering=incoming)
        return replace(command, arguments=given, branches=branches, body=body, shortcut=shortcut)

    def value(self, argument: Argument, incoming: Vector | None, role: _Role) -> object:
        if not isinstance(argument.value, Vector):
            return argument.value
        values = argument.value.values
        known = {_hashable(value) for value in values if value is not ANY}
        if len(known) <= 1:
            return next((value for value in values if value is not ANY), ANY)
        return self.fit(values, incoming) or self.new(argument.parameter, values, role).expression

    # --- what follows from others

    def fit(self, values: Sequence[object], incoming: Vector | None) -> Expression | None:
        """The values as those of an expression of what is known."""
        for expression, others in self._known(incoming):
            if all(value is ANY or value == other for value, other in zip(values, others, strict=True)):
                return expression
        numbers = [value for value in values if value is not ANY]
        if not all(type(value) is int for value in numbers):
            return None
        for expression, others in self._known(incoming):
            found = _ratio(expression, values, others)
            if found is not None:
                return found
        return self._product(values, incoming)

    def _known(self, incoming: Vector | None) -> Iterator[tuple[Expression, Sequence[object]]]:
        yield from ((variable.expression, variable.values) for variable in self.variables)
        yield from self._incoming(incoming)

    def _incoming(self, incoming: Vector | None) -> Iterator[tuple[Expression, Sequence[object]]]:
        if self.open and incoming is not None and all(isinstance(shape, tuple) and len(shape) > 0 for shape in incoming.values):
            yield Expression("in.channels"), [shape[0] for shape in incoming.values]  # type: ignore[index]

    def _product(self, values: Sequence[object], incoming: Vector | None) -> Expression | None:
        """The product of what comes in and a parameter."""
        for channels, sizes in self._incoming(incoming):
            for variable in self.variables:
                pairs = zip(values, variable.values, sizes, strict=True)
                if all(v is ANY or (type(p) is int and v == p * c) for v, p, c in pairs):  # type: ignore[operator]
                    return Expression(f"{variable.name} * {channels}", 1)
        return None

    # --- new ones

    def new(self, parameter: Parameter, values: Sequence[object], role: _Role) -> Variable:
        usual = next(value for value in values if value is not ANY)
        filled = tuple(usual if value is ANY else value for value in values)
        name = self.names.get(parameter.name, role.name(parameter))
        kind = parameter.kind.variable.kind if isinstance(parameter.kind, CallKind) else parameter.kind
        variable = Variable(self._free(name), kind, filled, name)
        self.variables.append(variable)
        return variable

    def _free(self, name: str) -> str:
        taken = {variable.name for variable in self.variables}
        number, found = 1, name
        while found in taken:
            number += 1
            found = f"{name}{number}" if not name[-1].isdigit() else f"{name}{'abcdefghijklmnopqrstuvwxyz'[number - 1]}"
        return found


def _ratio(expression: Expression, values: Sequence[object], others: Sequence[object]) -> Expression | None:
    """`4 * filters`, `filters // 4`, if that is what it is in every place."""
    pairs = [(v, o) for v, o in zip(values, others, strict=True) if v is not ANY]
    if not all(type(o) is int and o > 0 for _, o in pairs) or len({o for _, o in pairs}) < 2:
        return None
    (value, other) = pairs[0]
    assert isinstance(value, int) and isinstance(other, int)
    for factor in {value // other, other // value if value else 0}:
        if not 1 <= factor <= MOST:
            continue
        if all(v == factor * o for v, o in pairs):  # type: ignore[operator]
            return expression if factor == 1 else Expression(f"{factor} * {expression}", 1)
        if all(v == o // factor for v, o in pairs):  # type: ignore[operator]
            return Expression(f"{expression} // {factor}", 1)
    return None


@dataclass(frozen=True)
class _Role:
    """Where a number stands, which says what it may be called."""

    flow: Flow
    place: int

    def name(self, parameter: Parameter) -> str:
        return parameter.name


def shown(variable: Variable, value: object) -> str:
    """A value as an argument of a call."""
    if isinstance(value, Expression):
        return str(value)
    if isinstance(variable.kind, Stride) and isinstance(value, tuple) and value[0] == value[1]:
        return str(value[0])
    if isinstance(variable.kind, (Extent, Padding)):
        return variable.kind.show(value)
    return show(value)


class CallKind(Kind):
    """An argument of a call, which looks as the parameter of its block does."""

    def __init__(self, variable: Variable) -> None:
        self.variable = variable

    def show(self, value: object) -> str:
        return shown(self.variable, value)

    def keyword(self, name: str, value: object) -> str:
        return f"/{self.show(value)}" if name == "stride" else f"{name}={self.show(value)}"
