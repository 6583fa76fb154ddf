"""Stages: what the source has as a part only to hold the calls of others, on one line of the text, as the zoo has it.

One that is too long for that says little that its lines do not, and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cnndsl.elaborate.structures import STRUCTURES
from cnndsl.elaborate.structures.nesting import Stage
from cnndsl.ir import Scope
from cnndsl.lifting.writing.loops import folded
from cnndsl.lifting.writing.terms import STAGE, Body, Command, Flow, flows_in
from cnndsl.lifting.writing.text import Writer
from cnndsl.ops import find
from cnndsl.records import replace

CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")
ROOM = 80  # characters of a stage, so that a shape may stand behind it


def is_container(scope: Scope) -> bool:
    """Whether the source has a part only to hold others."""
    return scope.kind == "stage" or scope.block in CONTAINERS


def is_stage(body: Body) -> bool:
    """Whether a part is a chain of calls, several of them, and nothing in it has a name or a rate of its own."""
    commands = [command for flow in body.flows for command in flow.commands]
    free = not any(flow.source or flow.labelled for flow in flows_in(body))
    rates = any(isinstance(each.value, float) for command in commands for each in command.arguments)
    return free and not rates and len(commands) > 1 and all(map(_is_call, commands))


def _is_call(command: Command) -> bool:
    return find(command.word) is None and command.word not in STRUCTURES and command.body is None


def with_stages(body: Body) -> Body:
    """The body with each stage on its line, or with what stands in it."""
    return Body(tuple(line for flow in body.flows for line in _lines(flow)))


def _lines(flow: Flow) -> Iterator[Flow]:
    """A flow; of a stage that is no line, its lines, the last of which ends as the stage does."""
    first = flow.commands[0] if flow.commands else None
    if first is None or first.word != STAGE or first.body is None or len(flow.commands) > 1 or flow.source:
        yield replace(flow, commands=tuple(_opened(flow.commands)))
        return
    line = _line(first)
    if line is not None:
        yield replace(flow, commands=(line,))
        return
    *before, last = first.body.flows
    yield from before
    yield replace(last, labelled=flow.labelled, result=flow.result)


def _line(stage: Command) -> Command | None:
    """The stage as a command that fits into a line, if it does."""
    assert stage.body is not None
    commands = tuple(command for flow in stage.body.flows for command in flow.commands)
    flow = folded(replace(stage.body.flows[0], commands=commands, result=stage.result))
    made = replace(stage, word=Stage.word, body=Body((flow,)))
    return made if len(Writer({}).command(made)) <= ROOM else None


def _opened(commands: Iterable[Command]) -> Iterator[Command]:
    """Commands, and those of stages among them in their place; braces further in are looked at, too."""
    for command in commands:
        if command.word == STAGE and command.body is not None:
            yield from (inner for flow in command.body.flows for inner in flow.commands)
            continue
        branches = tuple(replace(flow, commands=tuple(_opened(flow.commands))) for flow in command.branches)
        body = None if command.body is None else with_stages(command.body)
        yield replace(command, branches=branches, body=body)
