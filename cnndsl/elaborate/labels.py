"""Labels: what `as` binds, and what `from` reads."""

from __future__ import annotations

from dataclasses import replace

from cnndsl.diagnostics import Label
from cnndsl.diagnostics.suggest import meant
from cnndsl.diagnostics.wording import few
from cnndsl.elaborate.drafts import Tensor
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.foreign import Remedy
from cnndsl.elaborate.names import parts_of
from cnndsl.elaborate.place import Flowing, LabelUse, Place
from cnndsl.elaborate.values import Failed
from cnndsl.syntax import tree


def bind_label(elaborator: Elaborator, label: tree.Name, place: Place, x: Flowing, *, names_weights: bool) -> None:
    """From here on `label` means `x`, in all of the network or block."""
    known = place.labels.tensors.get(label.id)
    if known is not None and known[1] != label.span:
        labels = (Label(known[1], "first used here"),)
        elaborator.context.fail("E309", f"the label `{label.id}` is used twice", label.span, labels=labels)
        return
    place.labels.tensors[label.id] = (x, label.span)
    use = elaborator.label_uses.setdefault(label.span, LabelUse(label))
    use.names_weights |= names_weights
    if isinstance(x, Tensor):
        use.nodes.add(x.node)


def read(elaborator: Elaborator, command: tree.Read, place: Place) -> Flowing:
    """The tensor or bundle that `from` names."""
    evaluator = replace(elaborator.evaluator(place), labelled=lambda name: _labelled(elaborator, name, place))
    return evaluator.tensor(command.what)


def _labelled(elaborator: Elaborator, name: tree.Labelled, place: Place) -> Flowing:
    """What carries this label by now."""
    tensors = place.labels.tensors
    if name.id not in tensors:
        if name.id in place.module.file.lost:
            raise Failed(name.id)
        help, fixes = (None, ()) if elaborator.context.report.full else _label_meant(name, place)
        message = f"no tensor is labelled `{name.id}`"
        raise elaborator.context.fail("E303", message, name.span, help=help, fixes=fixes)
    x, span = tensors[name.id]
    elaborator.label_uses[span].read = True
    return x


def _label_meant(name: tree.Labelled, place: Place) -> Remedy:
    labels = [part.label for part in parts_of(place.labels.body) if isinstance(part, (tree.Flow, tree.Input))]
    other = next((label for label in labels if label is not None and label.id == name.id), None)
    if other is not None:
        why = "after it is read here" if other.span.start > name.span.start else "which is not run here"
        return f"it is given in line {other.span.line}, {why}", ()
    if fixes := meant(name.span, place.labels.tensors):
        return None, fixes
    known = f"labels so far: {few([*place.labels.tensors])}" if place.labels.tensors else "no `as` stands before it"
    return f"a block sees only its own labels; {known}" if place.in_block else known, ()
