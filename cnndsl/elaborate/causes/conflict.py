"""A place where tensors do not go together: what meets, what would do, and which layers lie behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from cnndsl.elaborate.causes.history import Step, own_steps, reshaped, upstream
from cnndsl.elaborate.causes.search import Search
from cnndsl.elaborate.causes.windows import changed
from cnndsl.elaborate.causes.written import Written, calls_in
from cnndsl.elaborate.drafts import Drafts
from cnndsl.elaborate.module import Module
from cnndsl.elaborate.unused import Definition
from cnndsl.ops.base import Op, Shape
from cnndsl.records import dataclass, field
from cnndsl.source import Span

MOST_STEPS = 60  # layers of a history that are looked at, the latest


@dataclass(frozen=True)
class Conflict:
    """What meets, and what would do.

    search   what may still be done
    ends     the numbers of the nodes that meet
    fits     whether they would go together if they had these shapes
    wanted   for each end the shape that the others would want of it, or a claim does; None if it is not at fault
    entering the tensor that `in` means in the branches that meet
    settled  nodes whose shape a claim has confirmed: nothing behind them is to blame
    """

    drafts: Drafts
    module: Module
    search: Search
    ends: tuple[int, ...]
    fits: Callable[[Sequence[Shape]], bool]
    wanted: tuple[Shape | None, ...]
    entering: int | None = None
    settled: frozenset[int] = frozenset()
    histories: list[list[Step]] = field(init=False)

    def __post_init__(self) -> None:
        found = own_steps(self.drafts, self.ends, self.settled)
        object.__setattr__(self, "histories", [steps[:MOST_STEPS] for steps in found])

    @cached_property
    def text(self) -> Written:
        """What the layers are written as, which only a search for repairs asks for."""
        return Written(self.module, self.drafts)

    def shape(self, end: int) -> Shape:
        return self.drafts.nodes[self.ends[end]].shape

    def differs(self, end: int, axis: int) -> bool:
        """Whether an end is not as the others want it on this axis."""
        wanted, shape = self.wanted[end], self.shape(end)
        return wanted is not None and (len(wanted) != len(shape) or wanted[axis] != shape[axis])

    def spatial(self, end: int) -> bool:
        return any(self.differs(end, axis) for axis in range(1, len(self.shape(end))))

    def instances(self, spans: Iterable[Span]) -> list[int]:
        """The nodes that commands at these places made."""
        wanted = set(spans)
        return [number for number, node in enumerate(self.drafts.nodes) if node.span in wanted]

    def shapes(self, ops: Mapping[int, Op]) -> list[Shape] | None:
        """The shapes of the ends if some layers were others; None if they do not fit, or if enough was tried."""
        self.search.left -= max(self.ends) + 1 - min(ops) + len(ops)
        return reshaped(self.drafts, ops, self.ends) if self.search.left > 0 else None

    def mends(self, ops: Mapping[int, Op]) -> bool:
        """Whether all would fit if some layers were others."""
        shapes = self.shapes(ops)
        return shapes is not None and self.fits(shapes)

    def mended_by(self, values: Mapping[str, Any], nodes: Iterable[int]) -> bool:
        """Whether all would fit if these layers had other arguments."""
        return self.mends(self._changed(values, nodes))

    def made_by(self, values: Mapping[str, Any], nodes: Iterable[int], node: int) -> Shape:
        """The shape that a layer makes if all of these have other arguments."""
        shapes = reshaped(self.drafts, self._changed(values, nodes), [node])
        return self.drafts.nodes[node].shape if shapes is None else shapes[0]

    def _changed(self, values: Mapping[str, Any], nodes: Iterable[int]) -> dict[int, Op]:
        """Layers with other arguments, each with its own others."""
        ops: dict[int, Op] = {}
        for node in nodes:
            op = self.drafts.nodes[node].op
            other = changed(op, 0, **values)
            ops[node] = op if other is None else other.op
        return ops


def behind(conflict: Conflict) -> set[int]:
    """All nodes that the ends depend on."""
    return set().union(*(upstream(conflict.drafts, end) for end in conflict.ends))


def definitions_behind(conflict: Conflict) -> Sequence[Definition]:
    """The definitions of this file in whose calls the layers behind the ends stand, the innermost of the last first."""
    text = conflict.text
    scopes = [scope for steps in conflict.histories for step in steps for scope in calls_in(text.scopes_of(step.draft))]
    found = (text.definition(block) for block in dict.fromkeys(scope.block for scope in scopes))
    return [each for each in found if each is not None and text.editable(each.span)]
