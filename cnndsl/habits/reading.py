"""Lines as other languages write them, read leniently: calls, assignments, separators of all kinds."""

from __future__ import annotations

import re
from collections.abc import Callable

from cnndsl.habits.foreign_line import Argument, Line, Link, Unclear, Value
from cnndsl.habits.tokens import Token, tokens_of
from cnndsl.records import dataclass, replace

_OPERATORS = {"//", "**", "-", "+", "*", "/", "%"}
_JOINS = {"|", "+", "-", ">", "&"}  # between layers, what `->` is here
_BINDERS = {"let", "var", "const", "auto", "val", "return"}
_NUMBERED = re.compile(r"([A-Za-z]+?)_?(\d+x\d+)")  # `conv3x3`
_MEASURES = {"size", "shape", "len", "int"}  # functions of a tensor that give numbers
_WRAPPERS = {"add", "sequential", "append"}


@dataclass(frozen=True, slots=True)
class Words:
    """What a reader must know of words: which are layers or blocks, and which name an argument."""

    layer: Callable[[str], bool]
    argument: Callable[[str], bool]


def read_line(text: str, words: Words) -> Line:
    """The line that was meant; raises `Unclear`."""
    return _Reader(text, words).line()


class _Reader:
    def __init__(self, text: str, words: Words) -> None:
        self.text = text
        self.words = words
        self.tokens = [*tokens_of(text), Token("end", "", len(text), len(text))]
        self.at = 0

    # --- tokens

    def peek(self, ahead: int = 0) -> Token:
        return self.tokens[min(self.at + ahead, len(self.tokens) - 1)]

    def take(self) -> Token:
        token = self.peek()
        self.at += 1
        return token

    def accept(self, *texts: str) -> bool:
        if self.peek().text not in texts or self.peek().kind == "string":
            return False
        self.at += 1
        return True

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise Unclear(self.peek().text)

    def layer_at(self, ahead: int = 0) -> bool:
        return self.peek(ahead).kind == "word" and self.words.layer(self.peek(ahead).text)

    # --- the line

    def line(self) -> Line:
        value = self.peek().text == "let" and self.peek(4).text == "("  # `let small = conv(3, 8)` is one of ours
        bound = self.accept(*_BINDERS)
        label = self.assigned()
        links, separate = list(self.link()), False
        while True:
            if self.accept(";"):
                separate = True
            elif not self.separator():
                break
            if self.peek().kind == "end":
                break
            links += self.link()
        after = self.label()
        shape = self.rest() if self.accept(":") else ""
        self.accept(",", ";")
        if value or self.peek().kind != "end" or (bound and label is None and not self.words.layer(links[0].name)):
            raise Unclear(self.peek().text)
        return Line(tuple(links), after or label, shape, separate, label is not None)

    def assigned(self) -> str | None:
        """The name in `x = conv ...`, `self.conv1 = ...`, `conv1: conv ...`."""
        name, gives = self.peek(), self.peek(1)
        if name.kind != "word" or gives.kind != "gives" or not self.layer_at(2):
            return None
        if gives.text == ":" and self.words.layer(name.text):
            return None
        self.at += 2
        return name.text.split(".")[-1]

    def separator(self) -> bool:
        """Anything that joins two layers."""
        if self.peek().kind == "arrow" or self.peek().text == "then":
            self.at += 1
            return True
        joins = self.peek().text in _JOINS and self.layer_at(1)
        self.at += joins
        return joins

    def label(self) -> str | None:
        if self.peek().text.lower() != "as":
            return None
        self.at += 1
        name = self.take().text.strip("\"'$")
        while self.peek().text in ("-", ".") and self.peek(1).kind in ("word", "number"):
            self.at += 1
            name += f"_{self.take().text}"
        if not name.isidentifier():
            raise Unclear(name)
        return name

    def rest(self) -> str:
        start = self.peek().start
        self.at = len(self.tokens) - 1
        return self.text[start:].strip()

    # --- layers

    def link(self) -> tuple[Link, ...]:
        """One layer, or the several of nested calls and of `Sequential(...)`."""
        name = self.name()
        if self.peek().text == "(" and self.peek().start == name.end:
            return self.call(name.text)
        arguments = self.bare_arguments()
        if (numbered := _NUMBERED.fullmatch(name.text)) and not self.words.layer(name.text):
            arguments.insert(0, Argument(None, Value("size", numbered[2])))
            return (Link(numbered[1], tuple(arguments), body=self.body()),)
        return (Link(name.text, tuple(arguments), body=self.body()),)

    def name(self) -> Token:
        """A layer's name, which may be several words: `max pool`."""
        name = self.take()
        if name.kind != "word":
            raise Unclear(name.text)
        for count in (2, 1):
            more = [self.peek(i) for i in range(count)]
            joined = "_".join([name.text, *(token.text for token in more)])
            if all(token.kind == "word" for token in more) and self.words.layer(joined):
                self.at += count
                return replace(name, text=joined, end=more[-1].end)
        return name

    def call(self, name: str) -> tuple[Link, ...]:
        """`name(...)`, perhaps on `(x)`, as Keras writes it."""
        arguments = self.listed()
        if self.peek().text == "(":
            arguments = [*arguments, *self.listed()]
        last = name.rpartition(".")[2]
        wrapped = all(argument.value.kind == "call" for argument in arguments) and arguments
        if last.lower() in _WRAPPERS and wrapped:
            return tuple(link for argument in arguments for link in argument.value.links)
        inner = [argument.value.links for argument in arguments[:1] if argument.value.kind == "call"]
        if inner and inner[0][-1].name.split(".")[-1] not in _MEASURES and not self.words.layer(inner[0][-1].name):
            raise Unclear(inner[0][-1].name)  # a layer that stands elsewhere
        if inner and not arguments[0].name and self.words.layer(inner[0][-1].name):
            return (*inner[0], Link(name, tuple(arguments[1:]), called=True))
        return (Link(name, tuple(arguments), called=True, body=self.body()),)

    def body(self) -> str:
        """The text of a `{ ... }`, with its braces."""
        if self.peek().text != "{":
            return ""
        start, depth = self.peek().start, 0
        while True:
            token = self.take()
            depth += (token.text == "{") - (token.text == "}")
            if token.kind == "end":
                raise Unclear("{")
            if depth == 0:
                return self.text[start : token.end]

    # --- arguments

    def listed(self) -> list[Argument]:
        """Arguments in parentheses."""
        self.expect("(")
        found: list[Argument] = []
        while not self.accept(")"):
            found.append(self.argument())
            if not self.accept(",", "，") and self.peek().text != ")":
                raise Unclear(self.peek().text)
        return found

    def bare_arguments(self) -> list[Argument]:
        """Arguments without parentheses, whatever stands between them."""
        found: list[Argument] = []
        while not self.ends_arguments():
            found.append(self.argument())
            comma = self.accept(",", "，")
            if comma and self.peek().kind == "end":
                break
        return found

    def ends_arguments(self) -> bool:
        token = self.peek()
        if token.kind in ("end", "arrow", "close") or token.text in ("{", ";", ":", "|", "then"):
            return True
        return token.text.lower() == "as" or (token.text in _JOINS and self.layer_at(1))

    def argument(self) -> Argument:
        if self.accept("/"):
            return Argument("/", self.value())
        name, after = self.peek(), self.peek(1)
        named = name.kind == "word" and self.words.argument(name.text)
        if name.kind == "word" and (after.text == "=" or (named and after.text == ":")):
            self.at += 2
            return Argument(name.text, self.value())
        if named and after.kind in ("number", "size") and (name.text == "pad" or not self.words.layer(name.text)):
            self.at += 1
            return Argument(name.text, self.value())
        return Argument(None, self.value())

    def value(self) -> Value:
        """One value; with operators behind it, an expression that is kept as it is written."""
        start = self.peek().start
        value = self.atom()
        while (self.peek().text in _OPERATORS and not self.ends_value()) or self.peek().text in ("[", "("):
            if self.peek().text in ("[", "("):
                self.skip_brackets()
            else:
                self.at += 1
                self.atom()
            value = Value("expression", self.text[start : self.tokens[self.at - 1].end])
        return value

    def ends_value(self) -> bool:
        """Whether an operator is none: `64 /2` is a stride, `64 + relu` a chain."""
        operator, after = self.peek(), self.peek(1)
        spaced = self.tokens[self.at - 1].end < operator.start
        stride = operator.text == "/" and spaced and operator.end == after.start
        return stride or (operator.text in _JOINS and self.layer_at(1))

    def skip_brackets(self) -> None:
        depth = 0
        while True:
            token = self.take()
            depth += (token.kind == "open") - (token.kind == "close")
            if token.kind == "end":
                raise Unclear("(")
            if depth == 0:
                return

    def atom(self) -> Value:
        token = self.take()
        if token.kind == "string":
            return Value("string", token.text[1:-1])
        if token.kind in ("number", "size"):
            return Value("size" if token.kind == "size" else "number", token.text)
        if token.text in ("-", "+"):
            inner = self.atom()
            return replace(inner, text=token.text.strip("+") + inner.text)
        if token.text in ("(", "["):
            return self.items(token)
        if token.kind == "word":
            if self.peek().text == "(" and self.peek().start == token.end:
                return self.called(token)
            return Value("word", token.text)
        raise Unclear(token.text)

    def called(self, name: Token) -> Value:
        links = self.call(name.text)
        return Value("call", self.text[name.start : self.tokens[self.at - 1].end], links=links)

    def items(self, opened: Token) -> Value:
        items: list[Value] = []
        while not self.accept(")", "]"):
            items.append(self.value())
            if not self.accept(",", "，") and self.peek().text not in (")", "]"):
                raise Unclear(self.peek().text)
        text = self.text[opened.start : self.tokens[self.at - 1].end]
        if opened.text == "(" and len(items) == 1:
            return replace(items[0], text=items[0].text)
        return Value("tuple", text, tuple(items))
