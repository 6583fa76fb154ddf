"""Layers: from a command to a node of the graph, and from a layer's own complaint to a finding with a place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from cnndsl.diagnostics import Label
from cnndsl.elaborate import causes
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.drafts import Bundle, Tensor
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.names import quoted
from cnndsl.elaborate.place import Flowing, Place
from cnndsl.elaborate.rewritten import argument_of, fixes_of
from cnndsl.elaborate.signatures import layer_parameters
from cnndsl.elaborate.tensors import shapes
from cnndsl.elaborate.values import POISON, Failed, Poison
from cnndsl.ops import show_shape
from cnndsl.ops.activation import Identity
from cnndsl.ops.arguments import TensorLabel
from cnndsl.ops.base import LayerError, Op
from cnndsl.ops.linear import Linear
from cnndsl.ops.reshape import PixelShuffle
from cnndsl.source import Span
from cnndsl.syntax import tree

_SHORT = 40


def put(
    elaborator: Elaborator,
    op: Op,
    command: tree.Command,
    place: Place,
    inputs: tuple[Flowing, ...],
    label: tree.Name | None,
) -> Flowing:
    """The layer of this command on what flows, and on the other tensors that it names."""
    refuse_body(elaborator, command)
    if len(inputs) == 1 and isinstance(inputs[0], Bundle) and isinstance(op, Identity):
        return inputs[0]
    tensors = [one(elaborator, command, place, x) for x in inputs]
    known = tuple(tensor for tensor in tensors if tensor is not None)
    return apply(elaborator, op, known, command, place, label) if len(known) == len(tensors) else POISON


def one(elaborator: Elaborator, command: tree.Command, place: Place, x: Flowing) -> Tensor | None:
    """What flows into a command that takes one tensor; None if it failed before."""
    if isinstance(x, Poison):
        return None
    if x is None:
        raise no_input(elaborator, command.name.id, command.span)
    if isinstance(x, Bundle):
        raise one_wanted(elaborator, command, place, x)
    return x


def tensors_named(op: Op, command: tree.Command) -> Iterator[tree.Read]:
    """Where the other tensors are named among a layer's arguments (`like=NAME`)."""
    for parameter in layer_parameters(type(op)):
        label = getattr(op, parameter.name) if isinstance(parameter.kind, TensorLabel) else None
        if label is not None:
            given = (each.value for each in command.arguments if each.name and each.name.id == parameter.name)
            value = next((value for value in given if not isinstance(value, tree.Body)), None)
            yield tree.Read(tree.Labelled(label, command.span), command.span) if value is None else _read(value)


def _read(value: tree.Expression) -> tree.Read:
    return tree.Read(tree.as_label(value), value.span)


def refuse_body(elaborator: Elaborator, command: tree.Command) -> None:
    """E317 for braces after a layer or block, which would be lost."""
    if command.body is not None:
        brace = command.body.span.source.span(command.body.span.start, command.body.span.start + 1)
        help = "layers that follow come after `->`, or on a new line"
        raise elaborator.context.fail("E317", f"`{command.name.id}` takes no body", brace, help=help)


def no_input(elaborator: Elaborator, word: str, span: Span) -> Failed:
    """E208, said at the first layer only."""
    if elaborator.lacks_input:
        return Failed(word)
    elaborator.lacks_input = True
    help = "begin the network with `input 3 x 224 x 224`"
    return elaborator.context.fail("E208", f"`{word}` has no input yet", span, help=help)


def one_wanted(elaborator: Elaborator, command: tree.Command, place: Place, x: Bundle) -> Failed:
    """E209 for what takes one tensor where a bundle comes."""
    message = f"`{command.name.id}` takes one tensor, and here come {shapes(x.items)}"
    pick = "`from in[0]`" if x == place.entering else "`from in[0]` on a line of its own"
    each = quoted(command) if len(quoted(command)) < _SHORT else f"{command.name.id} ..."
    each += " { ... }" if command.body is not None else ""
    call = elaborator.context.call
    labels = (Label(call, "called here"),) if call else ()
    if call and len(call.text) < _SHORT and _came_in(elaborator, place, x):  # the block is one for one tensor
        each = call.text
    help = f"{pick} takes one of them, `each {{ {each} }}` goes over all, `concat`, `add`, `mul`, `mean` merge them"
    return elaborator.context.fail("E209", message, command.span, labels=labels, help=help)


def _came_in(elaborator: Elaborator, place: Place, x: Bundle) -> bool:
    """Whether a block's text made none of these tensors, so that all were given to it."""
    body = place.labels.body.span
    makers = [elaborator.made_by.get(tensor.node) for tensor in x.items]
    return not any(made and made.source is body.source and body.start <= made.start < body.end for made in makers)


def refuse_bundle(elaborator: Elaborator, name: tree.Read, x: Flowing) -> None:
    """E209 for a bundle that an argument names."""
    if isinstance(x, Bundle):
        text = name.span.text
        help = f"`{text}[0]` is the first of them"
        message = f"an argument names one tensor, and `{text}` is {shapes(x.items)}"
        raise elaborator.context.fail("E209", message, name.span, help=help)


def make(elaborator: Elaborator, op: type[Op], arguments: Mapping[str, object], command: tree.Command) -> Op:
    """The layer with these arguments."""
    try:
        return op(**arguments)
    except LayerError as error:
        raise failure(elaborator, error, op, command, None) from None


def apply(
    elaborator: Elaborator,
    op: Op,
    inputs: tuple[Tensor, ...],
    command: tree.Command,
    place: Place,
    label: tree.Name | None = None,
) -> Tensor:
    """Put the layer on its inputs, if it fits."""
    try:
        shape = op.output(*(tensor.shape for tensor in inputs))
    except LayerError as error:
        raise _unfit(elaborator, error, op, command, place, inputs[0]) from None
    return elaborator.add(op, inputs, shape, command.span, place.scope, label)


def _unfit(elaborator: Elaborator, error: LayerError, op: Op, command: tree.Command, place: Place, x: Tensor) -> Failed:
    """A layer that does not take its input, with what else could be written there or before it."""

    def candidates() -> Iterator[Candidate]:
        conflict = causes.conflict_of(elaborator, (x,), lambda shapes: causes.window_fits(op, shapes), (None,))
        if error.code == "E202" and error.argument == "kernel":
            yield from causes.larger_padding(conflict, op, command)
            yield from causes.whole_map(conflict, op, command)
            yield from causes.large_inputs(conflict, elaborator.settings.input)
        elif error.code == "E201" and isinstance(op, Linear):
            yield from causes.as_vector(conflict, command)
        elif error.argument == "factor":
            yield from causes.other_factors(conflict, op, command)
            if isinstance(op, PixelShuffle):
                yield from causes.other_widths(conflict, op.factor**2)
        elif error.argument == "groups":
            yield from causes.other_groups(conflict, op, command, place.scope)
        if error.code in ("E204", "E206"):
            yield from causes.other_calculations(conflict)

    return failure(elaborator, error, type(op), command, x, candidates)


def _none() -> Iterator[Candidate]:
    return iter(())


def failure(
    elaborator: Elaborator,
    error: LayerError,
    op: type[Op],
    command: tree.Command,
    x: Tensor | None,
    candidates: Callable[[], Iterator[Candidate]] = _none,
) -> Failed:
    """Say where a layer's own rule failed: at the argument it blames, else at the layer."""
    argument = argument_of(op, command, error.argument)
    span = command.span if argument is None else argument.span
    made = elaborator.shaped_by(x) if x is not None else None
    labels: tuple[Label, ...] = ()
    if x is not None and made is not None and made != command.span:
        labels = (Label(made, f"its input, {show_shape(x.shape)}, is made here"),)
    fixes = fixes_of(error.rewrites, op, command)
    tried = causes.sought(elaborator, error.code, span, candidates)
    return elaborator.context.fail(
        error.code, str(error), span, labels=labels, help=error.help, fixes=fixes, candidates=tried
    )
