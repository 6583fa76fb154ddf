"""The statements that make no layers of their own: `input`, `let`, `if`, `for`, `expect`, `require`."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.diagnostics import Label
from cnndsl.elaborate import lets
from cnndsl.elaborate.claim import Claim
from cnndsl.elaborate.context import Round
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.evaluator import Evaluator
from cnndsl.elaborate.functions import FUNCTIONS
from cnndsl.elaborate.given_inputs import given_shape
from cnndsl.elaborate.labels import bind_label
from cnndsl.elaborate.names import names_in, quoted, values_in
from cnndsl.elaborate.place import Flowing, Place
from cnndsl.elaborate.scoping import claim_names, unpack
from cnndsl.elaborate.values import POISON, brief
from cnndsl.ops.arguments import Size, type_name
from cnndsl.ops.base import LayerError, Shape
from cnndsl.ops.fractal import DropPathDraw
from cnndsl.ops.inputs import Input
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
        bind_label(elaborator, statement.label, place, tensor, range(0), names_weights=True)
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
    lets.let(elaborator.evaluator(place), statement)
    return x


def function(elaborator: Elaborator, statement: tree.FunctionDefinition, place: Place, x: Flowing) -> Flowing:
    lets.function(elaborator.evaluator(place), statement)
    return x


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
    items = elaborator.evaluator(place).rounds(statement.items, "`for`")
    free = claim_names(elaborator.context, place.inner().env, statement.names)
    for number, item in enumerate(items, start=1):
        elaborator.context.step(statement.span)
        names = unpack(elaborator.context, item, statement.names, statement.items.span)
        inner = place.inner({name: value for name, value in names.items() if name in free})
        inner.env.places.update({name.id: name.span for name in statement.names})
        yield inner, Round(number, len(items), names)


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
