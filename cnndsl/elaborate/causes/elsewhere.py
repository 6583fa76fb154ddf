"""Changes of a layer where its values are given: in a call, a default or a `let`, or in a factor of a calculation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from cnndsl.diagnostics import Edit, Fix
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.causes.conflict import Conflict
from cnndsl.elaborate.causes.edits import DROPPED, value_text
from cnndsl.elaborate.causes.history import Step
from cnndsl.elaborate.causes.windows import Change
from cnndsl.elaborate.causes.wording import became
from cnndsl.elaborate.causes.written import calls_in
from cnndsl.elaborate.names import parts_of
from cnndsl.ops import show_shape
from cnndsl.ops.base import Op
from cnndsl.source import Span
from cnndsl.syntax import tree

BY_DEFAULT = 15  # what it costs more to change the default of a parameter, which others may rely on
_ONE_OFF = 58
_MOST_NUMBERS = 8
_OPERATORS = {"+": ("-", "*"), "-": ("+",), "*": ("+", "//"), "//": ("*",), "**": ("*",)}


def where_shared(conflict: Conflict, change: Change, step: Step) -> Iterator[Candidate]:
    """The value where it is given to several layers, if all of them have to change."""
    if len(change.values) == 1:
        nodes = conflict.text.sharing(step.draft, *change.values)
        if len(nodes) > 1 and conflict.mended_by(change.values, nodes):
            yield from at_origin(conflict, change, nodes, step)


def at_origin(conflict: Conflict, change: Change, nodes: Sequence[int], step: Step) -> Iterator[Candidate]:
    """The value where it is given, if the layer has no number itself, so that these layers change."""
    if len(change.values) > 1:
        return
    ((name, value),) = change.values.items()
    values = conflict.text.values_of(step.draft, name)
    if not values or value is DROPPED or not conflict.text.editable(values[-1].span):
        return
    place = values[-1]
    if len(values) == 1 and isinstance(place, (tree.Literal, tree.SizeLiteral)):
        return
    made = show_shape(conflict.made_by(change.values, nodes, step.node))
    cost = change.cost + (BY_DEFAULT if conflict.text.is_default(place.span) else 1)
    for span, text in _new_numbers(type(change.op), name, value, getattr(step.draft.op, name), place):
        title = f"`{text}` for `{span.text}` in line {span.line} makes {made}"
        yield Candidate(Fix(title, (Edit(span, text),)), cost, span, became(step))


def other_calculations(conflict: Conflict) -> Iterator[Candidate]:
    """Other numbers in what is calculated and read behind the ends: one more or less, twice or half of it.

    Or the same numbers with parentheses or another operator. What else depends on them, a trial tells.
    """
    parts = [*_parts_behind(conflict)]
    numbers = dict(number for part in parts for number in _integers(part))
    yield from (found for part in parts for each in parts_of(part) if (found := _grouped(each)) is not None)
    yield from (found for part in parts for each in parts_of(part) for found in _operated(each))
    for span, number in islice(numbers.items(), _MOST_NUMBERS):
        for other in _slips(number):
            fix = Fix(f"`{other}` for `{number}` in line {span.line}", (Edit(span, str(other)),))
            yield Candidate(fix, _ONE_OFF, span, "the size follows from this")


def _grouped(part: object) -> Candidate | None:
    """`a * (b + c)` for `a * b + c`."""
    if not isinstance(part, tree.Operation) or part.operators not in (("+",), ("-",)):
        return None
    product, source, end = part.operands[0], part.span.source, part.span.end
    if not isinstance(product, tree.Operation) or product.operators[-1] != "*":
        return None
    last = product.operands[-1].span.start
    text = f"{source.text[part.span.start : last]}({source.text[last:end]})"
    edits = (Edit(source.span(last, last), "("), Edit(source.span(end, end), ")"))
    return Candidate(Fix(f"`{text}` in line {part.span.line}", edits), _ONE_OFF, part.span, "calculated without them")


def _operated(part: object) -> Iterator[Candidate]:
    """Another operator between two values."""
    if not isinstance(part, tree.Operation) or len(part.operators) != 1 or part.operators[0] not in _OPERATORS:
        return
    (symbol,), (first, second) = part.operators, part.operands
    between = part.span.source.text[first.span.end : second.span.start]
    if between.count(symbol) != 1:  # in parentheses or a comment beside it
        return
    start = first.span.end + between.index(symbol)
    place = part.span.source.span(start, start + len(symbol))
    for other in _OPERATORS[symbol]:
        title = f"`{other}` for `{symbol}` in line {place.line}"
        yield Candidate(Fix(title, (Edit(place, other),)), _ONE_OFF, part.span, "the size follows from this")


def _slips(number: int) -> Iterator[int]:
    """What may have been meant: the numbers beside it, its half and its double, all above 0."""
    half = [number // 2] if number % 2 == 0 else []
    yield from (other for other in dict.fromkeys((number - 1, number + 1, *half, 2 * number)) if other > 0)


def _parts_behind(conflict: Conflict) -> Iterator[tree.Operation | tree.Call | tree.Read]:
    """The calculations in the commands and calls of layers behind the ends, and what their chains read by number."""
    text = conflict.text
    for step in (step for steps in conflict.histories for step in steps):
        for span in (step.draft.span, *(call.span for call in calls_in(text.scopes_of(step.draft)))):
            command, read = text.commands.get(span), text.reads.get(span)
            if command is not None and text.editable(span):
                yield from (
                    each.value for each in command.arguments if isinstance(each.value, (tree.Operation, tree.Call))
                )
                yield from [read] if read is not None and isinstance(read.what, tree.Index) else []


def _integers(part: tree.Operation | tree.Call | tree.Read) -> Iterator[tuple[Span, int]]:
    for each in parts_of(part):
        if isinstance(each, tree.Literal) and isinstance(each.value, int) and not isinstance(each.value, bool):
            yield each.span, each.value


def _new_numbers(op: type[Op], name: str, value: Any, now: Any, place: tree.Expression) -> Iterator[tuple[Span, str]]:
    """What to write for a number, or for a factor or divisor of a calculation, so that another value comes out."""
    if isinstance(place, (tree.Literal, tree.SizeLiteral)):
        yield place.span, value_text(op, name, value, place.span.text)
    elif isinstance(value, int) and isinstance(now, int) and value != now:
        for part in parts_of(place):
            if isinstance(part, tree.Literal) and type(part.value) is int:
                factor, rest = divmod(part.value * value, now)
                if rest == 0 and factor > 0:
                    yield part.span, str(factor)
                elif "//" in place.span.text:  # the quotient may have been rounded down
                    yield part.span, str(-(-part.value * now // value))
