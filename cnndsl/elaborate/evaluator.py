"""Expressions to values. Everything is bounded: numbers, lists, nesting; and every mistake in one is reported."""

from __future__ import annotations

from collections.abc import Callable as Function
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cnndsl.diagnostics import Edit, Fix
from cnndsl.elaborate import tensors
from cnndsl.elaborate.binding import Call, accept, bind
from cnndsl.elaborate.claim import NETWORK_FACTS
from cnndsl.elaborate.context import Context
from cnndsl.elaborate.drafts import Bundle, Tensor
from cnndsl.elaborate.foreign import Remedy, value_meant
from cnndsl.elaborate.functions import FUNCTIONS
from cnndsl.elaborate.module import Module
from cnndsl.elaborate.names import quoted
from cnndsl.elaborate.operators import COMPARISONS, LIMIT, Uncomputable, arithmetic, compare, is_number, size_of
from cnndsl.elaborate.place import Flowing
from cnndsl.elaborate.signatures import call_of
from cnndsl.elaborate.values import POISON, Block, Env, Failed, Layer, TooBig, brief, weigh
from cnndsl.ops import all_layers, find
from cnndsl.ops.arguments import Kind, Parameter, Size, TensorLabel, type_name
from cnndsl.source import Span
from cnndsl.syntax import tree

_ITEMS_PER_STEP = 20


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Evaluates in `env` of `module`.

    incoming  what `in` means
    facts     names that only `expect` knows, for its messages
    labelled  what a label means, where one may be read
    """

    context: Context
    module: Module
    env: Env
    incoming: Flowing = None
    facts: tuple[str, ...] = ()
    labelled: Function[[tree.Labelled], Flowing] | None = None

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
        if isinstance(kind, TensorLabel) and isinstance(value, (tree.Name, tree.Index, tree.Incoming)):
            return quoted(value)
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
        compared = f"{quoted(expression)} != 0"
        fix = Fix(f"compare it: `{compared}`", (Edit(expression.span, compared),))
        raise self.context.fail("E307", message, expression.span, fixes=(fix,) * is_number(value))

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
            help, fixes = self._meant(e)
            raise self.context.fail("E302", f"`{e.id}` is not defined", e.span, help=help, fixes=fixes)
        return found

    def _meant(self, name: tree.Name) -> Remedy:
        """What an unknown name may have been meant to be."""
        if self.context.report.full:
            return None, ()
        if name.id in FUNCTIONS:
            return f"`{name.id}` is a function: `{name.id}(...)`", ()
        if name.id in NETWORK_FACTS and not self.facts:
            return f"`{name.id}` is known only in `expect`", ()
        known = [*self.env.all_names(), *self.facts, *self.module.blocks, *FUNCTIONS, *all_layers()]
        return value_meant(name, known)

    def tensor(self, e: tree.Expression, whole: tree.Expression | None = None) -> Tensor | Bundle:
        """The tensor or bundle that `in` or a label names, perhaps with an index or a slice behind it.

        `whole` is the expression that it is a part of, for messages.
        """
        if isinstance(e, tree.Index):
            items = tensors.items(self.context, self.tensor(e.of, whole), e.of)
            return tensors.item(self.context, items, self._one(e, self.values(e.indices)), e)
        if isinstance(e, tree.Slice):
            items = tensors.items(self.context, self.tensor(e.of, whole), e.of)
            return tensors.part(self.context, items, self._ends(e), e)
        found = self.labelled(e) if isinstance(e, tree.Labelled) and self.labelled else self.incoming
        return tensors.known(self.context, found, whole or e)

    def fact(self, e: tree.Fact) -> int:
        """`in.channels` and the like."""
        tensors.check_fact(self.context, e)
        return tensors.fact(self.context, self.tensor(e.of, e), e)

    def no_value(self, e: tree.Expression) -> object:
        raise tensors.no_value(self.context, self.tensor(e), e)

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
        value, *indices = self.values((e.of, *e.indices))
        at = self._one(e, indices)
        if not isinstance(value, (list, Size, str)) or isinstance(at, bool) or not isinstance(at, int):
            raise Uncomputable(f"{type_name(value)} {brief(value)} has no item {brief(at)}")
        if not -len(value) <= at < len(value):
            raise Uncomputable(f"item {at} of {brief(value)}, which has {len(value)}")
        return value[at]

    def _one(self, e: tree.Index, indices: list[Any]) -> Any:
        if len(indices) > 1:
            raise self.context.fail("E313", f"one index, not {len(indices)}", e.span, help="`a[i][j]` takes two")
        return indices[0]

    def slice(self, e: tree.Slice) -> object:
        value = self.value(e.of)
        start, stop = self._ends(e)
        whole = all(end is None or type(end) is int for end in (start, stop))
        if not isinstance(value, (list, Size, str)) or not whole:
            raise Uncomputable(f"{type_name(value)} {brief(value)} cannot be sliced like this")
        part: Any = value[start:stop]
        return Size(part) if isinstance(value, Size) else part

    def _ends(self, e: tree.Slice) -> list[Any]:
        return [None if end is None else self.value(end) for end in (e.start, e.stop)]

    def call(self, e: tree.Call) -> object:
        if isinstance(e.function, tree.Name) and e.function.id in FUNCTIONS and e.function.id not in self.env:
            if e.function.id == "len" and len(e.arguments) == 1 and tensors.is_tensor(e.arguments[0].value):
                return self._tensors(e.arguments[0].value)
            return self._weighed(e, FUNCTIONS[e.function.id](*self.values(self._unnamed(e.function.id, e))))
        function = self.value(e.function)
        if not isinstance(function, (Layer, Block)):
            raise Uncomputable(f"{type_name(function)} {brief(function)} cannot be called")
        given = self.bind(call_of(function), e.arguments, e.span, partial=True)
        return self._weighed(e, function.with_arguments(given))

    def _tensors(self, e: tree.Expression) -> int:
        """How many there are in a bundle."""
        return len(tensors.items(self.context, self.tensor(e), e))

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
    tree.Incoming: Evaluator.no_value,
    tree.Fact: Evaluator.fact,
    tree.ListExpression: Evaluator.items,
    tree.Operation: Evaluator.operation,
    tree.Prefix: Evaluator.prefix,
    tree.Conditional: Evaluator.conditional,
    tree.Index: Evaluator.index,
    tree.Slice: Evaluator.slice,
    tree.Call: Evaluator.call,
}
