"""Another merge of the same branches: what was added was to be concatenated, or the other way around."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cnndsl.diagnostics import Edit, Fix
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.causes.conflict import Conflict
from cnndsl.ops import show_shape
from cnndsl.ops.base import Op, Shape
from cnndsl.ops.merge import Add, Concat
from cnndsl.syntax import tree

COST = 28
_OTHER: Mapping[type[Op], type[Op]] = {Concat: Add, Add: Concat}


def concatenated(conflict: Conflict, command: tree.Command) -> Iterator[Candidate]:
    """`concat` where maps of equal size and other channels are added."""
    shapes = [conflict.drafts.nodes[end].shape for end in conflict.ends]
    if command.name.id == Add.word and conflict.text.editable(command.span) and _is_one(shape[1:] for shape in shapes):
        words = " and ".join(show_shape(shape) for shape in shapes)
        yield _candidate(command, Concat.word, f"{words} cannot be added")


def other_merges(conflict: Conflict) -> Iterator[Candidate]:
    """`add` for `concat`, and `concat` for `add`, of equal branches behind the ends; what fits then, a trial tells."""
    for draft in (step.draft for steps in conflict.histories for step in steps):
        command = conflict.text.command_of(draft)
        other = _OTHER.get(type(draft.op))
        if command is None or other is None or not conflict.text.editable(command.span):
            continue
        if len(draft.inputs) > 1 and _is_one(conflict.drafts.nodes[each].shape for each in draft.inputs):
            yield _candidate(command, other.word, f"this makes {show_shape(draft.shape)}")


def _is_one(shapes: Iterable[Shape]) -> bool:
    return len(set(shapes)) == 1


def _candidate(command: tree.Command, word: str, words: str) -> Candidate:
    title = f"`{word}` for `{command.name.id}` in line {command.span.line}"
    return Candidate(Fix(title, (Edit(command.name.span, word),)), COST, command.name.span, words)
