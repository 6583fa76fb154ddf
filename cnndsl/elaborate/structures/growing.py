"""Structures that grow a graph from a small body: `dense` and `fractal`."""

from __future__ import annotations

from typing import ClassVar

from cnndsl.diagnostics import Label
from cnndsl.elaborate import causes, layers
from cnndsl.elaborate.drafts import Bundle, Tensor
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.place import Flowing, Place
from cnndsl.elaborate.structures.base import Structure, body_of
from cnndsl.elaborate.values import POISON, Failed
from cnndsl.ops import show_shape
from cnndsl.ops.arguments import integer, probability
from cnndsl.ops.base import LayerError, Op
from cnndsl.ops.fractal import FractalJoin
from cnndsl.ops.merge import Concat, Mean
from cnndsl.records import dataclass
from cnndsl.syntax import tree


@dataclass(frozen=True)
class Dense(Structure):
    """`dense n { body }`: n times, the body's result joins its input by channels (Huang et al. 2017)."""

    word: ClassVar[str] = "dense"

    count: int = integer(minimum=0)

    def build(
        self, elaborator: Elaborator, command: tree.Command, place: Place, x: Flowing, label: tree.Name | None
    ) -> Flowing:
        if isinstance(x, Bundle):
            raise layers.one_wanted(elaborator, command, place, x)
        if self.count > elaborator.context.max_nodes:
            elaborator.context.node(command.span, self.count)
        for number in range(1, self.count + 1):
            elaborator.context.step(command.span)
            with elaborator.context.inside(f"dense layer {number} of {self.count}"):
                x = self._layer(elaborator, command, place.within(place.scope.open("layer", "layer", command.span)), x)
            if not isinstance(x, Tensor):
                return POISON
        return x

    def _layer(self, elaborator: Elaborator, command: tree.Command, place: Place, x: Flowing) -> Flowing:
        y = elaborator.body(body_of(command), place.inner(), x)
        if not isinstance(x, Tensor) or not isinstance(y, Tensor):
            return POISON
        try:
            shape = Concat().output(x.shape, y.shape)
        except LayerError:
            raise self._mismatch(elaborator, command, place, x, y) from None
        return elaborator.add(Concat(), (x, y), shape, command.span, place.scope)

    def _mismatch(self, elaborator: Elaborator, command: tree.Command, place: Place, x: Tensor, y: Tensor) -> Failed:
        wanted = (None, (y.shape[0], *x.shape[1:]))
        conflict = causes.conflict_of(elaborator, (x, y), causes.mergeable(Concat()), wanted)
        message = f"`dense` joins images of equal height and width: {show_shape(x.shape)} and {show_shape(y.shape)}"
        return causes.tell(
            elaborator,
            "E203",
            message,
            command.name.span,
            place.scope,
            conflict,
            lambda: causes.changes_behind(conflict),
        )


@dataclass(frozen=True)
class Fractal(Structure):
    """`fractal columns, drop_path=p { body }`: a fractal block (Larsson et al. 2017, section 2).

    Column c of C applies the body 2^(c-1) times; wherever columns end together they are joined by their mean, all
    at once. With `drop_path`, half of the training batches drop inputs of each join with that probability
    (local), the other half keep one column of the whole network (global). `only=c` builds column c alone, a plain
    network; its layers keep their names, so that weights trained in the whole fractal load into it.
    """

    word: ClassVar[str] = "fractal"

    columns: int = integer(minimum=1, maximum=12)
    drop_path: float = probability(0.0, keyword=True)
    only: int = integer(0, minimum=0, maximum=12, keyword=True)

    def build(
        self, elaborator: Elaborator, command: tree.Command, place: Place, x: Flowing, label: tree.Name | None
    ) -> Flowing:
        if isinstance(x, Bundle):
            raise layers.one_wanted(elaborator, command, place, x)
        if self.only > self.columns:
            message = f"there is no column {self.only} of {self.columns}"
            raise elaborator.context.fail("E308", message, command.span)
        outer = place.scope.open("fractal", self.word, command.span)
        columns = [self.only] if self.only else range(1, self.columns + 1)
        rows = 2 ** (self.columns - 1)
        joined: dict[int, Flowing] = {0: x}
        for row in range(1, rows + 1):
            scope = outer.open("row", f"row{row}", command.span, labelled=True)
            ends: dict[int, Flowing] = {}
            for column in columns:
                height = 2 ** (self.columns - column)  # rows that one body of this column spans
                if row % height == 0:
                    inside = place.inner().within(scope.open("column", f"column{column}", command.span, labelled=True))
                    with elaborator.context.inside(f"column {column}, row {row}"):
                        ends[column] = elaborator.body(body_of(command), inside, joined[row - height])
            if ends:
                joined[row] = self._join(elaborator, command, place.within(scope), ends)
        return joined[rows]

    def _join(self, elaborator: Elaborator, command: tree.Command, place: Place, ends: dict[int, Flowing]) -> Flowing:
        tensors = tuple(end for end in ends.values() if isinstance(end, Tensor))
        if len(tensors) < len(ends):
            return POISON
        if len(tensors) == 1:
            return tensors[0]
        if len({tensor.shape for tensor in tensors}) > 1:
            raise self._mismatch(elaborator, command, dict(zip(ends, tensors, strict=True)))
        join: Op = Mean()
        if self.drop_path > 0:
            assert elaborator.draw is not None  # there is a tensor, so there was an `input`
            join = FractalJoin(tuple(ends), self.columns, self.drop_path)
            return elaborator.add(join, (*tensors, elaborator.draw), tensors[0].shape, command.span, place.scope)
        return elaborator.add(join, tensors, tensors[0].shape, command.span, place.scope)

    def _mismatch(self, elaborator: Elaborator, command: tree.Command, ends: dict[int, Tensor]) -> Failed:
        (first, one), (second, other) = next(
            (a, b) for a, b in zip(ends.items(), [*ends.items()][1:], strict=False) if a[1].shape != b[1].shape
        )
        times = {column: 2 ** (column - 1) for column in (first, second)}
        last = body_of(command).statements[-1].span
        made = elaborator.shaped_by(other) or last
        text = f"applied {_times(times[first])} in column {first}, {_times(times[second])} in column {second}"
        return elaborator.context.fail(
            "E203",
            f"`fractal` joins columns of equal shape: {show_shape(one.shape)} and {show_shape(other.shape)}",
            command.name.span,
            labels=(Label(made, text),),
            help="the body must come to the same shape however often it is applied: stride 1, and filters as a number",
        )


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
