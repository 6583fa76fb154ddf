"""Numbers that differ from place to place, as parameters and as what follows from these and from what comes in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from fractions import Fraction

from cnndsl.lifting.writing.roles import Role, names_of
from cnndsl.lifting.writing.terms import ANY, IF, STAGE, Argument, Body, Command, Expression, Flow, Vector, commands_in
from cnndsl.lifting.writing.unification import ACTIVATION
from cnndsl.ops.arguments import Boolean, Extent, Kind, Padding, Parameter, Stride, show
from cnndsl.records import dataclass, field, replace

MOST = 64  # the largest factor that is taken for meant
PARTS = 8  # of which some are taken for meant
ROOM = 60  # characters of a list that stands on one line
USUALLY = 0.5  # the share of places in which a parameter has its default


@dataclass
class Variable:
    """A parameter: what it is in each place, None where nothing is made of it yet."""

    name: str
    kind: Kind
    values: tuple[object, ...]
    role: Role

    @property
    def expression(self) -> Expression:
        return Expression(self.name)

    def default(self) -> object | None:
        """Its usual value, if there is one. A list and a number are no values of one parameter with a default."""
        given = [value for value in self.values if value is not None]  # it is not in every instance
        if not given or len({shown(self, value).startswith("[") for value in given}) > 1:
            return None
        counts = Counter(map(_hashable, given))
        value, count = counts.most_common(1)[0]
        usual = next(each for each in given if _hashable(each) == value)
        clear = count > USUALLY * len(self.values) and not self.role.is_width
        return usual if clear or len(given) < len(self.values) else None

    def agrees(self, values: Sequence[object]) -> bool:
        """Whether it is these values, or can be: it is from now on."""
        pairs = [*zip(self.values, values, strict=True)]
        both = [mine == value for mine, value in pairs if mine is not None and value is not ANY]
        if not both or not all(both):
            return False
        self.values = tuple(value if mine is None and value is not ANY else mine for mine, value in pairs)
        return True


def _hashable(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


@dataclass
class Fitting:
    """Goes through a text once, and puts an expression wherever values differ; new parameters are made on the way.

    `count` is the number of places, `names` are those of the parameters, in order, once they are known.
    In an `open` text, expressions may speak of what comes in.
    """

    count: int
    variables: list[Variable] = field(default_factory=list)
    names: Sequence[str] = ()
    open: bool = True

    def body(self, body: Body) -> Body:
        return Body(tuple(map(self.flow, body.flows)))

    def flow(self, flow: Flow, merge: str = "", entering: Vector | None = None) -> Flow:
        incoming = flow.entering if isinstance(flow.entering, Vector) else entering
        commands = tuple(self.command(flow, place, incoming, merge) for place in range(len(flow.commands)))
        return replace(flow, commands=commands, entering=None)

    def command(self, flow: Flow, place: int, incoming: Vector | None, merge: str) -> Command:
        """Arguments come first in the text, but those of a structure may follow from what is inside."""
        command = flow.commands[place]
        branches = tuple(self.flow(each, command.word, incoming) for each in command.branches)
        body = command.body
        if body is not None:
            body = self.body(_in_one_line(body, begins=place == 0) if command.word == STAGE else body)
        shortcut = None if command.shortcut is None else self.flow(command.shortcut, entering=incoming)
        if command.word == IF:
            return replace(command, body=body)  # its condition may follow from what comes behind it
        given = []
        for argument in command.arguments:
            role = Role(argument.name, merge, flow.commands, place)
            given.append(replace(argument, value=self.value(argument, incoming, role)))
        if command.word == ACTIVATION:
            return replace(command, word=str(given[0].value), arguments=())
        return replace(command, arguments=tuple(given), branches=branches, body=body, shortcut=shortcut)

    def value(self, argument: Argument, incoming: Vector | None, role: Role) -> object:
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
        for variable in self.variables:
            if variable.agrees(values):
                return variable.expression
        for expression, others in self._incoming(incoming):
            if all(value is ANY or value == other for value, other in zip(values, others, strict=True)):
                return expression
        numbers = [value for value in values if value is not ANY]
        if all(type(value) is bool for value in numbers):
            return self._condition(values, incoming)
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
        if (
            self.open
            and incoming is not None
            and all(shape is None or (isinstance(shape, tuple) and shape) for shape in incoming.values)
        ):
            yield Expression("in.channels"), [shape and shape[0] for shape in incoming.values]  # type: ignore[index]

    def _product(self, values: Sequence[object], incoming: Vector | None) -> Expression | None:
        """The product of what comes in and a parameter."""
        for channels, sizes in self._incoming(incoming):
            for variable in self.variables:
                pairs = zip(values, variable.values, sizes, strict=True)
                if all(v is ANY or (type(p) is int and type(c) is int and v == p * c) for v, p, c in pairs):
                    return Expression(f"{variable.name} * {channels}", 1)
        return None

    def _condition(self, values: Sequence[object], incoming: Vector | None) -> Expression | None:
        """Whether the shape stays, where that is what the truths say."""
        stays: list[tuple[str, Sequence[bool]]] = []
        for variable in self.variables:
            if variable.role.argument == "stride":
                stays.append((f"{variable.name} == 1", [value == (1, 1) for value in variable.values]))
        for channels, sizes in self._incoming(incoming):
            for variable in self.variables:
                if variable.role.is_width:
                    same = [size == value for size, value in zip(sizes, variable.values, strict=True)]
                    stays.append((f"{channels} == {variable.name}", same))
        both = [(f"{a} and {b}", [x and y for x, y in zip(p, q, strict=True)]) for a, p in stays for b, q in stays]
        found = (text for text, truths in [*stays, *both] if [*truths] == [*values])
        return next((Expression(text, 0) for text in found), None)

    # --- conditions

    def conditions(self, body: Body) -> Body:
        """The text with its conditions, which may speak of any parameter."""
        flows = []
        for number, flow in enumerate(body.flows):
            commands = tuple(self._conditional(command, first=number == 0) for command in flow.commands)
            flows.append(replace(flow, commands=commands))
        return Body(tuple(flows))

    def _conditional(self, command: Command, *, first: bool) -> Command:
        if command.body is not None:
            command = replace(command, body=self.conditions(command.body))
        if command.word != IF or not isinstance(command.arguments[0].value, Vector):
            return command
        (argument,) = command.arguments
        assert isinstance(argument.value, Vector)
        condition = self._holds(argument.value.values, _called(command, first=first))
        return replace(command, arguments=(replace(argument, value=condition),))

    def _holds(self, truths: Sequence[object], called: str) -> Expression:
        """A condition that holds in these places: of a stride or another truth, or a parameter of its own."""
        for variable in self.variables:
            if [*variable.values] == [*truths]:
                return variable.expression
            if variable.values == tuple(not truth for truth in truths):
                return Expression(f"not {variable.name}", 1)
            if variable.role.argument == "stride" and variable.agrees(_strides(variable, truths)):
                return Expression(f"{variable.name} > 1", 0)
        role = Role(called, "", (), 0)
        return self.new(Parameter(role.argument, Boolean(), required=True, positional=False), truths, role).expression

    # --- new ones

    def new(self, parameter: Parameter, values: Sequence[object], role: Role) -> Variable:
        filled = tuple(None if value is ANY else value for value in values)
        kind = parameter.kind.variable.kind if isinstance(parameter.kind, CallKind) else parameter.kind
        number = len(self.variables)
        name = self.names[number] if number < len(self.names) else f"{parameter.name} {number}"
        self.variables.append(Variable(name, kind, filled, role))
        return self.variables[-1]


def _in_one_line(body: Body, *, begins: bool) -> Body:
    """What may come to stand in one line, where `in` is what enters that: its start alone may speak of it, if any."""
    flows = (flow if begins and number == 0 else replace(flow, entering=None) for number, flow in enumerate(body.flows))
    return Body(tuple(flows))


def fitted(
    body: Body, count: int, *, open: bool = True, taken: Collection[str] = (), suffix: str = ""
) -> tuple[Body, list[Variable]]:
    """A text of so many places, with its parameters; they are named once all are known, with a `suffix`."""
    first = Fitting(count, open=open)
    first.conditions(first.body(body))
    names = [f"{name}{suffix}" for name in names_of([variable.role for variable in first.variables], taken)]
    fitting = Fitting(count, names=names, open=open)
    return fitting.conditions(fitting.body(body)), fitting.variables


def listed(variables: Sequence[Variable], count: int) -> str:
    """The values in each place as a list: one in a line of the text if that is short."""
    rows = [[shown(variable, variable.values[i]) for variable in variables] for i in range(count)]
    items = [row[0] if len(row) == 1 else f"[{', '.join(row)}]" for row in rows]
    line = f"[{', '.join(items)}]"
    return line if len(line) <= ROOM else "[\n" + "".join(f"    {item},\n" for item in items) + "]"


def _strides(variable: Variable, truths: Sequence[object]) -> list[object]:
    """What a stride has to be that is greater than 1 just where this holds; `()`, which none is, where it is not."""
    found: list[object] = []
    for stride, truth in zip(variable.values, truths, strict=True):
        strided = stride is not None and stride != (1, 1)
        found.append((stride if stride is not None else (1, 1)) if strided == truth else ())
    return found


def _called(command: Command, *, first: bool) -> str:
    """What says whether these lines are there: `gated`, or by what stands in them."""
    words = [each.word for each in commands_in(command) if each is not command]
    if "mul" in words:
        return "gated"
    return "expanded" if first and words[0] == "conv" else f"with_{words[0]}" if words[0].isidentifier() else "longer"


def _ratio(expression: Expression, values: Sequence[object], others: Sequence[object]) -> Expression | None:
    """`4 * filters`, `filters // 4`, `3 * filters // 4`, if that is what it is in every place."""
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
    some, parts = max(Fraction(v, o).as_integer_ratio() for v, o in pairs)  # type: ignore[call-overload]
    if 1 < some <= PARTS and 1 < parts <= PARTS and all(v * parts == some * o for v, o in pairs):
        return Expression(f"{some} * {expression} // {parts}", 1)
    return None


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
