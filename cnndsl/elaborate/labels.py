"""Labels: what `as` binds, and what `from` reads."""

from __future__ import annotations

from cnndsl.diagnostics import Label
from cnndsl.elaborate.context import Round
from cnndsl.elaborate.drafts import ScopeDraft, Tensor
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.labelled import numbered, numbers_of
from cnndsl.elaborate.place import Flowing, Labelling, LabelUse, Place
from cnndsl.elaborate.values import Failed
from cnndsl.syntax import tree


def label_of(elaborator: Elaborator, flow: tree.Flow, place: Place) -> tree.Name | None:
    """The label of a flow, with its numbers: `c[0]`. None if it has none, or those are wrong."""
    if flow.label is None or not flow.numbers:
        return flow.label
    span = flow.label.span.to(flow.numbers[-1].span)
    try:
        numbers = numbers_of(elaborator.context, elaborator.evaluator(place).values(flow.numbers), span)
    except Failed:
        return None
    label = numbered(flow.label.id, numbers)
    place.labels.families.setdefault(flow.label.id, {})[numbers] = label
    return tree.Name(label, flow.label.span)


def bind_label(
    elaborator: Elaborator,
    label: tree.Name,
    place: Place,
    x: Flowing,
    nodes: range,
    *,
    names_weights: bool,
    given: Flowing = None,
) -> None:
    """From here on `label` means `x`, in all of the network or block; `nodes` made it of what was `given`."""
    known = place.labels.tensors.get(label.id)
    name, bracket, _ = label.id.partition("[")
    if known is not None and (known.span != label.span or bracket):
        labels = (Label(known.span, "first used here"),) if known.span != label.span else ()
        help = f"number it by the loop that it stands in: `as {name}[i]`" if bracket and not labels else None
        message = f"the label `{label.id}` is used twice"
        elaborator.context.fail("E309", message, label.span, labels=labels, help=help)
        return
    if (bracket and name in place.labels.tensors) or (not bracket and name in place.labels.families):
        message = f"the label `{name}` is used with a number and without"
        elaborator.context.fail("E309", message, label.span)
        return
    use = elaborator.label_uses.setdefault(label.span, LabelUse(label))
    use.names_weights |= names_weights
    if isinstance(x, Tensor):
        use.nodes.add(x.node)
    stack = elaborator.context.stack
    round = next((entry for entry in reversed(stack) if isinstance(entry.text, Round)), None)
    count = known.count + 1 if known else 1
    called = (child for child in reversed(place.scope.children) if child.labelled and child.name == label.id)
    named = (child for child in called if isinstance(child, ScopeDraft) or child.op.arity != 0)
    place.labels.tensors[label.id] = Labelling(x, label.span, use, count, round, next(named, None), nodes, given)


def read(elaborator: Elaborator, command: tree.Read, place: Place) -> Flowing:
    """The tensor or bundle that `from` names."""
    return elaborator.evaluator(place).tensor(command.what)
