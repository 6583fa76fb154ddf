"""What a label means where it is read: a tensor, a bundle, one of several that are numbered, or all of those."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from cnndsl.diagnostics import Label
from cnndsl.diagnostics.suggest import meant
from cnndsl.diagnostics.wording import few
from cnndsl.elaborate.context import Context
from cnndsl.elaborate.drafts import Bundle
from cnndsl.elaborate.foreign import Remedy
from cnndsl.elaborate.names import labels_of
from cnndsl.elaborate.place import Flowing, Labelling, Labels, Place, tensors_of
from cnndsl.elaborate.values import POISON, Failed, brief
from cnndsl.ops.arguments import type_name
from cnndsl.records import dataclass
from cnndsl.source import Span
from cnndsl.syntax import tree

_SHOWN = 8


def numbered(name: str, numbers: Sequence[int]) -> str:
    """How `NAME[i, j]` is called: `c[0]`, `d[1,2]`."""
    return f"{name}[{','.join(map(str, numbers))}]"


def numbers_of(context: Context, values: Sequence[object], span: Span) -> tuple[int, ...]:
    """What numbers a label; E307 for anything but integers from 0."""
    wrong = [value for value in values if isinstance(value, bool) or not isinstance(value, int) or value < 0]
    if wrong:
        shown = f"{type_name(wrong[0])} {brief(wrong[0])}"
        raise context.fail("E307", f"labels are numbered by integers from 0, not {shown}", span)
    return tuple(value for value in values if isinstance(value, int))


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the labels that are seen at a place."""

    context: Context
    place: Place

    @property
    def labels(self) -> Labels:
        return self.place.labels

    def is_numbered(self, name: str) -> bool:
        return name in self.labels.families

    def knows(self, name: str) -> bool:
        return name in self.labels.tensors or self.is_numbered(name)

    def read(self, name: tree.Labelled) -> Flowing:
        """What `from NAME` gives: of numbered ones, all as a bundle, in the order of their numbers."""
        if not self.is_numbered(name.id):
            return self._find(name.id, name).x
        family = sorted(self.labels.families[name.id])
        if [*family] != [(number,) for number in range(len(family))]:
            message = f"`{name.id}` is numbered, and not from 0 on"
            raise self.context.fail("E303", message, name.span, help=f"say which: {self._shown(name.id)}")
        found = [self._find(numbered(name.id, numbers), name).x for numbers in family]
        return POISON if POISON in found else Bundle(tuple(tensor for x in found for tensor in tensors_of(x)))

    def labelling(self, e: tree.Expression, values: Callable[[tuple[tree.Expression, ...]], list[Any]]) -> Labelling:
        """All that is known of the label that `e` names, which may be numbered; `values` evaluates its numbers."""
        if isinstance(e, tree.Labelled):
            return self._find(e.id, e)
        if isinstance(e, tree.Index) and isinstance(e.of, tree.Labelled) and self.is_numbered(e.of.id):
            return self._find(self._label_at(e.of, values(e.indices), e.span), e.of)
        raise self.context.fail("E303", "no tensor is labelled like this", e.span)

    def read_at(self, name: tree.Labelled, values: Sequence[object], span: Span) -> Flowing:
        """What `from NAME[i]` gives, where the label is numbered."""
        return self._find(self._label_at(name, values, span), name).x

    def _label_at(self, name: tree.Labelled, values: Sequence[object], span: Span) -> str:
        last = len(self.labels.families[name.id])
        if len(values) == 1 and isinstance(values[0], int) and -last <= values[0] < 0:
            values = [values[0] + last]
        label = numbered(name.id, numbers_of(self.context, values, span))
        if label not in self.labels.tensors:
            self._forgive(name)
            message = f"no tensor is labelled `{label}`"
            verb = "is" if len(self.labels.families[name.id]) == 1 else "are"
            raise self.context.fail("E303", message, span, help=f"there {verb} {self._shown(name.id)}")
        return label

    def _forgive(self, name: tree.Labelled) -> None:
        """Say nothing of a label that stands where something else failed."""
        if name.id in self.place.module.file.lost or name.id in self.labels.lost:
            raise Failed(name.id)

    def _shown(self, name: str) -> str:
        family = sorted(self.labels.families[name])
        more = [f"{len(family) - _SHOWN} more"] if len(family) > _SHOWN else []
        return ", ".join([*(numbered(name, each) for each in islice(family, _SHOWN)), *more])

    def _find(self, label: str, name: tree.Labelled) -> Labelling:
        if self.is_numbered(label):
            message = f"`{label}` is numbered"
            raise self.context.fail("E303", message, name.span, help=f"say which: {self._shown(label)}")
        if label not in self.labels.tensors:
            self._forgive(name)
            help, fixes = self._meant(name) if self.context.report.explains("E303", name.span) else (None, ())
            message = f"no tensor is labelled `{name.id}`"
            raise self.context.fail("E303", message, name.span, help=help, fixes=fixes)
        found = self.labels.tensors[label]
        found.use.read = True
        if found.count > 1 and found.round is not None and not any(each is found.round for each in self.context.stack):
            message = f"`{name.id}` is put on {found.count} tensors, and this reads the last"
            labels = (Label(found.span, "here, in a loop"),)
            help = f"number them: `as {name.id}[i]` with the loop's `i`, and `from {name.id}[0]`"
            self.context.fail("W621", message, name.span, labels=labels, help=help)
        return found

    def _meant(self, name: tree.Labelled) -> Remedy:
        labels, known = self.labels, [*self.labels.tensors]
        if not labels.written:
            for label in labels_of(labels.body):
                labels.written.setdefault(label.id, label)
        other = labels.written.get(name.id)
        if other is not None:
            why = "after it is read here" if other.span.start > name.span.start else "which is not run here"
            return f"it is given in line {other.span.line}, {why}", ()
        if fixes := meant(name.span, [*(each for each in known if "[" not in each), *labels.families]):
            return None, fixes
        shown = f"labels so far: {few(known)}" if known else "no `as` stands before it"
        return f"a block sees only its own labels; {shown}" if self.place.in_block else shown, ()
