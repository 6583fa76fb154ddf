"""How many lines a term takes, about: what blocks and loops are weighed by."""

from __future__ import annotations

from cnndsl.lifting.writing.terms import EACH, FOR, Body, Flow


def height(body: Body) -> int:
    return sum(map(_height, body.flows))


def _height(flow: Flow) -> int:
    lines = 1
    for command in flow.commands:
        if command.word == FOR:
            lines += str(command.arguments[0].value).count("\n")
        if command.body is not None:
            inside = height(command.body)
            lines += inside + 1 if inside > 1 or command.word == "residual" else 0
        if len(command.branches) > 1:
            branches = command.branches[:1] if command.word == EACH else command.branches
            inside = sum(map(_height, branches))
            merges = any(each.branches for branch in branches for each in branch.commands)
            lines += inside + 1 if inside > 2 or merges else 0
    return lines
