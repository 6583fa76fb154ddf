"""From numbers to constructor arguments: what differs between the instances of a class, in as few names as it takes.

A number that is the same everywhere stays a literal. The others are said in terms of the block's own parameters
and its input channels where that holds in every instance (`4 * filters`, `in_channels // 16`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeAlias

from cnndsl.backends.torch import names
from cnndsl.ops.arguments import Size
from cnndsl.ops.base import literal

Values: TypeAlias = tuple[object, ...]  # one for each instance of a class

IN_CHANNELS = "in_channels"
NO_DEFAULT = object()
_LARGEST_FACTOR = 64
_LENGTHS = frozenset({"kernel", "stride", "padding", "dilation"})  # fields that do not count channels


@dataclass(frozen=True)
class Slot:
    """A number in the code of a class.

    field    its name in the language, such as `filters`; `element` is where: `conv2`, `branch1_conv`
    default  what may be left out, or NO_DEFAULT
    input_channels  it is the channel count of what the class reads
    layer    the dense layer it is handed to: the first of those that follow one another, and its number
    """

    element: str
    field: str
    value: object
    default: object = NO_DEFAULT
    input_channels: bool = False
    layer: tuple[str, int] | None = None


@dataclass
class Argument:
    """A constructor argument with its value in every instance.

    It is given by position if it is a parameter of the block or its input channels, else by keyword, and then
    `field` is what it is in the layer it came from.
    """

    name: str
    values: Values
    field: str = ""
    default: object = NO_DEFAULT

    @property
    def annotation(self) -> str:
        kinds = {_annotation(value) for value in self.values}
        return " | ".join(sorted(kinds - {"int"} if "float" in kinds else kinds))


def _annotation(value: object) -> str:
    if isinstance(value, tuple):
        return f"tuple[{', '.join(map(_annotation, value)) or '()'}]"
    return "None" if value is None else type(value).__name__


@dataclass
class Known:
    """What the numbers of a class can be said in.

    parameters   the block's own, `filters` and the like, that differ between instances
    in_channels  channels of the first tensor it reads
    keeps_channels  what comes out has as many channels as what went in, so they need no name of their own
    reserved  names that mean something else in the file
    crowded  fields that more than one new argument would be called after
    """

    parameters: Mapping[str, Values]
    in_channels: Values
    keeps_channels: bool
    reserved: frozenset[str]
    crowded: frozenset[str] = frozenset({IN_CHANNELS})
    arguments: dict[str, Argument] = field(default_factory=dict)

    def say(self, slot: Slot, values: Values) -> str:
        """The text that stands for `values`, an argument added where it needs one."""
        if _same(values, (values[0],) * len(values)):
            return literal(values[0])
        for text, used in self._sayings(slot, values):
            for name in used:
                self._use(name)
            if used == (text,):
                self._learn_default(text, slot)
            return text
        crowded = slot.field in self.crowded or slot.field in self.parameters
        wanted = f"{slot.element}_{slot.field}" if crowded else slot.field
        name = names.variable(wanted, self.reserved, self._taken)
        self.arguments[name] = Argument(name, values, field=slot.field)
        self._learn_default(name, slot)
        return name

    def _sayings(self, slot: Slot, values: Values) -> Iterator[tuple[str, tuple[str, ...]]]:
        """What would do, the best first: texts with the names they use."""
        channels = {IN_CHANNELS: self.in_channels}
        if slot.input_channels and not self.keeps_channels:
            yield from _identities(values, channels)
        yield from _identities(values, self.parameters)
        yield from _identities(values, {each.name: each.values for each in self.arguments.values() if each.field})
        if slot.field == "padding":
            yield from _halves(values, self.parameters)
        if _are_counts(values) and slot.field not in _LENGTHS:
            yield from _multiples(values, self.parameters)
            yield from _products(values, self.parameters, self.parameters)
            yield from _differences(values, self.parameters, channels)
            yield from _identities(values, channels)
            yield from _multiples(values, channels)
            yield from _products(values, channels, self.parameters)

    @property
    def _taken(self) -> set[str]:
        return {IN_CHANNELS, *self.parameters, *self.arguments}

    def _use(self, name: str) -> None:
        if name not in self.arguments:
            known = {IN_CHANNELS: self.in_channels, **self.parameters}
            self.arguments[name] = Argument(name, known[name])

    def _learn_default(self, name: str, slot: Slot) -> None:
        """An argument that is handed on as it is has the default of where it goes, if an instance makes use of it."""
        argument = self.arguments[name]
        if argument.default is NO_DEFAULT and any(_same((slot.default,), (value,)) for value in argument.values):
            argument.default = slot.default

    def emptied(self) -> Known:
        """To start anew, knowing which names would be too short to tell two arguments apart."""
        fields = Counter(argument.field for argument in self.arguments.values())
        crowded = {field for field, count in fields.items() if count > 1}
        return replace(self, crowded=self.crowded | crowded, arguments={})

    def ordered(self) -> list[Argument]:
        """The arguments as a signature has them: input channels, parameters, others, and last those with defaults."""
        order = [IN_CHANNELS, *self.parameters]
        arguments = [self.arguments[name] for name in order if name in self.arguments]
        arguments += [argument for name, argument in self.arguments.items() if name not in order]
        return sorted(arguments, key=lambda argument: argument.default is not NO_DEFAULT)


def parameters_of(calls: Sequence[Mapping[str, object]], reserved: frozenset[str]) -> dict[str, Values]:
    """The parameters whose values are numbers and differ between `calls` of a block, by their names in Python."""
    found: dict[str, Values] = {}
    for name in calls[0]:
        values = _numbers([call.get(name) for call in calls])
        if values and not _same(values, (values[0],) * len(values)):
            found[names.variable(name, reserved, {IN_CHANNELS, *found})] = values
    return found


def _numbers(values: Sequence[object]) -> Values:
    """Values as PyTorch takes them: `3x3` is 3, and 64.0 is 64 if all are whole. Empty if some are no numbers."""
    given = [_compact(value) if isinstance(value, Size) else value for value in values]
    if not all(isinstance(value, (bool, int, float, str, tuple)) for value in given):
        return ()
    whole = all(isinstance(value, (int, float)) and float(value).is_integer() for value in given)
    return tuple(int(value) if whole and isinstance(value, float) else value for value in given)


def _compact(size: Size) -> object:
    return size[0] if len(set(size)) == 1 else tuple(size)


def _same(one: Values, other: Values) -> bool:
    """Equal, and `True` is not 1."""
    return all(a == b and isinstance(a, bool) == isinstance(b, bool) for a, b in zip(one, other, strict=True))


def _are_counts(values: Values) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) and value > 0 for value in values)


def _counts(known: Mapping[str, Values]) -> Iterator[tuple[str, tuple[int, ...]]]:
    return ((name, values) for name, values in known.items() if _are_counts(values))  # type: ignore[misc]


def _identities(values: Values, known: Mapping[str, Values]) -> Iterator[tuple[str, tuple[str, ...]]]:
    return ((name, (name,)) for name, others in known.items() if _same(values, others))


def _multiples(values: Values, known: Mapping[str, Values]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """`4 * filters` and `filters // 4`."""
    for name, bases in _counts(known):
        factor = values[0] // bases[0]  # type: ignore[operator]
        if 1 < factor <= _LARGEST_FACTOR and values == tuple(factor * base for base in bases):
            yield f"{factor} * {name}", (name,)
        for divisor in range(2, _LARGEST_FACTOR + 1):
            if values == tuple(base // divisor for base in bases):
                yield f"{name} // {divisor}", (name,)


def _halves(values: Values, known: Mapping[str, Values]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """`kernel // 2`, the padding that keeps the size."""
    for name, bases in _counts(known):
        if all(base % 2 for base in bases) and values == tuple(base // 2 for base in bases):
            yield f"{name} // 2", (name,)


def _products(
    values: Values, known: Mapping[str, Values], others: Mapping[str, Values]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """`groups * width`."""
    for name, bases in _counts(known):
        for other, factors in _counts(others):
            if values == tuple(base * factor for base, factor in zip(bases, factors, strict=True)):
                yield f"{name} * {other}", (name, other)


def _differences(
    values: Values, known: Mapping[str, Values], others: Mapping[str, Values]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """`filters - in_channels`."""
    for name, bases in _counts(known):
        for other, less in _counts(others):
            if values == tuple(base - by for base, by in zip(bases, less, strict=True)):
                yield f"{name} - {other}", (name, other)


def progression(rounds: Sequence[Values]) -> Values | None:
    """By how much each value grows from round to round, in every instance; None if it does not, or not steadily."""
    if not all(map(_are_counts, rounds)):
        return None
    steps = {tuple(b - a for a, b in zip(one, other, strict=True)) for one, other in pairwise(rounds)}  # type: ignore[operator]
    step = steps.pop()
    return step if not steps and _are_counts(step) else None
