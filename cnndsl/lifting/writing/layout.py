"""Flows as lines: what stands on one line, and what begins a new one.

A line is a statement, and `in` is what enters it, so lines are laid out before any number is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cnndsl.elaborate.structures import STRUCTURES
from cnndsl.elaborate.structures.nesting import Stage
from cnndsl.lifting.writing.items import with_items
from cnndsl.lifting.writing.rounds import folded
from cnndsl.lifting.writing.terms import (
    EACH,
    IN,
    INLINE,
    NAMED,
    NEST,
    STAGE,
    Body,
    Command,
    Flow,
    Item,
    commands_in,
    flows_in,
    tensors_named,
)
from cnndsl.ops import find
from cnndsl.ops.activation import Pointwise
from cnndsl.ops.base import Shape
from cnndsl.ops.normalization import Normalization
from cnndsl.ops.pooling import GlobalPool, Pool
from cnndsl.records import replace

Shapes = Mapping[str, Shape]


class Layout:
    """Lays bodies out; `shapes` are those of all tensors, `inputs` those that the network names itself."""

    def __init__(self, shapes: Shapes, inputs: Iterable[str]) -> None:
        self.shapes, self.inputs = shapes, frozenset(inputs)

    def body(self, body: Body, entry: str = "", wanted: Iterable[str] = ()) -> Body:
        """A body as lines, with labels on what it names and on what is `wanted`.

        Its parts must be calls by now, or stand in the line.
        """
        return _labelled(self._body(body.flows, entry), wanted, () if entry else self.inputs)

    def _body(self, flows: Iterable[Flow], entry: str) -> Body:
        return Body(tuple(line for flow in self._joined(flows, entry) for line in self._lines(flow)))

    # --- one flow after another

    def _joined(self, flows: Iterable[Flow], entry: str) -> list[Flow]:
        """Flows without nests, each as long as nothing inside is named; the entry may be named too."""
        parts = [part for flow in flows for part in self._unnested(flow, entry)]
        named = {name for part in parts for name in tensors_named(Body((part,)))}
        found: list[Flow] = []
        if entry in named:
            found.append(Flow((), IN, entry, self.shapes.get(entry), self.shapes.get(entry)))
        for part in parts:
            last = found[-1] if found else None
            if last is not None and not part.source and not part.whole and _is_read(last, named):
                found[-1] = replace(part, source=last.source)
            elif last is not None and not part.source and not part.whole and _goes_on(last, part, named):
                commands = (*last.commands, *part.commands)
                found[-1] = replace(last, commands=commands, result=part.result, leaving=part.leaving)
            else:
                found.append(part)
        return found

    def _unnested(self, flow: Flow, entry: str) -> Iterator[Flow]:
        """A flow cut where several flows stand in the place of a command."""
        if flow.whole:
            yield self._whole(flow, entry)
            return
        source, waiting = flow.source, list[Command]()
        start = entry if not source else source if isinstance(source, str) else ""
        at = flow.entering

        def cut(result: str) -> Iterator[Flow]:
            if waiting or source:
                yield Flow(tuple(waiting), source, result, at, self.shapes.get(result))

        for command in flow.commands:
            if command.word in (NEST, NAMED, INLINE):
                yield from cut(waiting[-1].result if waiting else start or command.entry)
                inside = _opened(command, entry)
                yield from (each for inner in inside.flows for each in self._unnested(inner, command.entry))
                source, start, waiting, at = "", command.result, [], self.shapes.get(command.result)
            else:
                waiting.append(self._inner(command))
        if waiting or source or not flow.commands:
            yield Flow(tuple(waiting), source, flow.result, at, flow.leaving)

    def _whole(self, flow: Flow, entry: str) -> Flow:
        """A chain that is applied again: one line, or a stage of several."""
        lines = self._body((replace(flow, whole=False),), entry)
        if len(lines.flows) == 1:
            return replace(lines.flows[0], whole=True)
        return replace(flow, commands=(Command(Stage.word, body=lines, result=flow.result),))

    def _inner(self, command: Command) -> Command:
        """A command with its braces laid out."""
        if command.word == EACH:
            rounds = [flow.commands[0] for flow in command.branches]
            return folded(command, [self._body(each.body.flows, "") for each in rounds if each.body is not None])
        branches = tuple(self.branch(flow) for flow in command.branches)
        shortcut = self.branch(command.shortcut) if command.shortcut is not None else None
        entry = _first_entry(command.body) if command.body is not None else ""
        body = None if command.body is None else self._body(command.body.flows, entry)
        return replace(command, branches=branches, shortcut=shortcut, body=body)

    def branch(self, flow: Flow) -> Flow:
        """A branch is one flow; what needs several stands in a stage."""
        commands: list[Command] = []
        for command in flow.commands:
            if command.word in (NEST, NAMED, INLINE):
                commands.extend(self._in_braces(command))
            else:
                commands.append(self._inner(command))
        return replace(flow, commands=tuple(commands))

    def _in_braces(self, command: Command) -> tuple[Command, ...]:
        assert command.body is not None
        inner = self._joined(command.body.flows, command.entry)
        if len(inner) == 1 and not inner[0].source and not inner[0].whole:
            return inner[0].commands
        lines = tuple(line for each in inner for line in self._lines(each))
        return (Command(Stage.word, body=Body(lines), result=command.result),)

    # --- one flow as lines

    def _lines(self, flow: Flow) -> Iterator[Flow]:
        """The lines of a flow; only the first reads its source."""
        groups = [[*flow.commands]] if flow.whole else _groups(flow.commands)
        source, at = flow.source, flow.entering
        for number, group in enumerate(groups, start=1):
            result = group[-1].result if group and number < len(groups) else flow.result
            leaving = self.shapes.get(result)
            yield Flow(tuple(group), source, result, at, leaving, whole=flow.whole)
            source, at = "", leaving


def _opened(command: Command, entry: str) -> Body:
    """What stands in braces that are left out, with the names of what is around; `entry` is what comes in there."""
    assert command.body is not None
    known = {command.entry: command.item} if command.item is not None and command.entry != entry else {}
    return with_items(command.body, known)


def _first_entry(body: Body) -> str:
    """The tensor that a body begins with, if a nest stands first in it."""
    first = body.flows[0] if body.flows else Flow(())
    return first.commands[0].entry if first.commands and not first.source else ""


def _labelled(body: Body, wanted: Iterable[str], given_above: Iterable[str]) -> Body:
    """The body with a label wherever a tensor is made that it names."""
    named = tensors_named(body).union(wanted).difference(given_above)
    in_stages = {id(flow) for each in commands_in(body) if each.word == STAGE for flow in flows_in(each)}
    made = {flow.result for flow in flows_in(body) if flow.commands and id(flow) not in in_stages}
    given: set[str] = set()

    def settled(flow: Flow) -> list[Flow]:
        if flow.source == IN and not flow.commands:
            if flow.result not in named - made - given:
                return []
            given.add(flow.result)
            return [replace(flow, labelled=True)]
        labelled = (bool(flow.commands) or isinstance(flow.source, Item)) and flow.result in named - given
        given.update([flow.result] * labelled)
        commands = tuple(each for command in flow.commands for each in _spliced(inside(command)))
        return [replace(flow, commands=commands, labelled=labelled)]

    def inside(command: Command) -> Command:
        if command.word == STAGE or (not command.branches and command.body is None):
            return command  # stages may come to stand in a chain, where nothing has a label
        branches = tuple(each for flow in command.branches for each in settled(flow))
        body = None if command.body is None else Body(tuple(e for f in command.body.flows for e in settled(f)))
        return replace(command, branches=branches, body=body)

    return Body(tuple(each for flow in body.flows for each in settled(flow)))


def _spliced(command: Command) -> tuple[Command, ...]:
    """What stands in a stage, where none is needed, as all that it names has its label outside."""
    lines = command.body.flows if command.word == Stage.word and command.body is not None else ()
    if not lines or any(line.source or line.labelled or line.whole or not line.commands for line in lines):
        return (command,)
    return tuple(each for line in lines for each in line.commands)


def _is_read(flow: Flow, named: set[str]) -> bool:
    """Whether it only says from where the next one goes on."""
    has_name = isinstance(flow.source, Item) and flow.result in named
    return bool(flow.source) and flow.source != IN and not flow.commands and not has_name


def _goes_on(last: Flow, flow: Flow, named: set[str]) -> bool:
    """Whether the next flow may stand in the same chain."""
    return (
        bool(last.commands)
        and bool(flow.commands)
        and not last.whole
        and last.result not in named
        and bool(last.result)
    )


def _groups(commands: Iterable[Command]) -> list[list[Command]]:
    """Commands that stand on one line each."""
    groups: list[list[Command]] = [[]]
    for command in commands:
        if groups[-1] and _begins_line(groups[-1], command):
            groups.append([])
        groups[-1].append(command)
    return groups


def _begins_line(line: list[Command], command: Command) -> bool:
    """Whether a command stands on a line of its own after these."""
    if line[-1].branches and _is_kind(command, Pointwise):
        return False
    if any(_has_braces(each) or find(each.word) is None for each in (command, line[-1])):
        return True
    kind = find(command.word)
    assert kind is not None
    weighted = any(map(_is_weighted, line))
    if kind.weighted:
        return weighted or any(map(_is_window, line))
    if _is_window(command) or issubclass(kind, GlobalPool):
        return weighted and len(line) > 1
    return weighted and issubclass(kind, Normalization) and _is_kind(line[0], Normalization)


def _is_window(command: Command) -> bool:
    return _is_kind(command, Pool)


def _is_kind(command: Command, kind: type) -> bool:
    found = find(command.word)
    return found is not None and issubclass(found, kind)


def _has_braces(command: Command) -> bool:
    return bool(command.branches) or command.body is not None or command.word in STRUCTURES


def _is_weighted(command: Command) -> bool:
    kind = find(command.word)
    return kind is not None and kind.weighted
