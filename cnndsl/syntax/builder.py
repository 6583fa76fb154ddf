"""Builds the syntax tree: one method per grammar rule, called as the rule is recognised.

Children are tokens (those the grammar names) and finished parts; `_NL`, commas and other anonymous tokens are gone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cnndsl.records import replace
from cnndsl.source import Source, Span
from cnndsl.syntax import tree
from cnndsl.syntax.tokens import Token

SUFFIXES = {"K": 10**3, "M": 10**6, "G": 10**9}
_MOST_DIGITS = 400
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


def number_value(text: str) -> int | float:
    """`1_000`, `7M` and `1e3` as Python numbers; an exact whole number is an int, one beyond all use infinite."""
    scale = SUFFIXES.get(text[-1], 1)
    digits = (text[:-1] if scale > 1 else text).replace("_", "")
    if digits.isdecimal():
        return _integer(digits) * scale
    value = float(digits) * scale
    whole = scale > 1 and math.isfinite(value) and abs(value - round(value)) < 1e-6 * scale
    return round(value) if whole else value


def _integer(digits: str) -> int | float:
    """An int, unless it has more digits than Python would read; the evaluator refuses what is too large."""
    return int(digits) if len(digits) <= _MOST_DIGITS else math.inf


class TreeBuilder:
    """Turns what the grammar recognises into `cnndsl.syntax.tree`. `source` is the file being parsed."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def _span(self, children: Sequence[Any]) -> Span:
        """From the first child's start to the last child's end."""
        present = [child for child in children if child is not None]
        first, last = present[0], present[-1]
        start = first.start_pos if isinstance(first, Token) else first.span.start
        end = last.end_pos if isinstance(last, Token) else last.span.end
        return Span(self.source, start, end)

    def _name(self, token: Token) -> tree.Name:
        return tree.Name(str(token), self._span([token]))

    def _doc(self, span: Span) -> str:
        """The comment lines right above a definition."""
        lines: list[str] = []
        number = span.line - 1
        while number >= 1 and (text := span.source.line(number).strip()).startswith("#"):
            lines.insert(0, text.lstrip("#").removeprefix(" ").rstrip())
            number -= 1
        return "\n".join(lines).strip()

    # --- definitions

    def start(self, children: list[Any]) -> list[Any]:
        return [child for child in children if child is not None]

    def version(self, children: list[Any]) -> Token:
        token: Token = children[1]
        return token

    def use(self, children: list[Any]) -> tree.Use:
        _, names, _, origin = children
        where = self.string([origin]) if origin.type == "STRING" else self._name(origin)
        return tree.Use(names, where, self._span([children[0], origin]))

    def block(self, children: list[Any]) -> tree.BlockDefinition:
        keyword, name, parameters, body = children
        return tree.BlockDefinition(
            self._name(name), parameters or (), body, self._doc(self._span([keyword])), self._span([keyword, name])
        )

    def network(self, children: list[Any]) -> tree.NetworkDefinition:
        keyword, name, parameters, body = children
        return tree.NetworkDefinition(
            self._name(name), parameters or (), body, self._doc(self._span([keyword])), self._span([keyword, name])
        )

    def variant(self, children: list[Any]) -> tree.VariantDefinition:
        keyword, name, base, _, arguments, close, body = children
        return tree.VariantDefinition(
            self._name(name),
            self._name(base),
            arguments or (),
            body,
            self._doc(self._span([keyword])),
            self._span([keyword, close]),
        )

    def parameters(self, children: list[Any]) -> tuple[tree.ParameterDefinition, ...]:
        return tuple(child for child in children if isinstance(child, tree.ParameterDefinition))

    def parameter(self, children: list[Any]) -> tree.ParameterDefinition:
        name, type_, default = children
        return tree.ParameterDefinition(
            self._name(name), None if type_ is None else self._name(type_), default, self._span(children)
        )

    # --- statements

    def body(self, children: list[Any]) -> tree.Body:
        statements = tuple(child for child in children[1:-1] if child is not None)
        return tree.Body(statements, self._span([children[0], children[-1]]))

    def branch(self, children: list[Any]) -> tree.Branch:
        return tree.Branch(children[1], self._span(children))

    def error(self, children: list[Any]) -> tree.Unreadable:
        return tree.Unreadable(self._span(children))

    def flow(self, children: list[Any]) -> tree.Flow:
        elements, label, shape = children
        span = self._span([elements[0], elements[-1]])
        name, numbers = label or (None, ())
        return tree.Flow(elements, name, numbers, shape, span)

    def label(self, children: list[Any]) -> tuple[tree.Name, tuple[tree.Expression, ...]]:
        name, index = children
        return self._name(name), tuple(index[1]) if index else ()

    def chain(self, children: list[Any]) -> tuple[tree.Element, ...]:
        return tuple(children)

    def read(self, children: list[Any]) -> tree.Read:
        word: Token = children[1]
        span = self._span([word])
        start = tree.Incoming(span) if word.type == "IN" else tree.Labelled(str(word), span)
        what = self.postfix([start, *children[2:]])
        return tree.Read(what, self._span([children[0], what]))

    def each(self, children: list[Any]) -> tree.Each:
        keyword, names, _, items, body = children
        return tree.Each(names or (), items, body, self._span([keyword, items]))

    def command(self, children: list[Any]) -> tree.Command:
        name, arguments, body = children
        arguments = arguments or ()
        return tree.Command(self._name(name), arguments, body, self._span([name, *arguments]))

    def input(self, children: list[Any]) -> tree.Input:
        keyword, shape, label = children
        return tree.Input(shape, None if label is None else self._name(label), self._span([keyword, shape]))

    def let(self, children: list[Any]) -> tree.Let:
        return tree.Let(children[1], children[2], self._span([children[0], children[2]]))

    def function(self, children: list[Any]) -> tree.FunctionDefinition:
        keyword, name, parameters, value = children
        return tree.FunctionDefinition(self._name(name), parameters, value, self._span([keyword, value]))

    # `for` and `if` are Python keywords; their methods are set below the class.
    def _for(self, children: list[Any]) -> tree.For:
        keyword, names, _, items, body = children
        return tree.For(names, items, body, self._span([keyword, items]))

    def _if(self, children: list[Any]) -> tree.If:
        cases: list[tuple[tree.Expression, tree.Body]] = []
        parts = [child for child in children if child is not None and not isinstance(child, Token)]
        while len(parts) >= 2 and not isinstance(parts[0], tree.Body):
            cases.append((parts[0], parts[1]))
            parts = parts[2:]
        return tree.If(tuple(cases), parts[0] if parts else None, self._span([children[0], cases[0][0]]))

    def expect(self, children: list[Any]) -> tree.Expect:
        return tree.Expect(children[1], self._span(children))

    def require(self, children: list[Any]) -> tree.Require:
        return tree.Require(children[1], children[2], self._span(children))

    def names(self, children: list[Any]) -> tuple[tree.Name, ...]:
        return tuple(self._name(child) for child in children)

    # --- arguments

    def arguments(self, children: list[Any]) -> tuple[tree.Argument, ...]:
        return tuple(
            child if isinstance(child, tree.Argument) else tree.Argument(None, child, child.span) for child in children
        )

    command_arguments = arguments

    def keyword(self, children: list[Any]) -> tree.Argument:
        return tree.Argument(self._name(children[0]), children[1], self._span(children))

    def strided(self, children: list[Any]) -> tree.Argument:
        slash, value = children
        span = self._span(children)
        return tree.Argument(tree.Name("stride", self._span([slash])), value, span)

    # --- expressions

    def _operation(self, children: list[Any], operator: str | None = None) -> tree.Operation:
        if operator is None:
            return tree.Operation(tuple(children[::2]), tuple(map(str, children[1::2])), self._span(children))
        return tree.Operation(tuple(children), (operator,) * (len(children) - 1), self._span(children))

    def either(self, children: list[Any]) -> tree.Operation:
        return self._operation(children, "or")

    def both(self, children: list[Any]) -> tree.Operation:
        return self._operation(children, "and")

    def comparison(self, children: list[Any]) -> tree.Operation:
        return self._operation(children)

    sum = product = size = comparison

    def truth(self, children: list[Any]) -> tree.Prefix:
        return tree.Prefix(tuple(map(str, children[:-1])), children[-1], self._span(children))

    factor = truth

    def power(self, children: list[Any]) -> tree.Operation:
        base, _, *signs, exponent = children
        if signs:
            exponent = tree.Prefix(tuple(map(str, signs)), exponent, self._span([*signs, exponent]))
        return tree.Operation((base, exponent), ("**",), self._span(children))

    def conditional(self, children: list[Any]) -> tree.Conditional:
        parts = [child for child in children if not isinstance(child, Token)]
        cases = tuple((parts[i], parts[i + 1]) for i in range(0, len(parts) - 1, 2))
        return tree.Conditional(cases, parts[-1], self._span([parts[0], parts[-1]]))

    def postfix(self, children: list[Any]) -> tree.Expression:
        value: tree.Expression = children[0]
        for kind, parts, last in children[1:]:
            span = self._span([value, last])
            if kind == "index":
                value = tree.Index(value, tuple(parts), span)
            elif kind == "slice":
                value = tree.Slice(value, parts[0], parts[1], span)
            elif kind == "fact":
                value = tree.Fact(tree.as_label(value), self._name(last), span)
            else:
                value = tree.Call(value, parts[0] or (), span)
        return value

    def index(self, children: list[Any]) -> tuple[str, list[Any], Token]:
        return "index", children[1:-1], children[-1]

    def slice(self, children: list[Any]) -> tuple[str, list[Any], Token]:
        return "slice", children[1:-1], children[-1]

    def call(self, children: list[Any]) -> tuple[str, list[Any], Token]:
        return "call", children[1:-1], children[-1]

    def fact(self, children: list[Any]) -> tuple[str, list[Any], Token]:
        return "fact", [], children[-1]

    def name(self, children: list[Any]) -> tree.Name:
        return self._name(children[0])

    def number(self, children: list[Any]) -> tree.Literal:
        return tree.Literal(number_value(children[0]), self._span(children))

    def size_literal(self, children: list[Any]) -> tree.SizeLiteral:
        return tree.SizeLiteral(tuple(map(_integer, children[0].split("x"))), self._span(children))

    def string(self, children: list[Any]) -> tree.Literal:
        text, out = iter(children[0][1:-1]), ""
        for character in text:
            out += _ESCAPES[next(text)] if character == "\\" else character
        return tree.Literal(out, self._span(children))

    def true(self, children: list[Any]) -> tree.Literal:
        return tree.Literal(True, self._span(children))

    def false(self, children: list[Any]) -> tree.Literal:
        return tree.Literal(False, self._span(children))

    def incoming(self, children: list[Any]) -> tree.Incoming:
        return tree.Incoming(self._span(children))

    def group(self, children: list[Any]) -> tree.Expression:
        inner: tree.Expression = replace(children[1], span=self._span(children))
        return inner

    def comprehension(self, children: list[Any]) -> tree.Comprehension:
        _, value, _, names, _, items, condition, _ = children
        return tree.Comprehension(value, names, items, condition, self._span(children))

    def list(self, children: list[Any]) -> tree.ListExpression:
        items = tuple(child for child in children[1:-1] if child is not None)
        return tree.ListExpression(items, self._span(children))


setattr(TreeBuilder, "for", TreeBuilder._for)
setattr(TreeBuilder, "if", TreeBuilder._if)
