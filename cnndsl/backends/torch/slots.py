"""The numbers in the code of a class, in the order in which they are written, and what each becomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from itertools import groupby
from typing import TypeAlias

from cnndsl.backends.torch import names
from cnndsl.backends.torch.arguments import IN_CHANNELS, Known, Slot, Values, parameters_of, progression
from cnndsl.backends.torch.classes import Classes, ModuleClass
from cnndsl.backends.torch.constructor import SHORTEST_RUN
from cnndsl.backends.torch.tree import Layer, Section
from cnndsl.ir.graph import Graph
from cnndsl.ops.base import Op, TorchExpression
from cnndsl.ops.images import compact

Column: TypeAlias = tuple[Slot, ...]  # one number of a class, in all instances


def generalise(classes: Classes, graph: Graph, reserved: frozenset[str]) -> None:
    """Give every class its arguments, none with one of the `reserved` names, and its texts."""
    order = {section: i for each in dict.fromkeys(classes.values()) for i, section in enumerate(each.instances)}
    for each in dict.fromkeys(classes.values()):
        columns = list(zip(*(list(slots(section, classes, order)) for section in each.instances), strict=True))
        known = _known(each, graph, reserved)
        _say_all(columns, known)
        known = known.emptied()
        each.texts = _say_all(columns, known)
        each.arguments = known.ordered()


def _say_all(columns: list[Column], known: Known) -> list[str]:
    texts: list[str] = []
    for layer, group in groupby(columns, key=lambda column: column[0].layer and column[0].layer[0]):
        run = list(group)
        texts += (_say_layers(run, known) if layer else None) or [_say(column, known) for column in run]
    return texts


def _say(column: Column, known: Known) -> str:
    return known.say(column[0], _values(column))


def _values(column: Column) -> Values:
    return tuple(slot.value for slot in column)


def _say_layers(columns: list[Column], known: Known) -> list[str] | None:
    """The numbers of consecutive dense layers in terms of the loop variable `i`, if they stay or grow steadily."""
    numbers = [column[0].layer[1] for column in columns if column[0].layer]
    first, count = numbers[0], len(set(numbers))
    width = len(columns) // count
    if count < SHORTEST_RUN:
        return None
    rounds = [list(map(_values, columns[start::width])) for start in range(width)]
    steps = [None if len(set(values)) == 1 else progression(values) for values in rounds]
    if any(step is None and len(set(values)) > 1 for step, values in zip(steps, rounds, strict=True)):
        return None
    return count * [_say_growing(column, step, first, known) for column, step in zip(columns, steps, strict=False)]


def _say_growing(column: Column, step: Values | None, first: int, known: Known) -> str:
    """A number that grows by `step` from layer to layer, in every instance."""
    text = _say(column, known)
    if step is None:
        return text
    by = known.say(Slot(column[0].element, "growth", step[0]), step)
    return f"{text} + {f'({by})' if ' - ' in by else by} * (i - {first})"


def slots(section: Section, classes: Classes, order: dict[Section, int]) -> Iterator[Slot]:
    """The numbers of one instance of a class; those of a class inside are its arguments' values."""
    passing = _passing(section)
    layers = _layer_runs(section, classes)
    pending = [("", part) for part in reversed(section.parts) if not part.again]
    while pending:
        prefix, part = pending.pop()
        element = f"{prefix}{part.name}"
        reads_input = part.inputs[0] in passing
        if isinstance(part, Layer):
            yield from _layer_slots(part, element, reads_input)
        elif part in classes:
            for slot in _class_slots(classes[part], order[part], element, reads_input):
                yield replace(slot, layer=layers.get(part))
        else:
            layers |= _layer_runs(part, classes)
            pending.extend((f"{element}_", inner) for inner in reversed(part.parts))


def _layer_runs(section: Section, classes: Classes) -> dict[Section, tuple[str, int]]:
    """The dense layers that follow one another and share a class: the path of the first of them, and their numbers."""
    found: dict[Section, tuple[str, int]] = {}
    previous: Section | None = None
    for part in section.modules:
        numbered = names.number(part.name)
        if isinstance(part, Layer) or part.scope.kind != "layer" or part not in classes or not numbered:
            previous = None
            continue
        follows = previous is not None and classes[previous] is classes[part]
        first, last = found[previous] if follows and previous else (part.path, numbered[1] - 1)
        found[part] = (first if last + 1 == numbered[1] else part.path, numbered[1])
        previous = part
    return found


def _layer_slots(layer: Layer, element: str, reads_input: bool) -> Iterator[Slot]:
    spelling = layer.spelling
    if isinstance(spelling, TorchExpression):
        for name, value in spelling.values.items():
            yield Slot(element, name, value)
        return
    channels = layer.input_shapes[0][0]
    for position, value in enumerate(spelling.args):
        if position == 0 and value == channels:
            yield Slot(element, IN_CHANNELS, value, input_channels=reads_input)
        else:
            yield Slot(element, _field(layer.node.op, value) or f"argument{position + 1}", value)
    for name, (value, default) in spelling.kwargs.items():
        yield Slot(element, name, value, default)


def _class_slots(used: ModuleClass, instance: int, element: str, reads_input: bool) -> Iterator[Slot]:
    for argument in used.arguments:
        of_input = reads_input and argument.name == IN_CHANNELS
        yield Slot(element, argument.name, argument.values[instance], argument.default, of_input)


def _field(op: Op, value: object) -> str | None:
    """What the language calls an argument of `op` that has this value."""
    for each in fields(op):
        given = getattr(op, each.name)
        pair = isinstance(given, tuple) and len(given) == 2
        if value in (given, compact(given) if pair else given) and not isinstance(given, bool):
            return each.name
    return None


def _passing(section: Section) -> set[str]:
    """The tensors with the channels of a section's first input: that itself, and what unweighted layers make of it."""
    found = set(section.inputs[:1])
    pending = list(reversed(section.parts))
    while pending:
        part = pending.pop()
        if part.again:
            continue
        if isinstance(part, Section):
            pending.extend(reversed(part.parts))
        elif part.inputs[0] in found and len(part.inputs) == 1 and not part.node.op.weighted:
            same = len(part.node.shape) == 3 and part.node.shape[0] == part.input_shapes[0][0]
            found.update(part.outputs if same else ())
    return found


def _known(each: ModuleClass, graph: Graph, reserved: frozenset[str]) -> Known:
    calls = [_call_around(instance.path, graph) for instance in each.instances]
    channels: Values = tuple(graph[instance.inputs[0]].shape[0] for instance in each.instances)
    results: Values = tuple(graph[instance.outputs[0]].shape[0] for instance in each.instances)
    return Known(parameters_of(calls, reserved), channels, channels == results, reserved)


def _call_around(path: str, graph: Graph) -> Mapping[str, object]:
    """The arguments of the innermost block call around a scope, itself included."""
    while path and graph.scopes[path].block is None:
        path = path.rpartition(".")[0]
    return graph.scopes[path].arguments if path else {}
