"""Parts that are alike become calls of one block; what differs between them becomes its parameters."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from cnndsl.lifting.writing.expressions import CallKind, Fitting, Variable
from cnndsl.lifting.writing.heights import height
from cnndsl.lifting.writing.labels import identifier
from cnndsl.lifting.writing.layout import Layout
from cnndsl.lifting.writing.loops import shortened
from cnndsl.lifting.writing.terms import INLINE, PART, Argument, Body, Command, Flow, Usual, commands_in, nodes_of
from cnndsl.lifting.writing.unification import skeleton, unified
from cnndsl.ops import find
from cnndsl.ops.arguments import Parameter


CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")


@dataclass(frozen=True)
class Block:
    """A block of the text: its name, its parameters with their usual values, and its lines."""

    name: str
    variables: tuple[Variable, ...]
    body: Body


class Blocks:
    """Turns parts into calls, from the innermost outwards; `found` are the blocks in the order in which they came."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.found: list[Block] = []

    def called(self, body: Body) -> Body:
        while True:
            groups = self._innermost(body)
            if not groups:
                return body
            became: dict[str, Command] = {}
            for parts in groups:
                became |= self._calls(parts)
            body = _replaced(body, became)

    def _innermost(self, body: Body) -> list[list[Command]]:
        """The parts without parts in them, those of one skeleton together."""
        groups: dict[object, list[Command]] = defaultdict(list)
        for command in commands_in(body):
            if command.word == PART and command.body is not None:
                if not any(inner.word == PART for inner in commands_in(command.body)):
                    groups[skeleton(self._laid(command))].append(command)
        return list(groups.values())

    def _laid(self, part: Command) -> Body:
        assert part.body is not None
        return self.layout.body(part.body, part.entry)

    def _calls(self, parts: Sequence[Command]) -> dict[str, Command]:
        """What becomes of parts that are alike, by their scopes: calls, or what stands in them."""
        bodies = [self._laid(part) for part in parts]
        worth = _is_worth(bodies[0], len(parts)) and not all(map(_is_container, parts))
        together = unified(bodies) if worth else None
        if together is None:
            return {_key(part): replace(part, word=INLINE) for part in parts}
        fitting = Fitting(len(parts))
        text = shortened(fitting.body(together), loops=False)
        name = self._name(parts)
        variables = _sorted(fitting.variables)
        block = Block(name, variables, text)
        self.found.append(block)
        return {_key(part): _call(block, part, number) for number, part in enumerate(parts)}

    def _name(self, parts: Sequence[Command]) -> str:
        classes = Counter(part.scope.block for part in parts if part.scope is not None and part.scope.block)
        wanted = snake(classes.most_common(1)[0][0]) if classes else "unit"
        taken = {block.name for block in self.found}
        name, number = wanted, 1
        while name in taken or find(name) is not None:
            number += 1
            name = f"{wanted}{number}"
        return name


def snake(name: str) -> str:
    """`inverted_residual` for `InvertedResidual`."""
    found = ""
    for before, letter in zip(" " + name, name, strict=False):
        found += f"_{letter}" if letter.isupper() and (before.islower() or before.isdigit()) else letter
    return identifier(found.lower(), "unit")


def _key(part: Command) -> str:
    return f"{part.result} {part.scope.path if part.scope is not None else ''}"


def _is_container(part: Command) -> bool:
    """Whether the source has a part only to hold others."""
    return part.scope is not None and (part.scope.kind == "stage" or part.scope.block in CONTAINERS)


def _is_worth(body: Body, count: int) -> bool:
    """Whether a block and its calls are shorter than what they stand for."""
    lines = height(body)
    return count * lines > lines + count + 3


def _sorted(variables: Iterable[Variable]) -> tuple[Variable, ...]:
    """Those that every call must give come first."""
    return tuple(sorted(variables, key=lambda variable: variable.default() is not None))


def _call(block: Block, part: Command, number: int) -> Command:
    given = []
    for variable in block.variables:
        value, usual = variable.values[number], variable.default()
        parameter = Parameter(variable.name, CallKind(variable), usual is None, positional=usual is None)
        given.append(Argument(parameter, Usual(value) if value == usual else value))
    assert part.body is not None
    nodes = tuple(nodes_of(part.body))
    return Command(block.name, tuple(given), nodes=nodes, result=part.result)


def _replaced(body: Body, became: dict[str, Command]) -> Body:
    def flow(old: Flow) -> Flow:
        return replace(old, commands=tuple(map(command, old.commands)))

    def command(old: Command) -> Command:
        if old.word == PART and _key(old) in became:
            return became[_key(old)]
        if old.body is None and not old.branches and old.shortcut is None:
            return old
        inner = None if old.body is None else Body(tuple(map(flow, old.body.flows)))
        around = None if old.shortcut is None else flow(old.shortcut)
        return replace(old, branches=tuple(map(flow, old.branches)), body=inner, shortcut=around)

    return Body(tuple(map(flow, body.flows)))
