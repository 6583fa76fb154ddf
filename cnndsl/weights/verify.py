"""Do two modules compute the same? The same random input through both in float64, and the first layer that differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnndsl.alignment.exported_program import shape_of
from cnndsl.alignment.trace import BATCH, Traced, trace, values
from cnndsl.ops.base import Shape

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


@dataclass(frozen=True)
class Inputs:
    """The same images for both networks; `grey` if one of them sees no colours."""

    ours: list[Tensor]
    theirs: list[Tensor]
    grey: bool


def random_inputs(ours: Sequence[Shape], theirs: Sequence[Shape], *, bgr: bool = False) -> Inputs:
    """Normal in float64, always the same; with `bgr`, theirs sees the channels of images in reverse."""
    import torch

    generator = torch.Generator().manual_seed(0)
    grey = list(ours) != list(theirs)
    drawn = [(1, *shape[1:]) if grey else shape for shape in ours]
    images = [torch.randn(BATCH, *shape, generator=generator, dtype=torch.float64) for shape in drawn]
    mine, yours = ([x.expand(BATCH, *to) for x, to in zip(images, each, strict=True)] for each in (ours, theirs))
    return Inputs(mine, [each.flip(1) for each in yours] if bgr else yours, grey)


def compare_outputs(ours: nn.Module, theirs: nn.Module, inputs: Inputs, order: Sequence[int]) -> float:
    """The largest relative error of an output; infinite where shapes differ.

    Both modules become float64 and run in the mode they are in. `order` gives the number of their output for each of
    ours.
    """
    import torch

    with torch.no_grad():
        mine = _tensors(ours.double()(*inputs.ours))
        yours = _tensors(theirs.double()(*inputs.theirs))
    return max(relative_error(mine[i], yours[j]) for i, j in enumerate(order))


def first_difference(
    ours: nn.Module, theirs: nn.Module, traced: Traced, pairs: Mapping[str, str], inputs: Inputs
) -> LayerDifference | None:
    """Compare what paired layers with tensors put out, in the order of our network, which is traced for that."""
    shapes = [tuple(each.shape[1:]) for each in inputs.ours]
    our_trace = trace(ours.float(), shapes, "our network")
    mine = values(our_trace, ours.double(), inputs.ours)
    yours = values(traced, theirs.double(), inputs.theirs)
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
