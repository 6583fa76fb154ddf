"""`residual`: a body, and a way around it that may have to change shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from cnndsl.elaborate import blocks, causes, layers
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.drafts import Bundle, Tensor
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.names import values_in
from cnndsl.elaborate.place import Flowing, Place, tensors_of
from cnndsl.elaborate.structures.base import Structure, body_of
from cnndsl.elaborate.tensors import count
from cnndsl.elaborate.values import POISON, Block, Failed, Layer
from cnndsl.ops import show_shape
from cnndsl.ops.arguments import Kind, argument, boolean
from cnndsl.ops.base import Shape
from cnndsl.ops.convolution import Conv
from cnndsl.ops.merge import Add
from cnndsl.ops.normalization import Bn
from cnndsl.ops.reshape import ZeroPadShortcut
from cnndsl.records import dataclass
from cnndsl.syntax import tree


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
    or a block. With `when=false` it is the body alone.
    """

    word: ClassVar[str] = "residual"

    shortcut: Any = argument(ShortcutKind(), None, keyword=True)
    when: bool = boolean(True)

    def build(
        self, elaborator: Elaborator, command: tree.Command, place: Place, x: Flowing, label: tree.Name | None
    ) -> Flowing:
        y = elaborator.body(body_of(command), place.inner(), x)
        if not self.when:
            return y
        if isinstance(x, Tensor) and isinstance(y, Tensor):
            return self._sum(elaborator, command, place, x, y)
        if isinstance(x, Bundle) and isinstance(y, Bundle) and len(x.items) == len(y.items):
            pairs = zip(x.items, y.items, strict=True)
            sums = [self._sum(elaborator, command, place, around, tensor) for around, tensor in pairs]
            tensors = tuple(tensor for tensor in sums if isinstance(tensor, Tensor))
            return POISON if len(tensors) < len(sums) else Bundle(tensors)
        if isinstance(x, (Tensor, Bundle)) and isinstance(y, (Tensor, Bundle)):
            raise self._uneven(elaborator, command, tensors_of(x), tensors_of(y))
        return POISON

    def _sum(self, elaborator: Elaborator, command: tree.Command, place: Place, x: Tensor, y: Tensor) -> Flowing:
        """The body's result with the way around added."""
        around: Flowing = x
        if x.shape != y.shape and self.shortcut is not None:
            around = self._shortcut(elaborator, command, place, x, y)
        if not isinstance(around, Tensor):
            return POISON
        if around.shape != y.shape:
            raise self._mismatch(elaborator, command, place, around, y)
        return elaborator.add(Add(), (y, around), y.shape, command.span, place.scope)

    def _uneven(
        self, elaborator: Elaborator, command: tree.Command, x: tuple[Tensor, ...], y: tuple[Tensor, ...]
    ) -> Failed:
        """E209 for a body that makes more tensors of its input, or fewer."""
        message = f"`residual` adds its input, {count(x)}, to what its body gives, {count(y)}"
        help = "a bundle is added item by item; `add` or `concat` at the end of the body makes one tensor of it"
        return elaborator.context.fail("E209", message, command.name.span, help=help)

    def _shortcut(self, elaborator: Elaborator, command: tree.Command, place: Place, x: Tensor, y: Tensor) -> Flowing:
        """The input as the shortcut makes it; unchanged if no shortcut of this kind can follow the body's shape."""
        inside = place.within(place.scope.open("shortcut", "shortcut", command.span))
        if isinstance(self.shortcut, Block):
            return blocks.run(elaborator, self.shortcut, self.shortcut.bound, command, inside.scope, x)
        if isinstance(self.shortcut, Layer):
            op = layers.make(elaborator, self.shortcut.op, self.shortcut.bound, command)
            return layers.apply(elaborator, op, (x,), command, inside)
        stride = strides(x.shape, y.shape)
        if stride is None or (self.shortcut == "zero_pad" and y.shape[0] < x.shape[0]):
            return x
        if self.shortcut == "zero_pad":
            return layers.apply(elaborator, ZeroPadShortcut(y.shape[0], stride), (x,), command, inside)
        conv = Conv(kernel=(1, 1), filters=y.shape[0], stride=stride, bias=False)
        projected = layers.apply(elaborator, conv, (x,), command, inside)
        return layers.apply(elaborator, Bn(), (projected,), command, inside)

    def _mismatch(self, elaborator: Elaborator, command: tree.Command, place: Place, x: Tensor, y: Tensor) -> Failed:
        """E203 between the way around and the body."""
        conflict = causes.conflict_of(elaborator, (y, x), causes.mergeable(Add()), (x.shape, y.shape))
        stride = strides(x.shape, y.shape)

        def candidates() -> Iterator[Candidate]:
            yield from causes.changes_behind(conflict)
            replaceable = self.shortcut in (None, "zero_pad") or isinstance(self.shortcut, Layer)
            if replaceable and stride is not None:
                yield causes.with_shortcut(command, x.shape, y.shape, stride)
            yield from causes.near_inputs(conflict, elaborator.settings.input)

        message = f"`add` needs equal shapes: {show_shape(x.shape)} and {show_shape(y.shape)}"
        values = [values_in(body_of(command), place.env)]
        help = self._help(stride)
        return causes.tell(
            elaborator, "E203", message, command.name.span, place.scope, conflict, candidates, values=values, help=help
        )

    def _help(self, stride: tuple[int, int] | None) -> str | None:
        if self.shortcut == "zero_pad" and stride is not None:
            return "`zero_pad` adds channels, and here some go"
        if self.shortcut == "projection" and stride is None:
            return "no stride of a 1x1 kernel makes this height and width"
        return None


def strides(before: Shape, after: Shape) -> tuple[int, int] | None:
    """The smallest strides with which a 1x1 kernel makes one image's height and width of another's, if any do."""
    if len(before) != 3 or len(after) != 3:
        return None
    down, across = _stride(before[1], after[1]), _stride(before[2], after[2])
    return (down, across) if down and across else None


def _stride(size: int, wanted: int) -> int | None:
    """The smallest stride s with (size - 1) // s + 1 == wanted."""
    if wanted == 1:
        return size
    stride = -(-size // wanted)  # a smaller one gives more
    return stride if 1 < wanted <= size and (size - 1) // stride + 1 == wanted else None
