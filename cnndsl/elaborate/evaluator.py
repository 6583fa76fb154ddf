"""Expressions to values. Everything is bounded: numbers, lists, nesting; and every mistake in one is reported."""

from __future__ import annotations

from collections.abc import Callable as Function
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cnndsl.diagnostics.suggest import closest
from cnndsl.elaborate.binding import Call, accept, bind
from cnndsl.elaborate.claim import NETWORK_FACTS
from cnndsl.elaborate.context import Context
from cnndsl.elaborate.foreign import VALUES
from cnndsl.elaborate.functions import FUNCTIONS
from cnndsl.elaborate.module import Module
from cnndsl.elaborate.names import quoted
from cnndsl.elaborate.operators import COMPARISONS, LIMIT, Uncomputable, arithmetic, compare, is_number, size_of
from cnndsl.elaborate.signatures import call_of
from cnndsl.elaborate.values import POISON, Block, Env, Failed, Layer, Poison, TooBig, brief, weigh
from cnndsl.ops import all_layers, find
from cnndsl.ops.arguments import Kind, Parameter, Size, type_name
from cnndsl.ops.base import Shape, show_shape
from cnndsl.source import Span
from cnndsl.syntax import tree

_IN_FACTS = ("channels", "height", "width")
_ITEMS_PER_STEP = 20


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Evaluates in `env` of `module`.

    incoming  the current tensor's shape; POISON if it failed, None before `input`
    facts     names that only `expect` knows, for its messages
    """

    context: Context
    module: Module
    env: Env
    incoming: Shape | Poison | None = None
    facts: tuple[str, ...] = ()

    def value(self, expression: tree.Expression) -> Any:
        """The value of an expression; raises `Failed` after reporting what is wrong."""
        try:
            return _EVALUATE[type(expression)](self, expression)
        except (Uncomputable, TooBig) as error:
            raise self.context.fail("E313", str(error), expression.span) from None

    def values(self, expressions: Iterable[tree.Expression]) -> list[Any]:
        """The values of several expressions. A mistake in one does not hide those in others."""
        found, failed = [], None
        for expression in expressions:
            try:
                found.append(self.value(expression))
            except Failed as failure:
                failed = failure
        if failed is not None:
            raise failed
        return found

    def argument(self, name: str, value: tree.Expression | tree.Body, kind: Kind) -> object:
        """The value of the argument for parameter `name`: a bare word may be one of the choices it offers."""
        if isinstance(value, tree.Body):
            return self.anonymous(name, value)
        if isinstance(value, tree.Name) and kind.choices and value.id not in self.env:
            meant = None if value.id in kind.choices or "" in kind.choices else self.callable(value.id)
            return value.id if meant is None else meant
        return self.value(value)

    def bind(
        self, call: Call, arguments: Sequence[tree.Argument], span: Span, *, partial: bool = False
    ) -> dict[str, object]:
        """Values by parameter name for these arguments; raises `Failed` if anything was wrong with them."""

        def value_of(parameter: Parameter, argument: tree.Argument) -> object:
            value = self.argument(parameter.name, argument.value, parameter.kind)
            return accept(self.context, self.env, parameter, argument, value)

        return bind(self.context, call, arguments, span, value_of, partial=partial)

    def anonymous(self, name: str, body: tree.Body) -> Block:
        """A body in braces as a block without parameters, which sees the names around it."""
        definition = tree.BlockDefinition(tree.Name(name, body.span), (), body, "", body.span)
        return Block(definition, self.module, env=self.env, within=dict(self.context.active))

    def truth(self, expression: tree.Expression, where: str) -> bool:
        value = self.value(expression)
        if isinstance(value, bool):
            return value
        message = f"{where} needs true or false, not {type_name(value)} {brief(value)}"
        help = f"compare it: `{quoted(expression)} != 0`" if is_number(value) else None
        raise self.context.fail("E307", message, expression.span, help=help)

    def callable(self, name: str) -> Layer | Block | None:
        """The block or layer of that name: a parameter's value, a block of the file, or a layer."""
        env: Env | None = self.env
        while env is not None:
            found = env.names.get(name)
            if found is POISON:
                raise Failed(name)
            if isinstance(found, (Layer, Block)):
                return found
            env = env.parent
        if name in self.module.blocks:
            return Block(*self.module.blocks[name])
        if name in self.module.missing:
            raise Failed(name)
        layer = find(name)
        if layer is None and name in self.module.file.lost:
            raise Failed(name)
        return Layer(layer) if layer is not None else None

    # --- one method per kind of expression

    def literal(self, e: tree.Literal) -> object:
        if isinstance(e.value, (int, float)) and not abs(e.value) < LIMIT:
            raise Uncomputable("this number is too large")
        return e.value

    def size_literal(self, e: tree.SizeLiteral) -> Size:
        return size_of(e.parts)

    def name(self, e: tree.Name) -> object:
        if e.id in self.env:
            value = self.env.find(e.id)
            if value is POISON:
                raise Failed(e.id)
            return value
        found = self.callable(e.id)
        if found is None:
            raise self.context.fail("E302", f"`{e.id}` is not defined", e.span, help=self._meant(e.id))
        return found

    def _meant(self, name: str) -> str | None:
        """What an unknown name may have been meant to be."""
        if name in FUNCTIONS:
            return f"`{name}` is a function: `{name}(...)`"
        if name in NETWORK_FACTS and not self.facts:
            return f"`{name}` is known only in `expect`"
        if name in VALUES:
            return VALUES[name]
        guess = closest(name, [*self.env.all_names(), *self.facts, *self.module.blocks, *FUNCTIONS, *all_layers()])
        return f"did you mean `{guess}`?" if guess else None

    def input_fact(self, e: tree.InputFact) -> int:
        if e.fact not in _IN_FACTS:
            guess = closest(e.fact, _IN_FACTS)
            help = f"did you mean `in.{guess}`?" if guess else "there are in.channels, in.height and in.width"
            raise self.context.fail("E302", f"`in.{e.fact}` is not known", e.span, help=help)
        if isinstance(self.incoming, Poison):
            raise Failed(e.fact)
        if self.incoming is None:
            help = "`in` is the tensor that enters the statement"
            raise self.context.fail("E208", f"`in.{e.fact}` has no meaning before `input`", e.span, help=help)
        position = _IN_FACTS.index(e.fact)
        if position >= len(self.incoming):
            raise self.context.fail("E201", f"a vector of {show_shape(self.incoming)} has no `in.{e.fact}`", e.span)
        return self.incoming[position]

    def items(self, e: tree.ListExpression) -> Any:
        return self._weighed(e, self.values(e.items))

    def operation(self, e: tree.Operation) -> object:
        first = e.operators[0]
        if first in ("and", "or"):
            return self._logic(e, stop=first == "or")
        values = self.values(e.operands)
        if first == "x":
            return self._size(e, values)
        if first in COMPARISONS or first == "~":
            return self._comparison(e, values)
        result = values[0]
        for symbol, value in zip(e.operators, values[1:], strict=True):
            result = arithmetic(symbol, result, value)
        return self._weighed(e, result) if isinstance(result, list) else result

    def _logic(self, e: tree.Operation, *, stop: bool) -> bool:
        return any(self.truth(operand, f"`{e.operators[0]}`") is stop for operand in e.operands) is stop

    def _comparison(self, e: tree.Operation, values: list[Any]) -> bool:
        if "~" in e.operators:
            help = "one claim a line: `expect params ~ 25.6M`"
            raise self.context.fail("E403", "`~` stands alone in an `expect`", e.span, help=help)
        pairs = zip(e.operators, values, values[1:], strict=False)
        return all(compare(symbol, a, b) for symbol, a, b in pairs)

    def _size(self, e: tree.Operation, values: list[Any]) -> Size:
        parts: list[int] = []
        for value, operand in zip(values, e.operands, strict=True):
            for part in value if isinstance(value, Size) else [value]:
                if isinstance(part, float) and part.is_integer():
                    part = int(part)
                if isinstance(part, bool) or not isinstance(part, int):
                    message = f"a size is made of integers, not {type_name(part)} {brief(part)}"
                    help = "`//` divides to an integer" if isinstance(part, float) else None
                    raise self.context.fail("E307", message, operand.span, help=help)
                parts.append(part)
        return size_of(parts)

    def prefix(self, e: tree.Prefix) -> object:
        if e.operators[0] == "not":
            truth = self.truth(e.operand, "`not`")
            return truth if len(e.operators) % 2 == 0 else not truth
        value = self.value(e.operand)
        if not is_number(value):
            raise Uncomputable(f"`{e.operators[0]}` needs a number, not {type_name(value)} {brief(value)}")
        return -value if e.operators.count("-") % 2 else value

    def conditional(self, e: tree.Conditional) -> object:
        for value, condition in e.cases:
            if self.truth(condition, "`if`"):
                return self.value(value)
        return self.value(e.otherwise)

    def index(self, e: tree.Index) -> object:
        value, at = self.values((e.of, e.index))
        if not isinstance(value, (list, Size, str)) or isinstance(at, bool) or not isinstance(at, int):
            raise Uncomputable(f"{type_name(value)} {brief(value)} has no item {brief(at)}")
        if not -len(value) <= at < len(value):
            raise Uncomputable(f"item {at} of {brief(value)}, which has {len(value)}")
        return value[at]

    def slice(self, e: tree.Slice) -> object:
        value = self.value(e.of)
        start, stop = (None if end is None else self.value(end) for end in (e.start, e.stop))
        whole = all(end is None or type(end) is int for end in (start, stop))
        if not isinstance(value, (list, Size, str)) or not whole:
            raise Uncomputable(f"{type_name(value)} {brief(value)} cannot be sliced like this")
        part: Any = value[start:stop]
        return Size(part) if isinstance(value, Size) else part

    def call(self, e: tree.Call) -> object:
        if isinstance(e.function, tree.Name) and e.function.id in FUNCTIONS and e.function.id not in self.env:
            return self._weighed(e, FUNCTIONS[e.function.id](*self.values(self._unnamed(e.function.id, e))))
        function = self.value(e.function)
        if not isinstance(function, (Layer, Block)):
            raise Uncomputable(f"{type_name(function)} {brief(function)} cannot be called")
        given = self.bind(call_of(function), e.arguments, e.span, partial=True)
        return self._weighed(e, function.with_arguments(given))

    def _unnamed(self, function: str, e: tree.Call) -> Iterable[tree.Expression]:
        for argument in e.arguments:
            if argument.name is not None or isinstance(argument.value, tree.Body):
                raise self.context.fail("E304", f"`{function}` takes no named arguments", argument.span)
            yield argument.value

    def _weighed(self, e: tree.Expression, value: Any) -> Any:
        """The value, if there is not too much in it, with the work that it takes accounted for."""
        weight = weigh(value)
        if weight >= _ITEMS_PER_STEP:
            self.context.step(e.span, weight // _ITEMS_PER_STEP)
        return value


_EVALUATE: dict[type, Function[[Evaluator, Any], Any]] = {
    tree.Literal: Evaluator.literal,
    tree.SizeLiteral: Evaluator.size_literal,
    tree.Name: Evaluator.name,
    tree.InputFact: Evaluator.input_fact,
    tree.ListExpression: Evaluator.items,
    tree.Operation: Evaluator.operation,
    tree.Prefix: Evaluator.prefix,
    tree.Conditional: Evaluator.conditional,
    tree.Index: Evaluator.index,
    tree.Slice: Evaluator.slice,
    tree.Call: Evaluator.call,
}
