"""A graph of a draft: what its outputs need, in the order of the source and under its names.

Modules become scopes. A scope is one stretch of a graph's nodes, so that a module whose steps others interrupt is a
scope more than once, with a number; a module of one step is that step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from cnndsl.foreign.assembly import Stored, assembled
from cnndsl.foreign.draft import Draft, Result, Step
from cnndsl.foreign.network import ForeignNetwork, Unread
from cnndsl.foreign.pixels import with_pixels
from cnndsl.ops.inputs import Input
from cnndsl.ops.merge import Concat


def finish(draft: Draft, title: str, results: Sequence[Result], stored: Stored) -> ForeignNetwork:
    steps, outputs = with_pixels(draft.steps, [each.step for each in results])
    steps = list(_nested(steps))
    order = sorted(_needed(steps, outputs), key=lambda number: (steps[number].place.number, number))
    names = _Names([steps[number] for number in order])
    called = dict(zip(order, names.steps, strict=True))
    ends = [replace(each, step=step) for each, step in zip(results, outputs, strict=True)]
    return assembled(title, {at: steps[at] for at in order}, called, names.blocks, ends, stored)


def _nested(steps: Sequence[Step]) -> Iterator[Step]:
    """The steps, where what joins all features of a dense block anew joins the last ones to what is joined already."""
    joined: dict[tuple[int, ...], int] = {}
    for number, step in enumerate(steps):
        if isinstance(step.op, Concat):
            inputs = step.inputs
            before = next((count for count in range(len(inputs) - 1, 1, -1) if inputs[:count] in joined), 0)
            joined.setdefault(inputs, number)
            if before:
                step = replace(step, inputs=(joined[inputs[:before]], *inputs[before:]))
        yield step


def _needed(steps: Sequence[Step], outputs: Sequence[int]) -> set[int]:
    found = {number for number, step in enumerate(steps) if isinstance(step.op, Input)}
    pending = list(outputs)
    while pending:
        number = pending.pop()
        if number not in found:
            found.add(number)
            pending += steps[number].inputs
    return found


# --- names


@dataclass
class _Open:
    """A scope while its steps come: `key` says which call of which module it is."""

    key: tuple[str, int]
    path: str
    block: str | None


@dataclass
class _Names:
    """Names of steps in their order, and the scopes that these make."""

    found: list[Step]
    steps: list[str] = field(default_factory=list)
    blocks: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        counts = Counter(key for step in self.found for key in _keys(step))
        opened: list[_Open] = []
        taken: set[str] = set()
        for step in self.found:
            chain = list(_chain(step))
            alone = bool(chain) and counts[chain[-1][0]] == 1 and not isinstance(step.op, Input)
            last = chain.pop() if alone else None
            depth = 0
            while depth < min(len(opened), len(chain)) and opened[depth].key == chain[depth][0]:
                depth += 1
            del opened[depth:]
            for key, name, block in chain[depth:]:
                path = self._free(taken, _join(opened[-1].path if opened else "", name))
                taken.add(path)
                self.blocks[path] = block
                opened.append(_Open(key, path, block))
            own = last[1] if last else _own_name(step)
            path = self._free(taken, _join(opened[-1].path if opened else "", own))
            taken.add(path)
            self.steps.append(path)

    @staticmethod
    def _free(taken: set[str], wanted: str) -> str:
        name, number = wanted, 1
        while name in taken:
            number += 1
            name = f"{wanted}_{number}"
        return name


def _join(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope else name


def _own_name(step: Step) -> str:
    if isinstance(step.op, Input):
        return step.place.name.replace(".", "_")
    return step.op.operator.replace(".", "_") if isinstance(step.op, Unread) else step.op.word


def _keys(step: Step) -> Iterator[tuple[str, int]]:
    return (key for key, _, _ in _chain(step))


Link = tuple[tuple[str, int], str, str | None]


def _chain(step: Step) -> Iterator[Link]:
    """The modules around a step and the lists they stand in, outermost first: key, own name, class."""
    before, call = "", 0
    for module in step.place.modules:
        call = max(call, module.call)
        inner = module.path.startswith(f"{before}.") if before else True
        rest = module.path[len(before) + 1 :] if before and inner else module.path
        *lists, own = rest.split(".") if inner else [rest.replace(".", "_")]
        at = before if inner else ""
        for each in lists:
            at = _join(at, each)
            yield (at, call), each, None
        before = module.path
        yield (module.path, call), own, module.block
