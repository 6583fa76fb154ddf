"""What is read of a line of another language."""

from __future__ import annotations

from typing import Literal

from cnndsl.records import dataclass

Kind = Literal["number", "size", "string", "word", "tuple", "call", "expression"]


class Unclear(Exception):
    """Nothing certain can be made of this line."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value: its text (of a string, what is in the quotes), and the items of a tuple or list."""

    kind: Kind
    text: str
    items: tuple[Value, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Argument:
    name: str | None
    value: Value


@dataclass(frozen=True, slots=True)
class Link:
    """One layer of a chain. `called` tells parentheses, `body` is the text of its braces, with them."""

    name: str
    arguments: tuple[Argument, ...] = ()
    called: bool = False
    body: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A chain, its label and stated shape.

    separate  its layers were statements of one line
    assigned  the label comes from an assignment, which elsewhere says nothing of what flows on
    """

    links: tuple[Link, ...]
    label: str | None = None
    shape: str = ""
    separate: bool = False
    assigned: bool = False
