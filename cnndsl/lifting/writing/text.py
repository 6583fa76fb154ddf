"""Terms as text: arguments, chains, braces, and where a line is broken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cnndsl.elaborate.structures.nesting import Repeat
from cnndsl.lifting.writing.terms import FOR, IN, Argument, Body, Command, Expression, Flow, Item, Tensor, Usual
from cnndsl.ops.base import show_shape
from cnndsl.records import dataclass

WIDTH = 100
STEP = "    "


@dataclass(frozen=True)
class Writer:
    """Writes terms; `labels` are the names of tensors and chains."""

    labels: Mapping[str, str]

    def body(self, body: Body, indent: str) -> Iterator[str]:
        for flow in body.flows:
            yield from self.statement(flow, indent)

    def statement(self, flow: Flow, indent: str, bar: str = "") -> Iterator[str]:
        """The lines of a flow."""
        tail = self._tail(flow)
        one = indent + bar + self.chain(flow) + tail
        if len(one) <= WIDTH and not self._is_tall(flow):
            yield one
            return
        yield from self._broken(flow, indent, bar, tail)

    def _tail(self, flow: Flow) -> str:
        label = f" as {self.labels[flow.result]}" if flow.labelled else ""
        shape = f" : {show_shape(flow.leaving)}" if flow.shown and flow.leaving is not None else ""
        return label + shape

    def _is_tall(self, flow: Flow) -> bool:
        """Whether braces in it deserve lines of their own."""
        return any(_is_tall(command) for command in flow.commands)

    def _broken(self, flow: Flow, indent: str, bar: str, tail: str) -> Iterator[str]:
        """A flow over several lines: broken in braces, or before arrows."""
        links: list[Any] = [*self._source(flow), *flow.commands] or ["identity"]
        line = indent + bar
        deeper = indent + (" " * len(bar))
        for number, link in enumerate(links):
            arrow = "" if number == 0 else " -> "
            text = link if isinstance(link, str) else self.command(link)
            last = number == len(links) - 1
            room = WIDTH - (len(tail) if last else 0)
            tall = (
                not isinstance(link, str) and (_is_tall(link) or len(indent) + len(text) + 4 > room) and _braces(link)
            )
            if not tall:
                if arrow and len(line + arrow + text) > room:
                    yield line
                    line = deeper + "-> " + text
                else:
                    line += arrow + text
                continue
            head = self.head(link)
            if arrow and len(line + arrow + head) > WIDTH:
                yield line
                line = deeper + "-> " + head
            else:
                line += arrow + head
            *above, line = (line + " {").split("\n")
            yield from above if not above else [above[0], *(indent + each for each in above[1:])]
            line = indent + line if above else line
            yield line
            yield from self.inside(link, deeper + STEP)
            line = deeper + "}"
        yield line + tail

    def inside(self, command: Command, indent: str) -> Iterator[str]:
        for branch in command.branches:
            yield from self.statement(branch, indent, _bar(branch))
        if command.body is not None:
            yield from self.body(command.body, indent)

    # --- on one line

    def chain(self, flow: Flow) -> str:
        links = [*self._source(flow), *(self.command(each) for each in flow.commands)]
        return " -> ".join(links) or "identity"

    def _source(self, flow: Flow) -> list[str]:
        if not flow.source:
            return []
        return ["from in" if flow.source == IN else f"from {self.label(flow.source)}"]

    def label(self, source: str | Item) -> str:
        if not isinstance(source, Item):
            return self.labels[source]
        place = f"{source.number}" if source.stop is None else f"{source.number or ''}:{source.stop}"
        return f"{self.labels[source.bundle]}[{place}]"

    def command(self, command: Command) -> str:
        if command.branches:
            inside = " ".join(f"{_bar(branch)}{self.chain(branch)}{self._tail(branch)}" for branch in command.branches)
            return f"{self.head(command)} {{ {inside} }}"
        if command.body is not None:
            inside = "; ".join(self.chain(flow) + self._tail(flow) for flow in command.body.flows)
            return f"{self.head(command)} {{ {inside} }}"
        return self.head(command)

    def head(self, command: Command) -> str:
        given = [*self._arguments(command.arguments)]
        if command.shortcut is not None:
            given.append(f"shortcut={{ {self.chain(command.shortcut)} }}")
        return f"{command.word} {', '.join(given)}" if given else command.word

    def _arguments(self, arguments: Iterable[Argument]) -> Iterator[str]:
        skipped = False
        for argument in arguments:
            parameter, value = argument.parameter, argument.value
            if isinstance(value, Usual):
                skipped = True
                continue
            if isinstance(value, Tensor):
                shown = self.label(value.node)
            elif isinstance(value, Expression) or (isinstance(value, str) and parameter.kind.choices):
                shown = str(value)
            else:
                shown = None
            if parameter.positional and not skipped:
                yield parameter.kind.show(value) if shown is None else shown
            elif shown is None:
                yield parameter.kind.keyword(parameter.name, value)
            else:
                yield f"/{shown}" if parameter.name == "stride" else f"{parameter.name}={shown}"


def _bar(branch: Flow) -> str:
    """What a branch begins with; those in a `repeat` have bars of their own."""
    return "" if branch.commands and branch.commands[0].word == Repeat.word and branch.commands[0].branches else "| "


def _braces(command: Command) -> bool:
    return bool(command.branches) or command.body is not None


def _is_listed(command: Command) -> bool:
    """Whether it is a `for` over a list of several lines."""
    return command.word == FOR and "\n" in str(command.arguments[0].value)


def _is_tall(command: Command) -> bool:
    """Whether its braces hold several lines, or are too much for one."""
    if command.body is not None and (len(command.body.flows) != 1 or _is_listed(command)):
        return True
    if len(command.branches) > 2 and any(len(branch.commands) > 1 for branch in command.branches):
        return True
    inner = [*command.branches, *(command.body.flows if command.body is not None else ())]
    return any(_is_tall(each) or each.branches for flow in inner for each in flow.commands)
