"""Flows: chains of layers, blocks and structures, with their labels and stated shapes."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.diagnostics import Label
from cnndsl.elaborate import blocks, causes, labels, layers, merges
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.drafts import Bundle, Tensor
from cnndsl.elaborate.each import each
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.foreign import command_meant
from cnndsl.elaborate.functions import FUNCTIONS
from cnndsl.elaborate.place import Flowing, Passing, Place, shapes_of, tensors_of
from cnndsl.elaborate.signatures import call_of
from cnndsl.elaborate.statements import shape_of
from cnndsl.elaborate.structures import STRUCTURES
from cnndsl.elaborate.tensors import shapes
from cnndsl.elaborate.values import POISON, Block, Failed, Function, Layer, brief
from cnndsl.ops import show_shape
from cnndsl.ops.arguments import type_name
from cnndsl.ops.base import Shape
from cnndsl.ops.inputs import is_shape
from cnndsl.ops.merge import Concat
from cnndsl.syntax import tree


def flow(elaborator: Elaborator, statement: tree.Flow, place: Place, x: Flowing) -> Flowing:
    """Run a chain on `x`."""
    start, came, first = len(elaborator.drafts), x, statement.elements[0]
    label = labels.label_of(elaborator, statement, place)
    alone = label is not None and len(statement.elements) == 1 and _takes_label(elaborator, first, place)
    inner, given = place, x
    if label is not None and not alone:
        inner = place.within(place.scope.open("label", label.id, statement.span, labelled=True))
    for command in statement.elements:
        before, coming = len(elaborator.drafts), shapes_of(x)
        try:
            x = element(elaborator, command, inner, x, label if alone else None)
        except Failed:
            x = POISON
        passing = Passing(command.span, inner.scope, range(before, len(elaborator.drafts)), coming, shapes_of(x))
        elaborator.passings.append(passing)
        if isinstance(command, tree.Read):
            given = x if len(elaborator.drafts) == start else given
            inner = inner.entered(x)
            continue
        for tensor in tensors_of(x):
            if tensor.node >= before:
                _made(elaborator, tensor, command, x)
    if inner.scope is not place.scope:
        inner.scope.carry(came, x)
    if statement.shape is not None:
        x = _hold_shape(elaborator, statement, statement.shape, place, x, start)
    if label is not None:
        nodes, weights = range(start, len(elaborator.drafts)), x is POISON or _has_weights(elaborator, start)
        labels.bind_label(elaborator, label, place, x, nodes, names_weights=weights, given=given)
    return x


def _made(elaborator: Elaborator, tensor: Tensor, command: tree.Command | tree.Each, x: Flowing) -> None:
    """Remember what made a tensor: of a bundle that comes out of braces, what made it there."""
    if isinstance(x, Bundle) and command.body is not None:
        elaborator.made_by.setdefault(tensor.node, command.span)
    else:
        elaborator.made_by[tensor.node] = command.span


def _takes_label(elaborator: Elaborator, command: tree.Element, place: Place) -> bool:
    """Whether a label on this element alone renames it (a layer, a block call, a stage); else it names a scope."""
    if not isinstance(command, tree.Command):
        return isinstance(command, tree.Read)
    name = command.name.id
    if name in STRUCTURES:
        return STRUCTURES[name].takes_label
    try:
        target = elaborator.evaluator(place).callable(name)
    except Failed:
        return True
    return isinstance(target, Block) or (isinstance(target, Layer) and target.op.arity is not None)


def _has_weights(elaborator: Elaborator, start: int) -> bool:
    nodes = elaborator.drafts.nodes
    return any(node.op.parameters(*(nodes[i].shape for i in node.inputs)) for node in nodes[start:])


def element(
    elaborator: Elaborator, command: tree.Element, place: Place, x: Flowing, label: tree.Name | None
) -> Flowing:
    """Run one link of a chain; `label` renames what it makes."""
    if isinstance(command, tree.Read):
        elaborator.past_head = None
        return labels.read(elaborator, command, place)
    if isinstance(command, tree.Each):
        return each(elaborator, command, place, x)
    structure = STRUCTURES.get(command.name.id)
    if structure is not None:
        return structure.of(elaborator, command, place).build(elaborator, command, place, x, label)
    target = elaborator.evaluator(place).callable(command.name.id)
    if target is None:
        raise _unknown(elaborator, command.name, place)
    if isinstance(target, Block):
        return blocks.call(elaborator, target, command, place, x, label)
    return _layer(elaborator, target, command, place, x, label)


def _layer(
    elaborator: Elaborator, target: Layer, command: tree.Command, place: Place, x: Flowing, label: tree.Name | None
) -> Flowing:
    """Apply a layer to `x`; a merge to the branches in its braces."""
    given = elaborator.evaluator(place).bind(call_of(target), command.arguments, command.span)
    op = layers.make(elaborator, target.op, {**target.bound, **given}, command)
    if op.arity is None:
        return merges.merge(elaborator, op, command, place, x)
    others = []
    for name in layers.tensors_named(op, command):
        others.append(labels.read(elaborator, name, place))
        layers.refuse_bundle(elaborator, name, others[-1])
    return layers.put(elaborator, op, command, place, (x, *others), label)


def _unknown(elaborator: Elaborator, name: tree.Name, place: Place) -> Failed:
    """A command that is neither layer nor block nor structure."""
    value = place.env.find(name.id)
    if isinstance(value, Function) or (value is None and name.id in FUNCTIONS):
        message = f"`{name.id}` is a function and gives a value, not a layer or block"
        use = f"its value can be an argument, as in `conv 3x3, {name.id}(...)`, or be bound: `let n = {name.id}(...)`"
        return elaborator.context.fail("E301", message, name.span, help=use)
    if value is not None:
        message = f"`{name.id}` is {type_name(value)} {brief(value)} here, not a layer or block"
        return elaborator.context.fail("E301", message, name.span)
    known = [*STRUCTURES, *place.env.all_names(), *place.module.blocks]
    help, fixes = command_meant(name, known) if elaborator.context.report.explains("E301", name.span) else (None, ())
    if name.id in place.module.networks:
        help, fixes = f"`{name.id}` is a network; what several networks use is a block", ()
    message = f"there is no layer or block `{name.id}`"
    return elaborator.context.fail("E301", message, name.span, help=help, fixes=fixes)


# --- shapes


def _hold_shape(
    elaborator: Elaborator, statement: tree.Flow, stated: tree.Expression, place: Place, x: Flowing, start: int
) -> Flowing:
    """Check `: SHAPE`. The flow goes on with the shapes that it claims, which is what the author believes."""
    parts = stated.items if isinstance(stated, tree.ListExpression) and not isinstance(x, Tensor) else (stated,)
    try:
        claimed = [shape_of(part, elaborator.evaluator(place)) for part in parts]
    except Failed:
        return x
    tensors = tensors_of(x)
    if not tensors or not elaborator.settings.hold_claims:
        return x
    if isinstance(x, Bundle) and (parts == (stated,) or len(claimed) != len(tensors)):
        help = "the shapes of a bundle stand in a list: `: [64 x 56 x 56, 128 x 28 x 28]`"
        elaborator.context.fail("E205", f"here flow {shapes(tensors)}", stated.span, help=help)
        return x
    held = [
        _held(elaborator, statement, part, place, tensor, shape, start)
        for tensor, part, shape in zip(tensors, parts, claimed, strict=True)
    ]
    return Bundle(tuple(held)) if isinstance(x, Bundle) else held[0]


def _held(
    elaborator: Elaborator,
    statement: tree.Flow,
    stated: tree.Expression,
    place: Place,
    x: Tensor,
    claimed: Shape,
    start: int,
) -> Tensor:
    """One tensor with the shape that it is said to have."""
    if x.shape != claimed:
        _wrong_shape(elaborator, statement, stated, place, x, claimed, start)
        if stated.span in elaborator.settings.distrusted or not is_shape(claimed):
            return x
        elaborator.drafts.nodes[x.node].shape = claimed
    elaborator.settled.add(x.node)
    return Tensor(x.node, claimed)


def _wrong_shape(
    elaborator: Elaborator,
    statement: tree.Flow,
    stated: tree.Expression,
    place: Place,
    x: Tensor,
    claimed: Shape,
    start: int,
) -> None:
    """E205 at the claim, since nobody knows yet which of the two is wrong."""
    elaborator.whole = False
    if not elaborator.context.report.explains("E205", stated.span):
        elaborator.context.fail(
            "E205", f"the shape here is {show_shape(x.shape)}, not {show_shape(claimed)}", stated.span
        )
        return
    shown = show_shape(claimed) if stated.span.text.split() != show_shape(claimed).split() else ""
    conflict = causes.conflict_of(elaborator, (x,), lambda shapes: shapes[0] == claimed, (claimed,))

    def candidates() -> Iterator[Candidate]:
        distrusted = stated.span in elaborator.settings.distrusted
        yield from causes.claimed_otherwise(conflict, stated, place, distrusted=distrusted)
        if not distrusted and is_shape(claimed) and len(claimed) == len(x.shape):
            yield from causes.changes_behind(conflict)
            yield from causes.repeated_otherwise(conflict, statement, 50)
            yield from causes.missing_pool(conflict, place.scope, stated.span)
            yield from causes.near_inputs(conflict, None)
            yield from _of_branches(elaborator, statement, conflict)

    cause = causes.blamed(conflict)
    maker = elaborator.shaped_by(x, start) or statement.elements[-1].span
    labels = [Label(maker, f"this makes {show_shape(x.shape)}")]
    if cause is not None and cause.draft.span != maker:
        labels.insert(0, Label(cause.draft.span, causes.became(cause)))
    elaborator.context.fail(
        "E205",
        f"the shape here is {show_shape(x.shape)}, not {show_shape(claimed)}",
        stated.span,
        label=f"claimed {shown}".rstrip(),
        labels=tuple(labels),
        candidates=causes.sought(elaborator, "E205", stated.span, candidates, conflict),
    )


def _of_branches(elaborator: Elaborator, statement: tree.Flow, conflict: causes.Conflict) -> Iterator[Candidate]:
    """What could stand in the branches of a `concat` that the claim is about."""
    last, (end,) = statement.elements[-1], conflict.ends
    node = elaborator.drafts.nodes[end]
    if isinstance(last, tree.Command) and isinstance(node.op, Concat) and node.span == last.span:
        yield from causes.reduced_branches(conflict, last, node.inputs)
