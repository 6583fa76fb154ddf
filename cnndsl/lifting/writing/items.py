"""Tensors that are items of a bundle where they are read: `from streams[1]` in the place of a label of their own."""

from __future__ import annotations

from collections.abc import Mapping

from cnndsl.lifting.writing.terms import PART, Body, Command, Flow, Item, Tensor
from cnndsl.records import replace

Items = Mapping[str, Item]


def with_items(body: Body, items: Items) -> Body:
    """The body with items wherever it names one of these tensors.

    Inside of a part, what enters it has another name; the part only remembers which item that is, for the case that its
    flows are to stand in the place of it.
    """
    return _With(items).body(body) if items else body


class _With:
    def __init__(self, items: Items) -> None:
        self.items = items

    def body(self, body: Body) -> Body:
        return Body(tuple(map(self.flow, body.flows)))

    def flow(self, flow: Flow) -> Flow:
        source = self.items.get(flow.source, flow.source) if isinstance(flow.source, str) else flow.source
        return replace(flow, source=source, commands=tuple(map(self.command, flow.commands)))

    def command(self, command: Command) -> Command:
        given = tuple(replace(each, value=self.value(each.value)) for each in command.arguments)
        command = replace(command, arguments=given)
        if command.word == PART:
            return replace(command, item=self.items.get(command.entry))
        branches = tuple(map(self.flow, command.branches))
        body = None if command.body is None else self.body(command.body)
        around = None if command.shortcut is None else self.flow(command.shortcut)
        return replace(command, branches=branches, body=body, shortcut=around)

    def value(self, value: object) -> object:
        if isinstance(value, Tensor) and isinstance(value.node, str) and value.node in self.items:
            return Tensor(self.items[value.node])
        return value
