"""Where statements run: the names they see, the labels they may read, the scope that their layers go to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from cnndsl.elaborate.context import Entry
from cnndsl.elaborate.drafts import Bundle, NodeDraft, ScopeDraft, Tensor
from cnndsl.elaborate.env import Env
from cnndsl.elaborate.module import Module
from cnndsl.elaborate.values import Poison
from cnndsl.ops.base import Shape
from cnndsl.records import dataclass, field
from cnndsl.source import Span
from cnndsl.syntax import tree

Flowing: TypeAlias = Tensor | Bundle | Poison | None  # None before `input`


def tensors_of(x: Flowing) -> tuple[Tensor, ...]:
    """The tensors that flow: one, those of a bundle, or none."""
    if isinstance(x, Bundle):
        return x.items
    return (x,) if isinstance(x, Tensor) else ()


def shapes_of(x: Flowing) -> tuple[Shape, ...]:
    return tuple([tensor.shape for tensor in tensors_of(x)])


@dataclass(slots=True)
class LabelUse:
    """What became of an `as`: whether `from` reads it, and whether it names weights or a result of the network.

    nodes  the nodes that it has been put on
    """

    name: tree.Name
    read: bool = False
    names_weights: bool = False
    names_result: bool = False
    nodes: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Passing:
    """One run of one link of a chain: the shapes that came to it, and those that it gave (none if it failed).

    scope  what it ran in, which has its path when the graph is made
    nodes  the numbers of the layers that it made
    """

    span: Span
    scope: ScopeDraft
    nodes: range
    came: tuple[Shape, ...]
    gave: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Labelling:
    """What a label means: what it was last put on, and how often it was, in which round of a loop at last.

    part   the layers that it names, if any, which are the `nodes`
    given  what those were applied to; None if only their inputs say
    """

    x: Flowing
    span: Span
    use: LabelUse
    count: int = 1
    round: Entry | None = None
    part: ScopeDraft | NodeDraft | None = None
    nodes: range = range(0)
    given: Flowing = None


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of one network or block call: what each means by now. `body` is all of its text.

    families  of the names that are numbered (`as c[i]`) the labels by their numbers
    lost      those in statements that failed: nothing is said where they are missing
    written   where the text first gives each name, once an unknown label was looked for
    """

    body: tree.Body
    tensors: dict[str, Labelling] = field(default_factory=dict)
    families: dict[str, dict[tuple[int, ...], str]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    written: dict[str, tree.Name] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """The surroundings of a statement.

    entering  what `in` means: the tensor or bundle that enters the statement
    """

    module: Module
    env: Env
    labels: Labels
    scope: ScopeDraft
    in_block: bool = False
    entering: Flowing = None

    def inner(self, names: Mapping[str, object] | None = None) -> Place:
        """The same place with names of its own (a body in braces, a loop round)."""
        return Place(self.module, Env(self.env, names), self.labels, self.scope, self.in_block, self.entering)

    def within(self, scope: ScopeDraft) -> Place:
        return Place(self.module, self.env, self.labels, scope, self.in_block, self.entering)

    def entered(self, x: Flowing) -> Place:
        return Place(self.module, self.env, self.labels, self.scope, self.in_block, x)
