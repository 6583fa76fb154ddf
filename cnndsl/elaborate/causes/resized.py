"""A map that follows another one's size instead of growing by a factor, so that both meet at every size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cnndsl.diagnostics import Edit, Fix
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.causes.conflict import Conflict
from cnndsl.elaborate.causes.history import Step
from cnndsl.elaborate.causes.wording import became
from cnndsl.elaborate.drafts import Tensor
from cnndsl.elaborate.place import Labels
from cnndsl.ops.base import Shape
from cnndsl.ops.resize import Resize, Upsample
from cnndsl.source import Span
from cnndsl.syntax import tree

COST = 26
WHOLE = 20  # what it costs more where one is a multiple of the other: nothing was rounded, a layer is missing
_KEPT = ("mode", "align_corners")  # which both layers have
OTHERWISE = 8  # what it costs more to follow a label that no branch beside begins with


def as_large_as_others(conflict: Conflict, reads: Mapping[int, tree.Labelled], labels: Labels) -> Iterator[Candidate]:
    """`resize like=NAME` for the `upsample` behind an end whose size differs from the others'."""
    for end, steps in enumerate(conflict.histories):
        wanted = conflict.wanted[end]
        grown = next((step for step in steps if isinstance(step.draft.op, Upsample)), None)
        command = None if grown is None else conflict.text.command_of(grown.draft)
        if wanted is None or grown is None or command is None or not conflict.text.editable(command.span):
            continue
        if grown.before[1:] == wanted[1:]:  # it would not grow at all
            continue
        beside = [read.id for other, read in reads.items() if other != end]
        for name in _labels_of(labels, wanted, command.span, beside):
            if conflict.mends({grown.node: Resize((wanted[1], wanted[2]))}):
                cost = COST + (0 if name in beside else OTHERWISE) + WHOLE * _is_multiple(conflict.shape(end), wanted)
                yield _candidate(grown, command, name, cost)


def _is_multiple(one: Shape, other: Shape) -> bool:
    """Whether one image is a whole number of times as high and wide as the other."""
    small, large = sorted((one[1:], other[1:]))
    return all(m % n == 0 for n, m in zip(small, large, strict=True))


def _labels_of(labels: Labels, wanted: Shape, before: Span, beside: Sequence[str]) -> list[str]:
    """The labels of maps of this size that are known at a place, those that are read beside it first."""
    found = [
        name
        for name, label in labels.tensors.items()
        if isinstance(label.x, Tensor)
        and label.x.shape[1:] == wanted[1:]
        and label.span.source is before.source
        and label.span.start < before.start
    ]
    return sorted(found, key=lambda name: name not in beside)[:1]


def _candidate(step: Step, command: tree.Command, name: str, cost: int) -> Candidate:
    text = f"resize like={name}"
    text += "".join(f", {each.span.text}" for each in command.arguments if each.name and each.name.id in _KEPT)
    title = f"`{text}` for `{command.span.text}` in line {command.span.line} is as large as `{name}` at every input"
    return Candidate(Fix(title, (Edit(command.span, text),)), cost, command.span, became(step))
