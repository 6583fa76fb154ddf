"""A network while it is read: steps in our words, each with the place it came from, until a graph is made of them.

A reader adds steps when it knows what they are, which may be later than they stand in the source; the graph has them in
the source's order, and calls them as the source does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cnndsl.foreign.network import Unread
from cnndsl.ops.base import LayerError, Op, Shape

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Module:
    """One call of a module of the source: its path, its class, and which call of it this is."""

    path: str
    block: str
    call: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step comes from: its number in the source's order, and the modules around it, outermost first."""

    number: int
    modules: tuple[Module, ...] = ()
    name: str = ""  # what the source calls it, if that is not the innermost module's name

    @property
    def path(self) -> str:
        return self.modules[-1].path if self.modules else self.name


@dataclass(frozen=True, eq=False)
class Kept:
    """A tensor that the source keeps, or that is computed from such ones alone.

    `name` is what the source calls it, if its values are as they are kept; `learned` says whether training changes it;
    `origins` are those that it is computed from.
    """

    value: Tensor
    name: str = ""
    origins: tuple[Kept, ...] = ()
    learned: bool = False

    @property
    def shape(self) -> Shape:
        return tuple(self.value.shape)


@dataclass(frozen=True)
class Step:
    op: Op
    inputs: tuple[int, ...]
    shape: Shape
    place: Place
    tensors: Mapping[str, Kept] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """An output of the source: what it is called there, and its step."""

    name: str
    step: int
    train_only: bool = False


class Draft:
    """Steps by number, in the order in which they were understood."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def add(self, op: Op, inputs: Iterable[int], place: Place, tensors: Mapping[str, Kept] | None = None) -> int:
        """Add a step; what does not take its inputs is unread, with the reason."""
        inputs = tuple(inputs)
        shape = op.output(*(self.steps[source].shape for source in inputs))
        self.steps.append(Step(op, inputs, tuple(shape), place, tensors or {}))
        return len(self.steps) - 1

    def unread(
        self,
        operator: str,
        why: str,
        shape: Shape,
        inputs: Iterable[int],
        place: Place,
        facts: Iterable[tuple[str, object]] = (),
        kept: Mapping[str, Kept] | None = None,
    ) -> int:
        """Add a step that no layer says, with what is said to it and the kept tensors that it reads."""
        held = tuple((name, each.shape) for name, each in (kept or {}).items())
        return self.add(Unread(operator, place.path, shape, why, tuple(facts), held), inputs, place, kept)

    def fits(self, op: Op, *inputs: int) -> bool:
        """Whether a layer takes these."""
        try:
            op.output(*(self.steps[source].shape for source in inputs))
        except LayerError:
            return False
        return True

    def shape(self, step: int) -> Shape:
        return self.steps[step].shape

    def op(self, step: int) -> Op:
        return self.steps[step].op
