"""Structures that make bundles: `group` keeps branches apart, `split` takes channels apart."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Any, ClassVar

from cnndsl.elaborate import causes, layers
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.drafts import Bundle, Tensor
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.place import Flowing, Place
from cnndsl.elaborate.structures.base import Structure, body_of
from cnndsl.elaborate.structures.branches import branches
from cnndsl.elaborate.values import POISON, Failed
from cnndsl.ops import show_shape
from cnndsl.ops.arguments import Integer, Kind, argument
from cnndsl.ops.reshape import ChannelSlice
from cnndsl.records import dataclass
from cnndsl.syntax import tree


@dataclass(frozen=True)
class Group(Structure):
    """`group { | ... | ... }`: the merge that keeps its branches apart. What flows on is a bundle."""

    word: ClassVar[str] = "group"

    def build(
        self, elaborator: Elaborator, command: tree.Command, place: Place, x: Flowing, label: tree.Name | None
    ) -> Flowing:
        ends = list(branches(elaborator, body_of(command), place.inner(), x, self.word))
        if not ends:
            raise elaborator.context.fail("E319", "`group` needs a branch", command.span)
        elaborator.context.step(command.span, len(ends))  # bundles of bundles grow without a layer
        tensors = tuple(end.result for end in ends if isinstance(end.result, Tensor))
        return POISON if len(tensors) < len(ends) else Bundle(tensors)


class Parts(Kind):
    """A number of equal parts, or the channels of each in a list."""

    expects = "a number of parts, or a list of channels"

    def accept(self, value: object) -> object:
        if not isinstance(value, list):
            return Integer().accept(value)
        if not value:
            raise self._out_of_range(value)
        return tuple(map(Integer().accept, value))


@dataclass(frozen=True)
class Split(Structure):
    """`split n`, `split [8, 24]`: the tensor by its channels, in equal parts or in parts of these sizes."""

    word: ClassVar[str] = "split"
    takes_body: ClassVar[bool] = False

    parts: Any = argument(Parts())

    def build(
        self, elaborator: Elaborator, command: tree.Command, place: Place, x: Flowing, label: tree.Name | None
    ) -> Flowing:
        tensor = layers.one(elaborator, command, place, x)
        if tensor is None:
            return POISON
        stops = [0, *accumulate(self._sizes(elaborator, command, tensor))]
        if len(stops) == 2:
            return Bundle((tensor,))
        slices = (ChannelSlice(start, stop) for start, stop in pairwise(stops))
        return Bundle(tuple(layers.apply(elaborator, op, (tensor,), command, place) for op in slices))

    def _sizes(self, elaborator: Elaborator, command: tree.Command, x: Tensor) -> tuple[int, ...]:
        """The channels of each part; E206 if they are not those of the tensor together."""
        channels = x.shape[0]
        if isinstance(self.parts, int):
            if channels % self.parts == 0:
                return (channels // self.parts,) * self.parts
            message = f"{channels} channels do not split into {self.parts} equal parts"
            raise self._unsplit(elaborator, command, x, message, None)
        if sum(self.parts) == channels:
            sizes: tuple[int, ...] = self.parts
            return sizes
        sizes_shown = " + ".join(map(str, self.parts))
        message = f"the sizes are {sizes_shown} = {sum(self.parts)}, and {show_shape(x.shape)} has {channels} channels"
        rest = channels - sum(self.parts[:-1])
        raise self._unsplit(elaborator, command, x, message, f"the last would be {rest}" if rest > 0 else None)

    def _unsplit(
        self, elaborator: Elaborator, command: tree.Command, x: Tensor, message: str, help: str | None
    ) -> Failed:
        def candidates() -> Iterator[Candidate]:
            conflict = causes.conflict_of(elaborator, (x,), lambda shapes: False, (None,))
            if isinstance(self.parts, int):
                yield from causes.other_parts(conflict, self.parts, command.arguments[0].value)
            yield from causes.other_calculations(conflict)

        span = command.arguments[0].span
        tried = causes.sought(elaborator, "E206", span, candidates)
        return elaborator.context.fail("E206", message, span, help=help, candidates=tried)
