"""Layers that only passes make: layers fused with what stands around them, and a batch norm as an affine map.

All their facts follow from their parts, so that no printer, cost table or later pass needs a special case.
"""

from __future__ import annotations

from math import prod
from typing import ClassVar, TypeAlias

from cnndsl.ops.arguments import Kind, argument, boolean, integer, stride
from cnndsl.ops.base import Op, Shape, TorchExpression, TorchModule
from cnndsl.ops.convolution import Conv, ConvTranspose
from cnndsl.ops.fused_source import AFFINE, AFFINE_NORM, spell_fused, spell_pointwise
from cnndsl.ops.images import Pair, expect_image
from cnndsl.ops.linear import Linear
from cnndsl.ops.merge import Add, Mul
from cnndsl.ops.normalization import GroupNorm
from cnndsl.ops.pooling import Pool
from cnndsl.ops.window import Window, sliding
from cnndsl.records import dataclass, replace

Core: TypeAlias = Conv | ConvTranspose | Linear


@dataclass(frozen=True)
class Affine(Op):
    """A batch norm in inference: every channel times its `scale` plus its `shift`."""

    word: ClassVar[str] = "affine"

    def output(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def parameters(self, *inputs: Shape) -> dict[str, Shape]:
        return {"scale": inputs[0][:1], "shift": inputs[0][:1]}

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("Affine", inputs[0][:1], source=AFFINE)


@dataclass(frozen=True)
class AffineNorm(Affine):
    """An affine map that is spelled as a batch norm, for which engines have a faster kernel than for its two steps."""

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("AffineNorm", inputs[0][:1], source=AFFINE_NORM)


@dataclass(frozen=True)
class Subsample(Op):
    """Every `stride`-th pixel, from the first on: what a 1x1 with a stride reads."""

    word: ClassVar[str] = "subsample"

    stride: Pair = stride((1, 1))

    def output(self, *inputs: Shape) -> Shape:
        channels, height, width = expect_image(self.word, inputs[0])
        return (channels, -(-height // self.stride[0]), -(-width // self.stride[1]))

    def window(self, *inputs: Shape) -> Window:
        return sliding((1, 1), self.stride)

    def torch(self, *inputs: Shape) -> TorchExpression:
        rows, columns = self.stride
        return TorchExpression("{0}[:, :, ::{rows}, ::{columns}]", {"rows": rows, "columns": columns})


@dataclass(frozen=True)
class PlanarGroupNorm(GroupNorm):
    """A group norm of planes, whatever order its input lies in.

    `contiguous()` would leave a tensor of one channel as it is, whose strides PyTorch takes for those of pixels.
    """

    def torch(self, *inputs: Shape) -> TorchModule:
        return replace(super().torch(*inputs), inputs="{0}.clone(memory_format=torch.contiguous_format)")


@dataclass(frozen=True)
class Fused(Op):
    """One kernel's worth of layers: `prologue` on the first input, then `core`, then `epilogue` on its result.

    The prologue is an `affine` and pointwise layers, and perhaps a pool at its end; the epilogue is pointwise layers
    and at most one `add`, which takes the second input, and with `in_place` may write its result there, and perhaps a
    pool at its end. Parameters are
    the core's by its own names; those of an affine prologue are `scale` and `shift`. The first `centred` filters of a
    convolution are those of a 1x1: all their weights are zero but those at the centre.
    It prints in the order of execution: `fused conv 1x1, 256 + add + relu`.
    """

    word: ClassVar[str] = "fused"
    weighted: ClassVar[bool] = True

    core: Core = argument(Kind())
    prologue: tuple[Op, ...] = argument(Kind(), ())
    epilogue: tuple[Op, ...] = argument(Kind(), ())
    in_place: bool = boolean(False)
    centred: int = integer(0, minimum=0)

    @property
    def arity(self) -> int:  # type: ignore[override]
        return 2 if self.adds else 1

    @property
    def adds(self) -> bool:
        """Whether it adds a second input."""
        return any(isinstance(op, Add) for op in self.epilogue)

    @property
    def pooled(self) -> Pool | None:
        """The pool at the end of the epilogue."""
        last = self.epilogue[-1] if self.epilogue else None
        return last if isinstance(last, Pool) else None

    @property
    def tail(self) -> tuple[Op, ...]:
        """The epilogue without its pool."""
        return self.epilogue[:-1] if self.pooled else self.epilogue

    def output(self, *inputs: Shape) -> Shape:
        shape = self.core.output(self.read(inputs[0]))
        for op in self.epilogue:
            shape = op.output(shape, inputs[1]) if isinstance(op, Add) else op.output(shape)
        return shape

    def read(self, shape: Shape) -> Shape:
        """What the core reads of a first input of that shape: what the prologue makes of it."""
        for op in self.prologue:
            shape = op.output(shape)
        return shape

    def parameters(self, *inputs: Shape) -> dict[str, Shape]:
        found = dict(self.core.parameters(self.read(inputs[0])))
        for op in self.prologue:
            found |= op.parameters(inputs[0])
        return found

    def macs(self, *inputs: Shape) -> int:
        macs = self.core.macs(self.read(inputs[0]))
        if not isinstance(self.core, Conv) or not self.centred:
            return macs
        each, taps = macs // self.core.filters, prod(self.core.kernel)
        return macs - self.centred * (each - each // taps)

    def window(self, *inputs: Shape) -> Window:
        if self.pooled is not None and isinstance(self.core, Conv):  # of a convolution without dilation
            (rows, columns), (down, right), pool = self.core.kernel, self.core.stride, self.pooled
            reach = (rows + (pool.kernel[0] - 1) * down, columns + (pool.kernel[1] - 1) * right)
            moved = (down * pool.stride[0], right * pool.stride[1])
            return replace(self.core, kernel=reach, stride=moved).window(self.read(inputs[0]))
        pools = (op.window(*inputs) for op in self.prologue if isinstance(op, Pool))
        return next(pools, self.core.window(self.read(inputs[0])))

    def torch(self, *inputs: Shape) -> TorchModule:
        core = self.core.torch(self.read(inputs[0]))
        return spell_fused(core, self.prologue, self.epilogue, self.in_place, inputs)

    def __str__(self) -> str:
        parts = [str(op) for op in (*self.prologue, self.core, *self.epilogue)]
        beside = f", {self.centred} of them 1x1" if self.centred else ""
        return f"fused {' + '.join(parts)}{beside}{', in place' if self.in_place else ''}"


def core_of(op: Op) -> Op:
    """A layer without what was fused to it."""
    return op.core if isinstance(op, Fused) else op


@dataclass(frozen=True)
class FusedPointwise(Op):
    """One pass over memory: layers that treat every element alike, in turn, on the first input.

    An `add` or `mul` among the `steps` takes the next input. Parameters are those of an `affine` step, of which there
    is one at most.
    """

    word: ClassVar[str] = "fused"

    steps: tuple[Op, ...] = argument(Kind())

    @property
    def arity(self) -> int:  # type: ignore[override]
        return 1 + sum(isinstance(op, Add | Mul) for op in self.steps)

    def output(self, *inputs: Shape) -> Shape:
        shape, *others = inputs
        for op in self.steps:
            shape = op.output(shape, others.pop(0)) if isinstance(op, Add | Mul) else op.output(shape)
        return shape

    def parameters(self, *inputs: Shape) -> dict[str, Shape]:
        return {name: shape for op in self.steps for name, shape in op.parameters(inputs[0]).items()}

    def torch(self, *inputs: Shape) -> TorchModule:
        return spell_pointwise(self.steps, inputs)

    def __str__(self) -> str:
        return f"fused {' + '.join(map(str, self.steps))}"
