"""The histories of tensors that do not go together: the layers behind each of them alone, and what these changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import prod

from cnndsl.elaborate.drafts import Drafts, NodeDraft
from cnndsl.ops.base import LayerError, Op, Shape
from cnndsl.records import dataclass

CHANNELS = 0
MOST_PASSED = 40  # layers that keep the channels


@dataclass(frozen=True, slots=True)
class Step:
    """A layer on the way to a tensor, with the shape that it got and the one it made."""

    node: int
    draft: NodeDraft
    before: Shape
    after: Shape

    def changed(self, axis: int) -> bool:
        return len(self.before) != len(self.after) or self.before[axis] != self.after[axis]

    def decides(self, axis: int) -> bool:
        """Whether the axis is what this layer says, however large it was before (`filters`, an adaptive pool)."""
        if len(self.before) != len(self.after):
            return True
        doubled = tuple(2 * n if i == axis else n for i, n in enumerate(self.before))
        try:
            return self.draft.op.output(doubled)[axis] == self.after[axis]
        except (LayerError, IndexError):
            return self.changed(axis)


def own_steps(drafts: Drafts, ends: Sequence[int], settled: Collection[int]) -> list[list[Step]]:
    """For each end, the layers that lie behind it and not behind all ends, the latest first.

    Behind what is settled nobody looks: its shape is known to be right.
    """
    behind = [upstream(drafts, end, settled) for end in ends]
    common = set.intersection(*behind) if len(ends) > 1 else set()
    return [[step(drafts, node) for node in sorted(nodes - common, reverse=True)] for nodes in behind]


def deciding(drafts: Drafts, end: int, settled: Collection[int]) -> list[Step]:
    """The layers that decide a tensor's channels, however many came in: where the history of that axis ends.

    They may lie behind all ends, since what a convolution is given says nothing of how many channels it makes.
    """
    found, seen, pending = [], set(settled), [end]
    while pending and len(seen) < MOST_PASSED + len(settled):
        node = pending.pop()
        if node not in seen:
            seen.add(node)
            here = step(drafts, node)
            if here.decides(CHANNELS) and len(here.draft.inputs) == 1:
                found.append(here)
            else:
                pending.extend(here.draft.inputs)
    return found


def step(drafts: Drafts, node: int) -> Step:
    draft = drafts.nodes[node]
    before = drafts.nodes[draft.inputs[0]].shape if draft.inputs else draft.shape
    return Step(node, draft, before, draft.shape)


def enlarges(step: Step) -> bool:
    """Whether a layer makes images larger."""
    return len(step.before) == len(step.after) == 3 and prod(step.after[1:]) > prod(step.before[1:])


def upstream(drafts: Drafts, end: int, settled: Collection[int] = ()) -> set[int]:
    """A node and all that it depends on, as far as the shapes are not settled."""
    found: set[int] = set()
    pending = [end]
    while pending:
        node = pending.pop()
        if node not in found and node not in settled:
            found.add(node)
            pending.extend(drafts.nodes[node].inputs)
    return found


def reshaped(drafts: Drafts, changed: Mapping[int, Op], ends: Iterable[int]) -> list[Shape] | None:
    """The shapes of `ends` if some layers were others; None if something on the way would not fit then.

    A shortcut that a structure derived from shapes would be derived anew, so that it fits.
    """
    last = max(ends := tuple(ends))
    shapes: dict[int, Shape] = {}
    for node in range(min(changed), last + 1):
        draft = drafts.nodes[node]
        if node in changed or any(source in shapes for source in draft.inputs):
            inputs = [shapes.get(source, drafts.nodes[source].shape) for source in draft.inputs]
            try:
                shape = changed.get(node, draft.op).output(*inputs)
            except LayerError:
                if not _has_derived_shortcut(drafts, draft):
                    return None
                shape = inputs[0]
            if shape != draft.shape:
                shapes[node] = shape
    return [shapes.get(end, drafts.nodes[end].shape) for end in ends]


def _has_derived_shortcut(drafts: Drafts, join: NodeDraft) -> bool:
    """Whether a layer adds a body and what the same command put around it."""
    return len(join.inputs) == 2 and drafts.nodes[join.inputs[1]].span == join.span
