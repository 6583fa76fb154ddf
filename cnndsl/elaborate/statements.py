"""The statements that make no layers of their own: `input`, `let`, `if`, `for`, `expect`, `require`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cnndsl.diagnostics import Edit, Fix, Label
from cnndsl.elaborate.claim import Claim
from cnndsl.elaborate.context import Round
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.evaluator import Evaluator
from cnndsl.elaborate.functions import FUNCTIONS
from cnndsl.elaborate.given_inputs import given_shape
from cnndsl.elaborate.labels import bind_label
from cnndsl.elaborate.names import names_in, quoted, values_in
from cnndsl.elaborate.place import Flowing, Place
from cnndsl.elaborate.values import POISON, Failed, brief
from cnndsl.ops.arguments import Size, type_name
from cnndsl.ops.base import LayerError, Shape
from cnndsl.ops.fractal import DropPathDraw
from cnndsl.ops.inputs import Input
from cnndsl.source import Span
from cnndsl.syntax import tree


def unreadable(elaborator: Elaborator, statement: tree.Unreadable, place: Place, x: Flowing) -> Flowing:
    return POISON


def stray_branch(elaborator: Elaborator, statement: tree.Branch, place: Place, x: Flowing) -> Flowing:
    help = "branches stand in the braces of a merge: `concat { | ... | ... }`"
    raise elaborator.context.fail("E316", "a branch outside a merge", statement.span, help=help)


def input(elaborator: Elaborator, statement: tree.Input, place: Place, x: Flowing) -> Flowing:
    if place.in_block:
        help = "a block works on the tensor that it is called on"
        raise elaborator.context.fail("E316", "`input` stands in networks, not in blocks", statement.span, help=help)
    unknown = [name for name in names_in(statement.shape) if name.id not in place.env and name.id not in FUNCTIONS]
    if unknown:
        help = (
            "an input is stated in numbers, without the batch: `input 3 x 224 x 224`; `--input` gives it another size"
        )
        raise elaborator.context.fail("E302", f"`{unknown[0].id}` is not defined", unknown[0].span, help=help)
    stated = shape_of(statement.shape, elaborator.evaluator(place))
    name = statement.label.id if statement.label else Input.word
    elaborator.stated_inputs.append((name, stated))
    shape = given_shape(elaborator.settings.input, name) or stated
    elaborator.resized |= shape != stated
    try:
        op = Input(shape)
    except LayerError as error:
        raise elaborator.context.fail(error.code, str(error), statement.shape.span, help=error.help) from None
    tensor = elaborator.add(op, (), shape, statement.span, place.scope, statement.label)
    if not elaborator.inputs:
        draw = elaborator.drafts.add(DropPathDraw(), (tensor,), (2,), statement.span, place.scope, "draw", False)
        elaborator.draw = draw
    elaborator.inputs.append(tensor)
    elaborator.made_by[tensor.node] = statement.span
    if statement.label:
        bind_label(elaborator, statement.label, place, tensor, names_weights=True)
    return tensor


def shape_of(expression: tree.Expression, evaluator: Evaluator) -> Shape:
    """A shape as it is stated: a size, or one number of features."""
    value = evaluator.value(expression)
    if isinstance(value, int) and not isinstance(value, bool):
        return (value,)
    if isinstance(value, Size):
        return tuple(value)
    message = f"a shape is written like 64 x 56 x 56, not {type_name(value)} {brief(value)}"
    raise evaluator.context.fail("E307", message, expression.span)


def let(elaborator: Elaborator, statement: tree.Let, place: Place, x: Flowing) -> Flowing:
    values: dict[str, object]
    try:
        value = elaborator.evaluator(place).value(statement.value)
        values = unpack(elaborator, value, statement.names, statement.value.span)
    except Failed:
        values = {name.id: POISON for name in statement.names}
    new = claim_names(elaborator, statement.names, place)
    place.env.names.update({name: value for name, value in values.items() if name in new})
    return x


def claim_names(elaborator: Elaborator, names: tuple[tree.Name, ...], place: Place) -> set[str]:
    """Take new names into use, and give those that were free: a name is bound once."""
    new: set[str] = set()
    for name in names:
        if name.id in place.env or name.id in new:
            first = place.env.place_of(name.id)
            labels = (Label(first, "first bound here"),) if first else ()
            elaborator.context.fail("E309", f"`{name.id}` is bound already", name.span, labels=labels)
        else:
            place.env.places[name.id] = name.span
            new.add(name.id)
    return new


def unpack(elaborator: Elaborator, value: object, names: tuple[tree.Name, ...], span: Span) -> dict[str, object]:
    """One value for one name, or the items of a list for several."""
    if len(names) == 1:
        return {names[0].id: value}
    if not isinstance(value, (list, Size)) or len(value) != len(names):
        message = f"{len(names)} names for {type_name(value)} {brief(value)}"
        raise elaborator.context.fail("E313", message, span)
    return {name.id: item for name, item in zip(names, value, strict=True)}


def conditional(elaborator: Elaborator, statement: tree.If, place: Place, x: Flowing) -> Flowing:
    body = chosen(elaborator, statement, place)
    return x if body is None else elaborator.body(body, place.inner(), x)


def chosen(elaborator: Elaborator, statement: tree.If, place: Place) -> tree.Body | None:
    """The body of the first condition that holds."""
    evaluator = elaborator.evaluator(place)
    for condition, body in statement.cases:
        if evaluator.truth(condition, "`if`"):
            return body
    return statement.otherwise


def loop(elaborator: Elaborator, statement: tree.For, place: Place, x: Flowing) -> Flowing:
    for inner, where in rounds(elaborator, statement, place):
        with elaborator.context.inside(where):
            x = elaborator.body(statement.body, inner, x)
    return x


def rounds(elaborator: Elaborator, statement: tree.For, place: Place) -> Iterator[tuple[Place, Round]]:
    """The places of a loop's rounds, and what they are called in a message."""
    items = items_of(elaborator, statement.items, place, "`for`")
    free = claim_names(elaborator, statement.names, place.inner())
    for number, item in enumerate(items, start=1):
        elaborator.context.step(statement.span)
        names = unpack(elaborator, item, statement.names, statement.items.span)
        inner = place.inner({name: value for name, value in names.items() if name in free})
        inner.env.places.update({name.id: name.span for name in statement.names})
        yield inner, Round(number, len(items), names)


def items_of(elaborator: Elaborator, expression: tree.Expression, place: Place, word: str) -> list[Any] | Size:
    """What a loop goes over."""
    items = elaborator.evaluator(place).value(expression)
    if isinstance(items, (list, Size)):
        return items
    message = f"{word} goes over a list, not {type_name(items)} {brief(items)}"
    ranged = f"range({quoted(expression)})"
    fix = Fix(f"`{ranged}` counts from 0", (Edit(expression.span, ranged),), safe=True)
    raise elaborator.context.fail("E307", message, expression.span, fixes=(fix,) * isinstance(items, int))


def expect(elaborator: Elaborator, statement: tree.Expect, place: Place, x: Flowing) -> Flowing:
    if place.in_block:
        help = "a block's shapes are stated with `: SHAPE`, its arguments with `require`"
        elaborator.context.fail("E316", "`expect` stands in networks, not in blocks", statement.span, help=help)
    else:
        elaborator.claims.append(Claim(statement.claim, place.module, place.env, place.entering))
    return x


def require(elaborator: Elaborator, statement: tree.Require, place: Place, x: Flowing) -> Flowing:
    evaluator = elaborator.evaluator(place)
    if evaluator.truth(statement.condition, "`require`"):
        return x
    message = f"requirement not met: {quoted(statement.condition)}"
    if statement.message is not None:
        value = evaluator.value(statement.message)
        message = value if isinstance(value, str) else brief(value)
    values = values_in(statement.condition, place.env)
    call = elaborator.context.call
    raise elaborator.context.fail(
        "E402",
        message,
        statement.condition.span,
        label=f"here {values}" if values else "",
        labels=(Label(call, "called here"),) if call else (),
    )
