"""The text of a network while it is being found: bodies of flows of commands, as the language has them.

A term is a piece of syntax whose names are not chosen yet: tensors and chains are called by nodes of the graph, and a
number may be a value, the values it has in several places, or an expression.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from cnndsl.ir import Scope
from cnndsl.ops.arguments import Parameter
from cnndsl.ops.base import Shape
from cnndsl.records import dataclass

REPEATING = ("dense", "fractal")  # their nodes are those of all rounds, in order
IN = "what comes in"  # the source of a flow that begins with what enters its statement

# Words of commands that are no commands of the language, and are gone before text is made.
NEST = "a nest"  # several flows in the place of one command, which begin with the tensor `entry`
PART = "a part"  # what may become the call of a block
FOR = "for"
IF = "if"
STAGE = "a stage"  # a part that only holds calls
INLINE = "an open part"  # a part that is no block: what stands in it stands in its place
NAMED = "a named part"  # a chain that is applied again elsewhere, so that it needs a label
ROUND = "a round"  # what `each` does with one tensor, in the one command of a branch

EACH = "each"
IS_ENTERING, IS_LEAVING = " (in)", " (out)"  # behind the path of a part: the bundle that goes in or comes out


@dataclass(frozen=True, slots=True)
class Expression:
    """A value as it is written: `4 * filters`. `binds` says how tight: 2 a name or number, 1 a product, 0 a sum."""

    text: str
    binds: int = 2

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Item:
    """One of the tensors of a bundle, counted from 0; with a `stop`, the bundle of those before that."""

    bundle: str
    number: int
    stop: int | None = None


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor or chain that an argument names (`like=`, `again`), by its node."""

    node: str | Item


@dataclass(frozen=True, slots=True)
class Usual:
    """A value that the language takes anyway. It is written only where one text stands for places that differ in it."""

    value: object


@dataclass(frozen=True, slots=True)
class Vector:
    """What a value is in each of several places that one text stands for; `ANY` where it does not matter."""

    values: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Blank:
    """A value where nothing is made of it, so that any would do; skeletons see it as one `like` that."""

    like: object


ANY = Blank(None)


@dataclass(frozen=True, slots=True)
class Argument:
    """A value for a parameter."""

    parameter: Parameter
    value: object

    @property
    def name(self) -> str:
        return self.parameter.name


@dataclass(frozen=True, slots=True)
class Command:
    """A layer, structure or call of a block.

    `branches` are those of a merge, `body` the braces of a structure, `shortcut` the way around a residual, if it is
    written out. `nodes` are the layers that it makes itself; they come behind those of its branches and body.
    `result` is the tensor that comes out, by its node; of a part, `entry` goes in, which is an `item` outside of it.
    """

    word: str
    arguments: tuple[Argument, ...] = ()
    branches: tuple[Flow, ...] = ()
    body: Body | None = None
    shortcut: Flow | None = None
    nodes: tuple[str, ...] = ()
    result: str = ""
    entry: str = ""
    item: Item | None = None
    scope: Scope | None = None

    def value(self, name: str, default: object = None) -> object:
        return next((each.value for each in self.arguments if each.name == name), default)


@dataclass(frozen=True, slots=True)
class Flow:
    """Commands in a chain, from the tensor `source` or from what flows; `result` is the tensor that comes out.

    `entering` is the shape of `in` there (None where nothing or a bundle flows), `leaving` that of the result. Where
    the text names the result, it is labelled; `shown` says that it states its shape. A `whole` one is applied again.
    """

    commands: tuple[Command, ...]
    source: str | Item = ""
    result: str = ""
    entering: Shape | None = None
    leaving: Shape | None = None
    labelled: bool = False
    shown: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """Flows in braces, one after another."""

    flows: tuple[Flow, ...] = ()


Term: TypeAlias = Command | Flow | Body


def flows_of(command: Command) -> Iterator[Flow]:
    """The flows right inside a command, in the order in which their layers come."""
    yield from command.branches
    if command.body is not None:
        yield from command.body.flows
    if command.shortcut is not None:
        yield command.shortcut


def commands_in(term: Term) -> Iterator[Command]:
    """Every command of a term, outer ones first, in the order of the text."""
    pending: list[Term] = [term]
    while pending:
        here = pending.pop()
        if isinstance(here, Command):
            yield here
            pending.extend(reversed([*flows_of(here)]))
        else:
            pending.extend(reversed(here.flows if isinstance(here, Body) else here.commands))


def flows_in(term: Term) -> Iterator[Flow]:
    """Every flow of a term, outer ones first."""
    if isinstance(term, Flow):
        yield term
    if isinstance(term, Body):
        yield from term.flows
    for command in commands_in(term):
        yield from flows_of(command)


def nodes_of(body: Body) -> list[str]:
    """The layers that a body makes, in the elaborator's order; `""` is an `identity` that the text adds."""
    found: list[str] = []
    pending: list[Command | Flow | tuple[str, ...]] = [*reversed(body.flows)]
    while pending:
        here = pending.pop()
        if isinstance(here, tuple):
            found += here
        elif isinstance(here, Flow):
            pending.extend(reversed(here.commands) if here.commands or here.source else [("",)])
        else:
            pending.append(here.nodes)
            pending.extend(reversed([*flows_of(here)]) if here.word not in REPEATING else ())
    return found


def tensors_named(term: Term) -> set[str]:
    """The tensors, bundles and chains that a term names, so that they need a label."""
    return {named(source) for source in mentions(term)}


def mentions(term: Term) -> Iterator[str | Item]:
    """What a term names, each time it does."""
    yield from (flow.source for flow in flows_in(term) if flow.source and flow.source != IN)
    for command in commands_in(term):
        yield from (each.value.node for each in command.arguments if isinstance(each.value, Tensor))


def named(source: str | Item) -> str:
    """What has the label: of an item, the bundle."""
    return source.bundle if isinstance(source, Item) else source
