"""Do two modules compute the same? The same random input through both in float64, and the first layer that differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnndsl.ops.base import Shape
from cnndsl.weights.program import shape_of
from cnndsl.weights.trace import BATCH, Traced, trace, values

if TYPE_CHECKING:
    from torch import Tensor, nn

# Sums in another order differ by about 1e-15; the smallest real difference, an eps, by far more than this.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class LayerDifference:
    """The first layer whose results differ, by its names on both sides, and the last before it that agrees."""

    ours: str
    theirs: str
    error: float
    before: tuple[str, str] | None


def random_inputs(shapes: Sequence[Shape], seed: int = 0) -> list[Tensor]:
    """Normal in float64, the same for the same seed."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(BATCH, *shape, generator=generator, dtype=torch.float64) for shape in shapes]


def compare_outputs(
    ours: nn.Module, theirs: nn.Module, inputs: Sequence[Tensor], order: Sequence[int], *, bgr: bool = False
) -> float:
    """The largest relative error of an output; infinite where shapes differ.

    Both modules become float64 and run in the mode they are in. `order` gives the number of their output for each of
    ours. With `bgr`, theirs sees the channels of images in reverse.
    """
    import torch

    with torch.no_grad():
        mine = _tensors(ours.double()(*inputs))
        yours = _tensors(theirs.double()(*as_theirs(inputs, bgr)))
    return max(relative_error(mine[i], yours[j]) for i, j in enumerate(order))


def as_theirs(inputs: Iterable[Tensor], bgr: bool) -> list[Tensor]:
    return [each.flip(1) if bgr else each for each in inputs]


def first_difference(
    ours: nn.Module, theirs: nn.Module, traced: Traced, pairs: Mapping[str, str], inputs: Sequence[Tensor], *, bgr: bool
) -> LayerDifference | None:
    """Compare what paired layers with tensors put out, in the order of our network, which is traced for that."""
    shapes = [tuple(each.shape[1:]) for each in inputs]
    our_trace = trace(ours.float(), shapes, "our network")
    mine = values(our_trace, ours.double(), inputs)
    yours = values(traced, theirs.double(), as_theirs(inputs, bgr))
    compared = [(one, pairs[one]) for one in mine if pairs.get(one) in yours]
    before = None
    for one, other in compared:
        error = relative_error(mine[one], _like(yours[other], shape_of(our_trace.nodes[one])))
        if not error <= TOLERANCE:
            return LayerDifference(one, other, error, before)
        before = one, other
    return None


def _tensors(result: object) -> list[Tensor]:
    """The tensors of a result, in order."""
    from torch import Tensor
    from torch.utils._pytree import tree_leaves

    return [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]


def relative_error(ours: Tensor, theirs: Tensor) -> float:
    """|ours - theirs| / |theirs|; NaN counts as infinite, and so do shapes that differ."""
    if ours.numel() != theirs.numel():
        return float("inf")
    theirs = theirs.reshape(ours.shape)
    difference, scale = float((ours - theirs).norm()), float(theirs.norm())
    error = difference / scale if scale else difference
    return error if error == error else float("inf")


def _like(theirs: Tensor, shape: Shape) -> Tensor:
    """A result with its channels where ours has them: a linear layer of each pixel has them last."""
    channels_last = len(shape) == 3 and theirs.dim() == 4 and tuple(theirs.shape[1:]) == (*shape[1:], shape[0])
    return theirs.permute(0, 3, 1, 2) if channels_last and tuple(theirs.shape[1:]) != shape else theirs
