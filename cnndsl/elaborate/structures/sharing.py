"""`again NAME`: what a label names, applied once more, with the same weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from cnndsl.diagnostics import Label
from cnndsl.elaborate import causes
from cnndsl.elaborate.drafts import Bundle, NodeDraft, ScopeDraft, Tensor
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.labelled import Reader
from cnndsl.elaborate.layers import no_input
from cnndsl.elaborate.place import Flowing, Labelling, Place, tensors_of
from cnndsl.elaborate.structures.base import Structure
from cnndsl.elaborate.tensors import count
from cnndsl.elaborate.values import POISON, Failed, Poison
from cnndsl.ops import show_shape
from cnndsl.ops.arguments import TensorLabel, argument
from cnndsl.ops.base import LayerError, Shape
from cnndsl.records import dataclass, replace
from cnndsl.syntax import tree


@dataclass(frozen=True)
class Again(Structure):
    """`again NAME`: the layers that the label names, applied once more with the same weights.

    Parameters count once, multiply-accumulates each time. In the written Python the same module is called again.
    """

    word: ClassVar[str] = "again"
    takes_body: ClassVar[bool] = False
    takes_label: ClassVar[bool] = True

    label: str = argument(TensorLabel())

    def build(
        self, elaborator: Elaborator, command: tree.Command, place: Place, x: Flowing, label: tree.Name | None
    ) -> Flowing:
        found = self._labelled(elaborator, command, place)
        if isinstance(x, Poison):
            return POISON
        if x is None:
            raise no_input(elaborator, self.word, command.span)
        copying = _Copying(elaborator, command, found, self._inputs(elaborator, command, found, x))
        name = label.id if label else f"{self.label.partition('[')[0]}_again"
        return copying.run(place.scope, name, labelled=label is not None)

    def _labelled(self, elaborator: Elaborator, command: tree.Command, place: Place) -> Labelling:
        value = command.arguments[0].value
        assert not isinstance(value, tree.Body)  # no label is one
        found = Reader(elaborator.context, place).labelling(tree.as_label(value), elaborator.evaluator(place).values)
        if isinstance(found.x, Poison):
            raise Failed(self.label)
        if found.part is None:
            message = f"`{self.label}` labels a tensor, and no layers that could be applied again"
            labels = (Label(found.span, "put on no layers here"),)
            raise elaborator.context.fail("E320", message, value.span, labels=labels)
        return found

    def _inputs(
        self, elaborator: Elaborator, command: tree.Command, found: Labelling, x: Tensor | Bundle
    ) -> dict[int, Tensor]:
        """What takes the place of each tensor that the layers were applied to."""
        nodes = elaborator.drafts.nodes
        read = dict.fromkeys(i for at in found.nodes for i in nodes[at].inputs if i not in found.nodes)
        before = [tensor.node for tensor in tensors_of(found.given)] if found.given is not None else [*read]
        if len(before) != len(tensors_of(x)):
            once = f"{len(before)} tensor{'s' if len(before) != 1 else ''}"
            message = f"`{self.label}` was applied to {once}, and {count(tensors_of(x))} come"
            raise elaborator.context.fail("E210", message, command.span)
        return dict(zip(before, tensors_of(x), strict=True))


@dataclass
class _Copying:
    """`became` says of a node what takes its place, beginning with what the layers are applied to."""

    elaborator: Elaborator
    command: tree.Command
    found: Labelling
    became: dict[int, Tensor]

    def run(self, scope: ScopeDraft, name: str, *, labelled: bool) -> Flowing:
        number = iter(self.found.nodes)
        assert self.found.part is not None
        pending: list[tuple[ScopeDraft | NodeDraft, ScopeDraft, str]] = [(self.found.part, scope, name)]
        scopes: list[tuple[ScopeDraft, ScopeDraft]] = []
        while pending:
            draft, into, called = pending.pop()
            own_label = draft.labelled if draft is not self.found.part else labelled
            if isinstance(draft, NodeDraft):
                self._node(next(number), draft, into, called, labelled=own_label)
                continue
            span = draft.span if scopes else self.command.span
            inner = into.open(draft.kind, called, span, labelled=own_label)
            inner.block, inner.doc, inner.arguments, inner.again = draft.block, draft.doc, draft.arguments, draft.first
            scopes.append((draft, inner))
            pending.extend((child, inner, child.name) for child in reversed(draft.children))
        for draft, inner in scopes:
            inner.takes, inner.gives = (tuple(map(self._now, each)) for each in (draft.takes, draft.gives))
        x = self.found.x
        return Bundle(tuple(map(self._now, x.items))) if isinstance(x, Bundle) else self._now(tensors_of(x)[0])

    def _now(self, tensor: Tensor) -> Tensor:
        return self.became.get(tensor.node, tensor)

    def _node(self, number: int, draft: NodeDraft, scope: ScopeDraft, name: str, *, labelled: bool) -> None:
        drafts = self.elaborator.drafts
        before = tuple(Tensor(i, drafts.nodes[i].shape) for i in draft.inputs)
        inputs = tuple(map(self._now, before))
        shape = self._shape(draft, before, inputs)
        self.elaborator.context.node(self.command.span)
        made = drafts.add(draft.op, inputs, shape, draft.span, scope, name, labelled)
        drafts.nodes[made.node].again = draft.first
        self.became[number] = made

    def _shape(self, draft: NodeDraft, before: Sequence[Tensor], now: Sequence[Tensor]) -> Shape:
        """The shape that comes out now; E211 if the weights are of other shapes then."""
        context, what = self.elaborator.context, f"`{draft.op}` of line {draft.span.line}"
        first, second = ([each.shape for each in tensors] for tensors in (before, now))
        try:
            shape = draft.op.output(*second)
            same = draft.op.parameters(*first) == draft.op.parameters(*second)
        except LayerError as error:
            raise context.fail(error.code, f"{what}: {error}", self.command.span, help=error.help) from None
        if not same:
            raise self._other_weights(draft, f"{what} has weights for", first[0], now[0])
        return shape

    def _other_weights(self, draft: NodeDraft, message: str, first: Shape, now: Tensor) -> Failed:
        """E211, at what should have made the channels that these weights are for; that is none of the shared layers."""
        wanted, span = (first[0], *now.shape[1:]), self.command.span
        conflict = causes.conflict_of(self.elaborator, (now,), lambda shapes: shapes[0] == wanted, (wanted,))
        conflict = replace(conflict, settled=conflict.settled.union(self.found.nodes))
        tried = causes.sought(self.elaborator, "E211", span, lambda: causes.changes_behind(conflict), conflict)
        labels = (Label(draft.span, "these weights"),)
        message = f"{message} {show_shape(first)}, and {show_shape(now.shape)} comes"
        return self.elaborator.context.fail("E211", message, span, labels=labels, candidates=tried)
