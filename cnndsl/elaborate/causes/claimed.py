"""What else a claim of a shape could say: what the layers make, as numbers or by another number in a calculation."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product

from cnndsl.diagnostics import Edit, Fix, Report
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.causes.conflict import Conflict
from cnndsl.elaborate.context import Context
from cnndsl.elaborate.evaluator import Evaluator
from cnndsl.elaborate.names import parts_of
from cnndsl.elaborate.place import Place
from cnndsl.elaborate.values import Failed
from cnndsl.ops import show_shape
from cnndsl.source import Source, Span
from cnndsl.syntax import tree
from cnndsl.syntax.parser import parse_expression

_REACH = 16  # how far another number is from the one that is written
_MOST_WAYS = 6  # in which other numbers come to what the layers make


def claimed_otherwise(
    conflict: Conflict, stated: tree.Expression, place: Place, *, distrusted: bool
) -> Iterator[Candidate]:
    """What the layers make in place of what is claimed, where the claim stands or where its values are calculated.

    That is the author's last word, unless the claim is distrusted: then less was wrong without it.
    """
    if not conflict.text.editable(stated.span):
        return
    cost = 5 if distrusted else 65
    made = show_shape(conflict.shape(0))
    if _is_literal(stated) or all(map(_is_literal, _sizes(stated))):
        fix = Fix(f"`: {made}` is what the layers make", (Edit(stated.span, made),))
        yield Candidate(fix, cost, stated.span, "claimed", alone=not distrusted)
        return
    for edits in islice(product(*_ways(conflict, stated, place)), _MOST_WAYS):
        numbers = {f"`{edit.text}` for `{edit.span.text}` in line {edit.span.line}": edit for edit in edits}
        title = f"with {' and '.join(numbers)} the claim is {made}"
        yield Candidate(Fix(title, tuple(numbers.values())), cost, edits[0].span, "claimed", alone=not distrusted)


def repeated_otherwise(conflict: Conflict, statement: tree.Flow, cost: int) -> Iterator[Candidate]:
    """One round more or less of what the statement repeats; whether that makes what is claimed, a trial tells."""
    for part in parts_of(statement):
        if not isinstance(part, tree.Command) or part.name.id != "repeat" or not part.arguments:
            continue
        count = part.arguments[0].value
        if isinstance(count, tree.Literal) and type(count.value) is int and conflict.text.editable(count.span):
            for number in (count.value + 1, count.value - 1):
                title = f"`repeat {number}` in line {count.span.line} makes {show_shape(conflict.wanted[0] or ())}"
                edits = (Edit(count.span, str(number)),)
                yield Candidate(Fix(title, edits), cost, count.span, f"{count.value} rounds")


def _is_literal(expression: tree.Expression) -> bool:
    return isinstance(expression, (tree.Literal, tree.SizeLiteral))


def _sizes(stated: tree.Expression) -> tuple[tree.Expression, ...]:
    """The numbers of a shape, each by itself."""
    is_size = isinstance(stated, tree.Operation) and set(stated.operators) == {"x"}
    return stated.operands if isinstance(stated, tree.Operation) and is_size else (stated,)


def _ways(conflict: Conflict, stated: tree.Expression, place: Place) -> list[list[Edit]]:
    """For each number of the claim that is not what the layers make, the edits after which it is."""
    shape, wanted, sizes = conflict.shape(0), conflict.wanted[0], _sizes(stated)
    if wanted is None or not len(sizes) == len(wanted) == len(shape):
        return [[]]
    wrong = [(size, made) for size, claimed, made in zip(sizes, wanted, shape, strict=True) if claimed != made]
    return [[*_renumbered(conflict, size, made, place)] for size, made in wrong]


def _renumbered(conflict: Conflict, size: tree.Expression, made: int, place: Place) -> Iterator[Edit]:
    """Other numbers where a value is written, or in what it is calculated from, with which it is the one wanted."""
    *_, origin = conflict.text.origins(size, conflict.text.scopes_around(place.scope))
    if not conflict.text.editable(origin.span):
        return
    if isinstance(origin, tree.Literal):
        yield Edit(origin.span, str(made))
        return
    for part in parts_of(origin):
        if isinstance(part, tree.Literal) and type(part.value) is int:
            for number in _near(part.value):
                if _value(origin.span, part.span, number, place) == made:
                    yield Edit(part.span, str(number))


def _near(number: int) -> Iterator[int]:
    for distance in range(1, _REACH):
        yield from (near for near in (number - distance, number + distance) if near >= 0)


def _value(whole: Span, part: Span, number: int, place: Place) -> object:
    """What an expression is with another number in it, as far as the names around this place say."""
    text = whole.text[: part.start - whole.start] + str(number) + whole.text[part.end - whole.start :]
    quiet = Report(told=0)
    expression = parse_expression(Source(whole.source.name, text), quiet)
    try:
        return expression and Evaluator(Context(quiet), place.module, place.env, incoming=place.entering).value(
            expression
        )
    except Failed:
        return None
