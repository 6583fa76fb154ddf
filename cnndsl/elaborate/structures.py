"""Structures: what shapes the flow rather than computing (`repeat`, `stage`, `residual`, `dense`, `fractal`, `head`).

Like a layer, a structure is a dataclass whose fields are its arguments; unlike one, it takes a body in braces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from cnndsl.diagnostics import Label
from cnndsl.elaborate.context import ordinal
from cnndsl.elaborate.drafts import Tensor
from cnndsl.elaborate.values import POISON, Block, Layer
from cnndsl.ops import show_shape
from cnndsl.ops.arguments import Kind, Parameter, argument, boolean, integer, probability, signature
from cnndsl.ops.base import LayerError
from cnndsl.ops.convolution import Conv
from cnndsl.ops.fractal import FractalJoin
from cnndsl.ops.merge import Add, Concat, Mean
from cnndsl.ops.normalization import Bn
from cnndsl.ops.reshape import ZeroPadShortcut
from cnndsl.syntax import tree

if TYPE_CHECKING:
    from cnndsl.elaborate.elaborator import Elaborator, Flowing, Place


class Structure:
    """Base of all structures.

    word         what the language calls it
    takes_label  a label on it names the scope it opens anyway, so no further scope is needed
    """

    word: ClassVar[str]
    takes_label: ClassVar[bool] = False

    @classmethod
    def signature(cls) -> tuple[Parameter, ...]:
        return signature(cls)

    def build(
        self, elaborator: Elaborator, command: tree.Command, place: Place, x: Flowing, label: tree.Name | None
    ) -> Flowing:
        raise TypeError(f"{type(self).__name__} does not say what it builds")


def _body(command: tree.Command) -> tree.Body:
    assert command.body is not None  # the elaborator has seen to it
    return command.body


@dataclass(frozen=True)
class Repeat(Structure):
    """`repeat n { body }`: the body, n times, each on the result of the one before."""

    word: ClassVar[str] = "repeat"

    count: int = integer(minimum=0)

    def rounds(self, elaborator: Elaborator, command: tree.Command) -> Iterator[int]:
        """1, 2, ..., count; more rounds than the whole network may have nodes fail before the first."""
        if self.count > elaborator.context.max_nodes:
            elaborator.context.step(command.span, self.count)
        return iter(range(1, self.count + 1))

    def build(
        self, elaborator: Elaborator, command: tree.Command, place: Place, x: Flowing, label: tree.Name | None
    ) -> Flowing:
        for number in self.rounds(elaborator, command):
            with elaborator.context.inside(f"{ordinal(number)} of {self.count} rounds"):
                x = elaborator.body(_body(command), place.inner(), x)
        return x


@dataclass(frozen=True)
class Stage(Structure):
    """`stage { body }`: a named part of the network."""

    word: ClassVar[str] = "stage"
    takes_label: ClassVar[bool] = True

    def build(
        self, elaborator: Elaborator, command: tree.Command, place: Place, x: Flowing, label: tree.Name | None
    ) -> Flowing:
        number = 1 + sum(getattr(child, "kind", "") == "stage" for child in place.scope.children)
        name = label.id if label else self.word
        scope = place.scope.open("stage", name, command.span, labelled=label is not None)
        with elaborator.context.inside(f"stage {label.id if label else number}"):
            return elaborator.body(_body(command), place.inner().within(scope), x)


class Word(Kind):
    """A bare name, such as a head's."""

    expects = "a name"
    choices = ("",)  # any bare word is taken as it stands

    def accept(self, value: object) -> object:
        if not isinstance(value, str) or not value.isidentifier():
            raise self._refuse(value)
        return value


@dataclass(frozen=True)
class Head(Structure):
    """`head name, train_only=true { body }`: a further result of the network; the main flow goes on as before.

    A `train_only` head, such as GoogLeNet's auxiliary classifiers, is computed in training mode alone, and its
    parameters and MACs are counted apart.
    """

    word: ClassVar[str] = "head"

    label: str = argument(Word())
    train_only: bool = boolean(False)

    def build(
        self, elaborator: Elaborator, command: tree.Command, place: Place, x: Flowing, label: tree.Name | None
    ) -> Flowing:
        if place.in_block:
            raise elaborator.context.fail("E316", "`head` stands in networks, not in blocks", command.span)
        if any(name == self.label for name, _, _ in elaborator.heads) or self.label == "output":
            raise elaborator.context.fail("E309", f"there is a result called `{self.label}` already", command.span)
        scope = place.scope.open("head", self.label, command.span, labelled=True)
        with elaborator.context.inside(f"head {self.label}"):
            result = elaborator.body(_body(command), place.inner().within(scope), x)
        if isinstance(result, Tensor):
            elaborator.heads.append((self.label, result, self.train_only))
        return x


class ShortcutKind(Kind):
    """`projection`, `zero_pad`, or a block."""

    expects = "`projection`, `zero_pad`, or a block in braces"
    choices = ("projection", "zero_pad")

    def accept(self, value: object) -> object:
        if isinstance(value, (Block, Layer)):
            return value
        if not isinstance(value, str):
            raise self._refuse(value)
        if value not in self.choices:
            raise self._out_of_range(value)
        return value


@dataclass(frozen=True)
class Residual(Structure):
    """`residual { body }`: adds the input to the body's result (He et al. 2015).

    When the two differ in shape, `shortcut` says how the input follows: `projection` (a 1x1 conv and bn, option
    B of section 3.3, stride and filters derived), `zero_pad` (subsampled and padded with zero channels, option A),
    or a block.
    """

    word: ClassVar[str] = "residual"

    shortcut: Any = argument(ShortcutKind(), None, keyword=True)

    def build(
        self, elaborator: Elaborator, command: tree.Command, place: Place, x: Flowing, label: tree.Name | None
    ) -> Flowing:
        y = elaborator.body(_body(command), place.inner(), x)
        if not isinstance(x, Tensor) or not isinstance(y, Tensor):
            return POISON
        if x.shape != y.shape and self.shortcut is not None:
            x = self._shortcut(elaborator, command, place, x, y)
            if not isinstance(x, Tensor):
                return POISON
        if x.shape != y.shape:
            raise self._mismatch(elaborator, command, place, x, y)
        return elaborator.add(Add(), (y, x), y.shape, command.span, place.scope)

    def _shortcut(self, elaborator: Elaborator, command: tree.Command, place: Place, x: Tensor, y: Tensor) -> Flowing:
        scope = place.scope.open("shortcut", "shortcut", command.span)
        inside = place.within(scope)
        if isinstance(self.shortcut, Block):
            return elaborator.run_block(self.shortcut, self.shortcut.bound, command, scope, x)
        if isinstance(self.shortcut, Layer):
            op = elaborator.make(self.shortcut.op, self.shortcut.bound, command)
            return elaborator.apply(op, (x,), command, inside)
        if len(x.shape) != 3 or len(y.shape) != 3:
            return x
        stride = (_stride(x.shape[1], y.shape[1]), _stride(x.shape[2], y.shape[2]))
        if self.shortcut == "zero_pad":
            if y.shape[0] < x.shape[0]:
                return x
            return elaborator.apply(ZeroPadShortcut(y.shape[0], stride), (x,), command, inside)
        conv = Conv(kernel=(1, 1), filters=y.shape[0], stride=stride, bias=False)
        return elaborator.apply(Bn(), (elaborator.apply(conv, (x,), command, inside),), command, inside)

    def _mismatch(self, elaborator: Elaborator, command: tree.Command, place: Place, x: Tensor, y: Tensor) -> Exception:
        shortcut, made = show_shape(x.shape), show_shape(y.shape)
        last = _body(command).statements[-1]
        values = elaborator.values_in(last, place)
        label = Label(last.span, f"this branch became {made} here" + (f" ({values})" if values else ""))
        try:
            Add().output(x.shape, y.shape)
        except LayerError as error:
            message = str(error)
        help = f"`residual shortcut=projection` inserts a 1x1 conv with {y.shape[0]} filters"
        if self.shortcut is not None:
            help = "no stride of the shortcut gives this height and width"
        return elaborator.context.fail(
            "E203", message, command.name.span, label=f"the shortcut is {shortcut}", labels=(label,), help=help
        )


def _stride(size: int, wanted: int) -> int:
    """The smallest stride with which a 1x1 kernel makes `wanted` of `size`; 1 if there is none."""
    return next((s for s in range(1, size + 1) if (size - 1) // s + 1 == wanted), 1)


@dataclass(frozen=True)
class Dense(Structure):
    """`dense n { body }`: n times, the body's result joins its input by channels (Huang et al. 2017)."""

    word: ClassVar[str] = "dense"

    count: int = integer(minimum=0)

    def build(
        self, elaborator: Elaborator, command: tree.Command, place: Place, x: Flowing, label: tree.Name | None
    ) -> Flowing:
        if self.count > elaborator.context.max_nodes:
            elaborator.context.step(command.span, self.count)
        for number in range(1, self.count + 1):
            scope = place.scope.open("layer", "layer", command.span)
            with elaborator.context.inside(f"dense layer {number} of {self.count}"):
                y = elaborator.body(_body(command), place.inner().within(scope), x)
                if not isinstance(x, Tensor) or not isinstance(y, Tensor):
                    return POISON
                x = elaborator.apply(Concat(), (x, y), command, place.within(scope))
        return x


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
        if self.only > self.columns:
            message = f"there is no column {self.only} of {self.columns}"
            raise elaborator.context.fail("E308", message, command.span)
        outer = place.scope.open("fractal", self.word, command.span)
        columns = [self.only] if self.only else range(1, self.columns + 1)
        joined: dict[int, Flowing] = {0: x}
        for row in range(1, 2 ** (self.columns - 1) + 1):
            scope = outer.open("row", f"row{row}", command.span, labelled=True)
            ends: dict[int, Flowing] = {}
            for column in columns:
                height = 2 ** (self.columns - column)  # rows that one body of this column spans
                if row % height == 0:
                    inside = place.inner().within(scope.open("column", f"column{column}", command.span, labelled=True))
                    with elaborator.context.inside(f"column {column}, row {row}"):
                        ends[column] = elaborator.body(_body(command), inside, joined[row - height])
            if ends:
                joined[row] = self._join(elaborator, command, place.within(scope), ends)
        return joined[2 ** (self.columns - 1)]

    def _join(self, elaborator: Elaborator, command: tree.Command, place: Place, ends: dict[int, Flowing]) -> Flowing:
        tensors = tuple(ends.values())
        if any(not isinstance(tensor, Tensor) for tensor in tensors):
            return POISON
        if len(tensors) == 1:
            return tensors[0]
        if self.drop_path == 0:
            return elaborator.apply(Mean(), tensors, command, place)
        assert elaborator.draw is not None  # there is a tensor, so there was an `input`
        join = FractalJoin(tuple(ends), self.columns, self.drop_path)
        return elaborator.apply(join, (*tensors, elaborator.draw), command, place)


STRUCTURES: dict[str, type[Structure]] = {
    structure.word: structure for structure in (Repeat, Stage, Head, Residual, Dense, Fractal)
}
