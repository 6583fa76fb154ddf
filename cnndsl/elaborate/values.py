"""Values of the language beyond Python's own numbers, strings and lists: blocks, and what a name stands for.

A `Layer` and a `Block` are both of type `block`: something that can stand where a layer stands, perhaps with
some of its arguments already given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from cnndsl.ops.arguments import Kind, show, type_name
from cnndsl.ops.base import Op
from cnndsl.source import Span
from cnndsl.syntax import tree

if TYPE_CHECKING:
    from cnndsl.elaborate.modules import Module


class Failed(Exception):
    """What is being elaborated went wrong, and the report knows; go on with the next independent thing."""


class _Poison:
    """The value of something that failed. Reading it fails again, silently."""

    def __repr__(self) -> str:
        return "POISON"


POISON = _Poison()


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
    """A user's block as a value. `env` is set for a body in braces, which sees the names around it."""

    definition: tree.BlockDefinition
    module: Module
    bound: Mapping[str, object] = field(default_factory=dict)
    env: Env | None = None

    type_name = "block"

    @property
    def name(self) -> str:
        return self.definition.name.id

    def with_arguments(self, arguments: Mapping[str, object]) -> Block:
        return replace(self, bound={**self.bound, **arguments})

    def __str__(self) -> str:
        return _call_text(self.name, self.bound)


Callable: TypeAlias = Layer | Block


def _call_text(name: str, bound: Mapping[str, object]) -> str:
    return f"{name}({', '.join(f'{key}={show(value)}' for key, value in bound.items())})" if bound else name


class Env:
    """Names bound to values: parameters, `let`s and loop variables, the innermost first."""

    def __init__(self, parent: Env | None = None, names: Mapping[str, object] | None = None) -> None:
        self.parent = parent
        self.names: dict[str, object] = dict(names or {})
        self.places: dict[str, Span] = {}

    def chain(self) -> Iterator[Env]:
        env: Env | None = self
        while env is not None:
            yield env
            env = env.parent

    def find(self, name: str) -> object | None:
        for env in self.chain():
            if name in env.names:
                return env.names[name]
        return None

    def __contains__(self, name: str) -> bool:
        return any(name in env.names for env in self.chain())

    def all_names(self) -> list[str]:
        return [name for env in self.chain() for name in env.names]


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
        article = "an" if self.types[0][0] in "aeiou" else "a"
        return f"{article} {' or '.join(self.types)}"

    def accept(self, value: object) -> object:
        if type_name(value) == "int" and self.types == ("float",):
            return value
        if type_name(value) not in self.types:
            raise self._refuse(value)
        return value


TYPES = ("int", "float", "bool", "string", "size", "list", "block")
