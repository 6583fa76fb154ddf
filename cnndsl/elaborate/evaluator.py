"""Expressions to values. Everything is bounded: numbers, lists, nesting; and every mistake in one is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cnndsl.diagnostics import Edit, Fix
from cnndsl.elaborate import operators, tensors
from cnndsl.elaborate.binding import Call, accept, bind
from cnndsl.elaborate.drafts import Bundle, Tensor
from cnndsl.elaborate.env import Env
from cnndsl.elaborate.functions import FUNCTIONS
from cnndsl.elaborate.labelled import Reader
from cnndsl.elaborate.lookup import Lookup
from cnndsl.elaborate.names import quoted
from cnndsl.elaborate.operators import COMPARISONS, LIMIT, Uncomputable, arithmetic, compare, is_number, size_of
from cnndsl.elaborate.place import Flowing
from cnndsl.elaborate.scoping import claim_names, unpack
from cnndsl.elaborate.signatures import call_of
from cnndsl.elaborate.values import POISON, Block, Failed, Function, Layer, TooBig, brief, weigh
from cnndsl.ops.arguments import Kind, Parameter, Size, TensorLabel, type_name
from cnndsl.records import dataclass, replace
from cnndsl.source import Span
from cnndsl.syntax import tree

_ITEMS_PER_STEP = 20
_CHARACTERS_PER_STEP = 64  # of a function or comprehension, whose text may be long and is run often


@dataclass(frozen=True, slots=True)
class Evaluator(Lookup):
    """Evaluates in `env` of `module`.

    incoming  what `in` means
    labels    reads labels, where there may be some
    outside   where no tensor flows, in words: at the top of a file, in a function
    """

    incoming: Flowing = None
    labels: Reader | None = None
    outside: str = ""

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
            return self._label(value)
        if isinstance(value, tree.Name) and kind.choices and value.id not in self.env:
            meant = None if value.id in kind.choices or "" in kind.choices else self.callable(value.id)
            return value.id if meant is None else meant
        return self.value(value)

    def _label(self, value: tree.Name | tree.Index | tree.Incoming) -> str:
        """How the tensor is called: `c`, `in`, or `c[2]` for `c[i]`."""
        if isinstance(value, tree.Index):
            return f"{quoted(value.of)}[{','.join(map(brief, self.values(value.indices)))}]"
        return quoted(value)

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
            if isinstance(value, Function):
                message = f"`{e.id}` is a function, not a value"
                raise self.context.fail("E307", message, e.span, help=f"call it: `{value}`")
            return value
        found = self.callable(e.id)
        if found is None:
            help, fixes = self.meant(e)
            if self._is_label(e.id):
                help, fixes = (
                    f"`{e.id}` is a label; what is known of its tensor is a value, such as `{e.id}.channels`",
                    (),
                )
            raise self.context.fail("E302", f"`{e.id}` is not defined", e.span, help=help, fixes=fixes)
        return found

    def tensor(self, e: tree.Expression, whole: tree.Expression | None = None) -> Tensor | Bundle:
        """The tensor or bundle that `in` or a label names, perhaps with an index or a slice behind it.

        `whole` is the expression that it is a part of, for messages.
        """
        if isinstance(e, tree.Index):
            if isinstance(e.of, tree.Labelled) and self.labels and self.labels.is_numbered(e.of.id):
                found = self.labels.read_at(e.of, self.values(e.indices), e.span)
                return tensors.known(self.context, found, whole or e)
            items = tensors.items(self.context, self.tensor(e.of, whole), e.of)
            return tensors.item(self.context, items, self._one(e, self.values(e.indices)), e)
        if isinstance(e, tree.Slice):
            items = tensors.items(self.context, self.tensor(e.of, whole), e.of)
            return tensors.part(self.context, items, self._ends(e), e)
        found = self._labelled(e) if isinstance(e, tree.Labelled) else self.incoming
        return tensors.known(self.context, found, whole or e, self.outside)

    def _is_label(self, name: str) -> bool:
        return self.labels is not None and self.labels.knows(name)

    def _labelled(self, e: tree.Labelled) -> Flowing:
        if self.labels is None:
            raise self.context.fail("E303", f"no tensor is labelled {self.outside}".rstrip(), e.span)
        return self.labels.read(e)

    def fact(self, e: tree.Fact) -> int:
        """`in.channels` and the like."""
        root = tensors.root(e.of)
        is_value = isinstance(root, tree.Labelled) and root.id in self.env and not self._is_label(root.id)
        tensors.check_fact(self.context, e, is_value=is_value)
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
        return operators.item(value, self._one(e, indices))

    def _one(self, e: tree.Index, indices: list[Any]) -> Any:
        if len(indices) > 1:
            raise self.context.fail("E313", f"one index, not {len(indices)}", e.span, help="`a[i][j]` takes two")
        return indices[0]

    def slice(self, e: tree.Slice) -> object:
        return operators.part(self.value(e.of), *self._ends(e))

    def _ends(self, e: tree.Slice) -> list[Any]:
        return [None if end is None else self.value(end) for end in (e.start, e.stop)]

    def call(self, e: tree.Call) -> object:
        if isinstance(e.function, tree.Name) and e.function.id in FUNCTIONS and e.function.id not in self.env:
            if e.function.id == "len" and (counted := self._counted(e)) is not None:
                return len(tensors.items(self.context, self.tensor(counted), counted))
            return self._weighed(e, FUNCTIONS[e.function.id](*self.values(self._unnamed(e.function.id, e))))
        function = self._called(e.function)
        if isinstance(function, Function):
            return self.apply(function, e)
        if not isinstance(function, (Layer, Block)):
            raise Uncomputable(f"{type_name(function)} {brief(function)} cannot be called")
        given = self.bind(call_of(function), e.arguments, e.span, partial=True)
        return self._weighed(e, function.with_arguments(given))

    def _counted(self, e: tree.Call) -> tree.Expression | None:
        """The bundle that `len` is asked of: `in`, or a label where no value has that name."""
        value = e.arguments[0].value if len(e.arguments) == 1 else None
        if isinstance(value, tree.Name) and value.id not in self.env and self._is_label(value.id):
            return tree.as_label(value)
        return value if tensors.is_tensor(value) else None

    def _called(self, name: tree.Expression) -> object:
        """What a call is of: a name may be that of a function, which is no value."""
        if not isinstance(name, tree.Name):
            return self.value(name)
        function = self.env.find(name.id)
        if isinstance(function, Function):
            return function
        if name.id not in self.env and self.callable(name.id) is None:
            help, fixes = self.meant(name)
            if not help and not fixes:
                help = f"the functions are {', '.join(sorted([*FUNCTIONS, *self.functions()]))}"
            raise self.context.fail("E302", f"there is no function `{name.id}`", name.span, help=help, fixes=fixes)
        return self.value(name)

    def apply(self, function: Function, e: tree.Call) -> object:
        """The value of a function for these arguments; each call is work, by the length of the function's text."""
        definition, context = function.definition, self.context
        given = self.bind(call_of(function), e.arguments, e.span)
        context.step(e.span, 1 + definition.span.length // _CHARACTERS_PER_STEP)
        with context.inside(function.name, e.span):
            inside = Evaluator(context, function.module, Env(function.env), outside="in a function")
            inside.take(definition.parameters, given)
            return inside.value(definition.value)

    def take(self, definitions: tuple[tree.ParameterDefinition, ...], given: Mapping[str, object]) -> None:
        """Bind parameters: to what was given, else to their defaults, which may use those before them."""
        for definition in definitions:
            name = definition.name.id
            value = given.get(name, POISON)
            if name not in given and definition.default is not None:
                try:
                    value = self.value(definition.default)
                except Failed:
                    value = POISON
            self.env.names[name] = value
            self.env.places[name] = definition.name.span

    def rounds(self, items: tree.Expression, word: str) -> list[Any] | Size:
        """What `word` goes over."""
        value = self.value(items)
        if isinstance(value, (list, Size)):
            return value
        message = f"{word} goes over a list, not {type_name(value)} {brief(value)}"
        ranged = f"range({quoted(items)})"
        fix = Fix(f"`{ranged}` counts from 0", (Edit(items.span, ranged),), safe=True)
        raise self.context.fail("E307", message, items.span, fixes=(fix,) * isinstance(value, int))

    def comprehension(self, e: tree.Comprehension) -> list[object]:
        items = self.rounds(e.items, "`for`")
        free = claim_names(self.context, Env(self.env), e.names)
        found: list[Any] = []
        for item in items:
            self.context.step(e.span, 1 + e.span.length // _CHARACTERS_PER_STEP)
            names = unpack(self.context, item, e.names, e.items.span)
            inside = replace(self, env=Env(self.env, {name: names[name] for name in free}))
            if e.condition is None or inside.truth(e.condition, "`if`"):
                found.append(inside.value(e.value))
        self._weighed(e, found)
        return found

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


_EVALUATE: dict[type, Callable[[Evaluator, Any], Any]] = {
    tree.Literal: Evaluator.literal,
    tree.SizeLiteral: Evaluator.size_literal,
    tree.Name: Evaluator.name,
    tree.Incoming: Evaluator.no_value,
    tree.Fact: Evaluator.fact,
    tree.ListExpression: Evaluator.items,
    tree.Comprehension: Evaluator.comprehension,
    tree.Operation: Evaluator.operation,
    tree.Prefix: Evaluator.prefix,
    tree.Conditional: Evaluator.conditional,
    tree.Index: Evaluator.index,
    tree.Slice: Evaluator.slice,
    tree.Call: Evaluator.call,
}
