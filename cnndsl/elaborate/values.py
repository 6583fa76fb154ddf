"""Values of the language beyond Python's own numbers, strings and lists: blocks, and what a name stands for.

A `Layer` and a `Block` are both of type `block`: something that can stand where a layer stands, perhaps with
some of its arguments already given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from cnndsl.elaborate.env import Env
from cnndsl.elaborate.module import Module
from cnndsl.ops.arguments import Kind, show, type_name
from cnndsl.ops.base import Op
from cnndsl.records import dataclass, field, replace
from cnndsl.syntax import tree

MAX_ITEMS = 100_000  # of a list, those of its inner lists counted
MAX_DEPTH = 32  # of lists in lists
_SHOWN_ITEMS = 8
_SHOWN_CHARACTERS = 60


class Failed(Exception):
    """What is being elaborated went wrong, and the report knows; go on with the next independent thing."""


class Poison:
    """The value of something that failed. Reading it fails again, silently."""

    def __repr__(self) -> str:
        return "POISON"


POISON = Poison()


@dataclass(frozen=True)
class Layer:
    """A built-in (or registered) layer as a value."""

    op: type[Op]
    bound: Mapping[str, object] = field(default_factory=dict)

    type_name = "block"

    @property
    def name(self) -> str:
        return self.op.word

    def with_arguments(self, arguments: Mapping[str, object]) -> Layer:
        return replace(self, bound={**self.bound, **arguments})

    def __str__(self) -> str:
        return _call_text(self.name, self.bound)


@dataclass(frozen=True)
class Block:
    """A user's block as a value.

    env     the names that a body in braces sees around it; None for a block that is defined
    within  the blocks that such a body stands in, and so must not call
    """

    definition: tree.BlockDefinition
    module: Module
    bound: Mapping[str, object] = field(default_factory=dict)
    env: Env | None = None
    within: Mapping[int, Block] = field(default_factory=dict)

    type_name = "block"

    @property
    def name(self) -> str:
        return self.definition.name.id

    def with_arguments(self, arguments: Mapping[str, object]) -> Block:
        return replace(self, bound={**self.bound, **arguments})

    def __str__(self) -> str:
        return _call_text(self.name, self.bound)


@dataclass(frozen=True)
class Function:
    """A function of values that a file defines. It can only be called.

    env    the names that it sees
    depth  how many calls within each other one of it may come to, itself counted
    """

    definition: tree.FunctionDefinition
    module: Module
    env: Env
    depth: int

    type_name = "function"

    @property
    def name(self) -> str:
        return self.definition.name.id

    def __str__(self) -> str:
        return f"{self.name}(...)"


Callable: TypeAlias = Layer | Block


def _call_text(name: str, bound: Mapping[str, object]) -> str:
    return f"{name}({', '.join(f'{key}={show(value)}' for key, value in bound.items())})" if bound else name


class TooBig(Exception):
    """A value with more in it than anybody needs; one line."""


def weigh(value: object, depth: int = 0) -> int:
    """How many values there are in a list or a block's arguments, inner ones counted; `TooBig` above the limits.

    Values share their parts, so a few lines can make one that would never end when it is written out or compared.
    """
    parts: Sequence[object] = ()
    if isinstance(value, list):
        parts = value
    elif isinstance(value, (Layer, Block)):
        parts = [*value.bound.values()]
    if depth > MAX_DEPTH:
        raise TooBig(f"values are nested more than {MAX_DEPTH} deep")
    if len(parts) > MAX_ITEMS:
        raise TooBig(f"the result has {len(parts):,} items, more than {MAX_ITEMS:,}")
    total = len(parts)
    for part in parts:
        if isinstance(part, (list, Layer, Block)):
            total += weigh(part, depth + 1)
            if total > MAX_ITEMS:
                raise TooBig(f"the result has more than {MAX_ITEMS:,} items, inner ones counted")
    return total


def brief(value: object) -> str:
    """A value as the language writes it, long ones shortened, for messages."""
    if isinstance(value, str):
        return show(value if len(value) <= _SHOWN_CHARACTERS else f"{value[:_SHOWN_CHARACTERS]}...")
    if isinstance(value, list):
        shown = [brief(item) for item in value[:_SHOWN_ITEMS]]
        more = [f"... {len(value):,} items"] if len(value) > _SHOWN_ITEMS else []
        value_text = f"[{', '.join([*shown, *more])}]"
        return value_text if len(value_text) <= 4 * _SHOWN_CHARACTERS else f"[... {len(value):,} items]"
    return show(value)


class AnyValue(Kind):
    expects = "a value"


class BlockKind(Kind):
    expects = "a block or a layer"

    def accept(self, value: object) -> object:
        if not isinstance(value, (Layer, Block)):
            raise self._refuse(value)
        return value


@dataclass(frozen=True)
class TypeKind(Kind):
    """A parameter annotated with a type of the language, or one that must be like its default."""

    types: tuple[str, ...]

    @property
    def expects(self) -> str:  # type: ignore[override]
        *others, last = [f"{'an' if name[0] in 'aeiou' else 'a'} {name}" for name in self.types]
        return f"{', '.join(others)} or {last}" if others else last

    def accept(self, value: object) -> object:
        if type_name(value) == "int" and self.types == ("float",):
            return value
        if type_name(value) not in self.types:
            raise self._refuse(value)
        return value


TYPES = ("int", "float", "bool", "string", "size", "list", "block")
