"""Expressions to values. Everything is bounded: integers to 63 bits, lists to 100,000 items, no recursion by users."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable as Function
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnndsl.diagnostics.suggest import closest
from cnndsl.elaborate.binding import bind
from cnndsl.elaborate.context import Context
from cnndsl.elaborate.functions import FUNCTIONS, LIMIT, MAX_ITEMS, Uncomputable
from cnndsl.elaborate.modules import Module
from cnndsl.elaborate.signatures import call_of
from cnndsl.elaborate.values import POISON, Block, Env, Failed, Layer
from cnndsl.ops import all_layers, find
from cnndsl.ops.arguments import Kind, Size, show, type_name
from cnndsl.ops.base import Shape
from cnndsl.source import Span
from cnndsl.syntax import tree

_ARITHMETIC: dict[str, Function[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
_COMPARISONS: dict[str, Function[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_IN_FACTS = ("channels", "height", "width")


@dataclass
class Evaluator:
    """Evaluates in `env` of `module`; `incoming` is the current tensor's shape (POISON if it failed)."""

    context: Context
    module: Module
    env: Env
    incoming: Shape | object | None = None

    def value(self, expression: tree.Expression) -> Any:
        """The value of an expression; raises `Failed` after reporting what is wrong."""
        try:
            return _EVALUATE[type(expression)](self, expression)
        except Uncomputable as error:
            raise self.context.fail("E313", str(error), expression.span) from None
        except RecursionError:
            raise self.context.fail("E104", "this expression is nested too deep", expression.span) from None

    def argument(self, value: tree.Expression | tree.Body, kind: Kind) -> object:
        """The value of an argument: a bare word is one of the choices its parameter offers."""
        if isinstance(value, tree.Body):
            return self.anonymous(value)
        if isinstance(value, tree.Name) and kind.choices and value.id not in self.env:
            return value.id
        return self.value(value)

    def anonymous(self, body: tree.Body) -> Block:
        """A body in braces as a block without parameters, which sees the names around it."""
        definition = tree.BlockDefinition(tree.Name("block", body.span), (), body, "", body.span)
        return Block(definition, self.module, env=self.env)

    def truth(self, expression: tree.Expression, where: str) -> bool:
        value = self.value(expression)
        if not isinstance(value, bool):
            raise self.context.fail(
                "E307",
                f"{where} needs true or false, not {type_name(value)} {show(value)}",
                expression.span,
                help="compare it: `!= 0`" if isinstance(value, (int, float)) else None,
            )
        return value

    def callable(self, name: str) -> Layer | Block | None:
        """The block or layer of that name: a parameter's value, a block of the file, or a layer."""
        for env in self.env.chain():
            found = env.names.get(name)
            if found is POISON:
                raise Failed(name)
            if isinstance(found, (Layer, Block)):
                return found
        if name in self.module.missing:
            raise Failed(name)
        if name in self.module.blocks:
            return Block(*self.module.blocks[name])
        layer = find(name)
        return Layer(layer) if layer is not None else None

    # --- one method per kind of expression

    def literal(self, e: tree.Literal) -> object:
        if isinstance(e.value, int) and abs(e.value) >= LIMIT:
            raise Uncomputable("this number is too large")
        return e.value

    def size_literal(self, e: tree.SizeLiteral) -> Size:
        return Size(e.parts)

    def name(self, e: tree.Name) -> object:
        if e.id in self.env:
            value = self.env.find(e.id)
            if value is POISON:
                raise Failed(e.id)
            return value
        found = self.callable(e.id)
        if found is None:
            known = [*self.env.all_names(), *self.module.blocks, *FUNCTIONS, *all_layers()]
            guess = closest(e.id, known)
            help = f"did you mean `{guess}`?" if guess else None
            if e.id in ("params", "macs", "depth", "receptive_field", "memory", "output"):
                help = f"`{e.id}` is known only in `expect`"
            raise self.context.fail("E302", f"`{e.id}` is not defined", e.span, help=help)
        return found

    def input_fact(self, e: tree.InputFact) -> int:
        if e.fact not in _IN_FACTS:
            guess = closest(e.fact, _IN_FACTS)
            help = f"did you mean `in.{guess}`?" if guess else "there are in.channels, in.height and in.width"
            raise self.context.fail("E302", f"`in.{e.fact}` is not known", e.span, help=help)
        if self.incoming is POISON:
            raise Failed(e.fact)
        if self.incoming is None:
            raise self.context.fail("E208", f"`in.{e.fact}` has no meaning before `input`", e.span)
        shape: Shape = self.incoming  # type: ignore[assignment]
        position = _IN_FACTS.index(e.fact)
        if position >= len(shape):
            raise self.context.fail("E201", f"a vector of {shape[0]} has no `in.{e.fact}`", e.span)
        return shape[position]

    def list(self, e: tree.ListExpression) -> list[object]:
        return [self.value(item) for item in e.items]

    def operation(self, e: tree.Operation) -> object:
        first = e.operators[0]
        if first in ("and", "or"):
            stop = first == "or"
            for operand in e.operands:
                if self.truth(operand, f"`{first}`") is stop:
                    return stop
            return not stop
        values = [self.value(operand) for operand in e.operands]
        if first == "x":
            return self.make_size(values, e)
        if first in _COMPARISONS or first == "~":
            pairs = zip(e.operators, values, values[1:], strict=False)
            return all(self.compare(symbol, a, b, e.span) for symbol, a, b in pairs)
        result = values[0]
        for symbol, value in zip(e.operators, values[1:], strict=True):
            result = self.arithmetic(symbol, result, value, e.span)
        return result

    def make_size(self, values: Sequence[object], e: tree.Operation) -> Size:
        parts: list[int] = []
        for value, operand in zip(values, e.operands, strict=True):
            for part in value if isinstance(value, Size) else [value]:
                if isinstance(part, float) and part.is_integer():
                    part = int(part)
                if isinstance(part, bool) or not isinstance(part, int):
                    message = f"a size is made of integers, not {type_name(part)} {show(part)}"
                    help = "`//` divides to an integer" if isinstance(part, float) else None
                    raise self.context.fail("E307", message, operand.span, help=help)
                parts.append(part)
        return Size(parts)

    def compare(self, symbol: str, a: object, b: object, span: Span) -> bool:
        if symbol == "~":
            raise self.context.fail("E403", "`~` compares only in `expect`, as `expect params ~ 25.6M`", span)
        if symbol in ("==", "!=") or (_is_number(a) and _is_number(b)) or type_name(a) == type_name(b) == "string":
            return _COMPARISONS[symbol](a, b)
        raise Uncomputable(f"`{symbol}` cannot compare {type_name(a)} {show(a)} with {type_name(b)} {show(b)}")

    def arithmetic(self, symbol: str, a: Any, b: Any, span: Span) -> object:
        if symbol == "**":
            return self.power(a, b)
        if _is_number(a) and _is_number(b):
            if symbol in ("/", "//", "%") and b == 0:
                raise Uncomputable(f"{show(a)} {symbol} 0 divides by zero")
            return _bounded(_ARITHMETIC[symbol](a, b))
        if symbol == "+" and type(a) is type(b) and isinstance(a, (list, str)):
            return _short(a + b, len(a) + len(b))
        if symbol == "*" and isinstance(a, list) and isinstance(b, int) and not isinstance(b, bool):
            return _short(a * b if len(a) * b <= MAX_ITEMS else a, len(a) * b)
        raise Uncomputable(f"`{symbol}` cannot combine {type_name(a)} {show(a)} and {type_name(b)} {show(b)}")

    def power(self, a: Any, b: Any) -> object:
        if not (_is_number(a) and _is_number(b)):
            raise Uncomputable(f"`**` cannot combine {type_name(a)} {show(a)} and {type_name(b)} {show(b)}")
        if isinstance(a, int) and isinstance(b, int) and b > 0 and abs(a) > 1 and b * math.log2(abs(a)) > 64:
            raise Uncomputable(f"{a} ** {b} is too large")
        try:
            return _bounded(a**b)
        except (OverflowError, ZeroDivisionError) as error:
            raise Uncomputable(f"{show(a)} ** {show(b)}: {error}") from None

    def prefix(self, e: tree.Prefix) -> object:
        if e.operators[0] == "not":
            truth = self.truth(e.operand, "`not`")
            return truth if len(e.operators) % 2 == 0 else not truth
        value = self.value(e.operand)
        if not _is_number(value):
            raise Uncomputable(f"`{e.operators[0]}` needs a number, not {type_name(value)} {show(value)}")
        return -value if e.operators.count("-") % 2 else value

    def conditional(self, e: tree.Conditional) -> object:
        for value, condition in e.cases:
            if self.truth(condition, "`if`"):
                return self.value(value)
        return self.value(e.otherwise)

    def index(self, e: tree.Index) -> object:
        value, at = self.value(e.of), self.value(e.index)
        if not isinstance(value, (list, Size, str)) or isinstance(at, bool) or not isinstance(at, int):
            raise Uncomputable(f"{type_name(value)} {show(value)} has no item {show(at)}")
        if not -len(value) <= at < len(value):
            raise Uncomputable(f"item {at} of {show(value)}, which has {len(value)}")
        return value[at]

    def slice(self, e: tree.Slice) -> object:
        value = self.value(e.of)
        ends = [None if end is None else self.value(end) for end in (e.start, e.stop)]
        if not isinstance(value, (list, Size, str)) or any(end is not None and type(end) is not int for end in ends):
            raise Uncomputable(f"{type_name(value)} {show(value)} cannot be sliced like this")
        part = value[ends[0] : ends[1]]
        return Size(part) if isinstance(value, Size) else part  # type: ignore[arg-type]

    def call(self, e: tree.Call) -> object:
        if isinstance(e.function, tree.Name) and e.function.id in FUNCTIONS and e.function.id not in self.env:
            for argument in e.arguments:
                if argument.name is not None or isinstance(argument.value, tree.Body):
                    raise self.context.fail("E304", f"`{e.function.id}` takes no named arguments", argument.span)
            return FUNCTIONS[e.function.id](*[self.value(a.value) for a in e.arguments])  # type: ignore[arg-type]
        function = self.value(e.function)
        if not isinstance(function, (Layer, Block)):
            raise Uncomputable(f"{type_name(function)} {show(function)} cannot be called")
        given = bind(self, call_of(function, self.context), e.arguments, e.span, partial=True)
        return function.with_arguments(given)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _bounded(value: Any) -> Any:
    if isinstance(value, complex) or (isinstance(value, float) and not math.isfinite(value)) or abs(value) >= LIMIT:
        raise Uncomputable("the result is too large" if not isinstance(value, complex) else "the result is not real")
    return value


def _short(value: Any, length: int) -> Any:
    if length > MAX_ITEMS:
        raise Uncomputable(f"the result has {length:,} items, more than {MAX_ITEMS:,}")
    return value


_EVALUATE: dict[type, Function[[Evaluator, Any], Any]] = {
    tree.Literal: Evaluator.literal,
    tree.SizeLiteral: Evaluator.size_literal,
    tree.Name: Evaluator.name,
    tree.InputFact: Evaluator.input_fact,
    tree.ListExpression: Evaluator.list,
    tree.Operation: Evaluator.operation,
    tree.Prefix: Evaluator.prefix,
    tree.Conditional: Evaluator.conditional,
    tree.Index: Evaluator.index,
    tree.Slice: Evaluator.slice,
    tree.Call: Evaluator.call,
}
