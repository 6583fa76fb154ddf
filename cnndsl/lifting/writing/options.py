"""Blocks of which some have lines that others have not: these stand in an `if`."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import groupby

from cnndsl.lifting.writing.terms import IF, STAGE, Argument, Body, Command, Flow, commands_in, flows_in
from cnndsl.lifting.writing.unification import blank, skeleton
from cnndsl.ops import find
from cnndsl.ops.arguments import Boolean, Parameter
from cnndsl.records import replace

MOST = 3  # conditions
CONDITION = Parameter("condition", Boolean(), required=True, positional=True)

Column = tuple[Flow | None, ...]  # a line of the text, as it is in each variant; None where there is none


def with_options(variants: Sequence[Body]) -> list[Body] | None:
    """Bodies as variants of one: with the same lines, some behind a condition that is false; None if they are not."""
    if any(command.word == STAGE for body in variants for command in commands_in(body)):
        return None  # the source's way to hold many parts, of which none is optional
    found = _together(variants)
    if found is None or len(set(map(skeleton, found))) > 1:
        return None
    conditions = sum(command.word == IF for command in commands_in(found[0]))
    return found if conditions <= MOST else None


def _together(variants: Sequence[Body]) -> list[Body] | None:
    """The variants line by line, if at least as much is the same in all as is optional."""
    columns = _columns([list(body.flows) for body in variants])
    common = sum(None not in column and _says_something(column) for column in columns)
    lines: list[tuple[Flow, ...]] = []
    optional, conditions = 0, set[tuple[bool, ...]]()
    for present, run in groupby(columns, lambda column: tuple(flow is not None for flow in column)):
        settled = [_settled(column) for column in run]
        found = [flows for flows in settled if flows is not None and (all(present) or _is_free(flows[0]))]
        if len(found) < len(settled):
            return None
        lines += found if all(present) else [_behind_conditions(found, present)]
        optional += 0 if all(present) else len(found)
        conditions.add(present)
    either = any(tuple(not holds for holds in condition) in conditions for condition in conditions)
    if common < max(optional, 1) or either:
        return None
    return [Body(tuple(line[variant] for line in lines)) for variant in range(len(variants))]


def _says_something(column: Column) -> bool:
    """Whether it is more than a norm or an activation."""
    commands = [command for flow in column[:1] if flow is not None for command in flow.commands]
    return any((kind := find(command.word)) is None or kind.weighted or command.branches for command in commands)


# --- which line is which


def _columns(variants: Sequence[Sequence[Flow]]) -> list[Column]:
    """The lines of all variants in one order, equal ones together, by the longest common subsequence."""
    columns: list[Column] = [(flow,) for flow in variants[0]]
    for number, flows in enumerate(variants[1:], start=1):
        merged: list[Column] = []
        for column, flow in _aligned(columns, flows):
            merged.append((*(column or (None,) * number), flow))
        columns = merged
    return columns


def _aligned(columns: Sequence[Column], flows: Sequence[Flow]) -> Iterator[tuple[Column | None, Flow | None]]:
    above = [_key(next(flow for flow in column if flow is not None)) for column in columns]
    below = [_key(flow) for flow in flows]
    common = [[0] * (len(below) + 1) for _ in range(len(above) + 1)]
    for i in range(len(above) - 1, -1, -1):
        for j in range(len(below) - 1, -1, -1):
            same = common[i + 1][j + 1] + 1 if above[i] == below[j] else 0
            common[i][j] = max(same, common[i + 1][j], common[i][j + 1])
    i = j = 0
    while i < len(above) or j < len(below):
        if i < len(above) and j < len(below) and above[i] == below[j]:
            yield columns[i], flows[j]
            i, j = i + 1, j + 1
        elif j == len(below) or (i < len(above) and common[i + 1][j] >= common[i][j + 1]):
            yield columns[i], None
            i += 1
        else:
            yield None, flows[j]
            j += 1


def _key(flow: Flow) -> Hashable:
    """What two lines must agree in; what stands in the braces of one is looked at later."""
    inside = _braces(flow)
    if inside is None:
        return skeleton(Body((flow,)))
    (command,) = flow.commands
    return skeleton(Body((replace(flow, commands=(replace(command, body=Body()),)),)))


def _braces(flow: Flow) -> Body | None:
    return flow.commands[0].body if len(flow.commands) == 1 else None


# --- what becomes of a line


def _settled(column: Column) -> tuple[Flow, ...] | None:
    """A line in each variant: with the same lines in its braces, and without numbers where there is none."""
    given = [flow for flow in column if flow is not None]
    if len({skeleton(Body((flow,))) for flow in given}) > 1:
        inside = [body for flow in given if (body := _braces(flow)) is not None]
        together = _together(inside) if len(inside) == len(given) else None
        if together is None:
            return None
        given = [
            replace(flow, commands=(replace(flow.commands[0], body=body),))
            for flow, body in zip(given, together, strict=True)
        ]
    rest = iter(given)
    return tuple(blank(given[0]) if flow is None else next(rest) for flow in column)


def _behind_conditions(columns: Sequence[Sequence[Flow]], present: Sequence[bool]) -> tuple[Flow, ...]:
    """Lines that only some variants have, as one statement."""
    lines = []
    for variant, holds in enumerate(present):
        body = Body(tuple(column[variant] for column in columns))
        first, last = body.flows[0], body.flows[-1]
        command = Command(IF, (Argument(CONDITION, holds),), body=body, result=last.result)
        lines.append(Flow((command,), "", last.result, first.entering, last.leaving))
    return tuple(lines)


def _is_free(flow: Flow) -> bool:
    """Whether it names nothing and is not named, so that others are right without it."""
    return not any(each.source or each.labelled or each.whole for each in flows_in(Body((flow,))))
