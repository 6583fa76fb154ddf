"""Do two networks compute the same? The same random input through both, and the first layer that differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnndsl.alignment.graph_skeleton import foreign_skeleton
from cnndsl.alignment.skeleton import Skeleton
from cnndsl.foreign.sources import Foreign, from_module, tensors_in
from cnndsl.ops.base import Shape

if TYPE_CHECKING:
    from torch import Tensor, nn


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


def random_inputs(ours: Sequence[Shape], theirs: Sequence[Shape], batch: int = 2, *, bgr: bool = False) -> Inputs:
    """Normal in float64, always the same; with `bgr`, theirs sees the channels of images in reverse."""
    import torch

    generator = torch.Generator().manual_seed(0)
    grey = list(ours) != list(theirs)
    drawn = [(1, *shape[1:]) if grey else shape for shape in ours]
    images = [torch.randn(batch, *shape, generator=generator, dtype=torch.float64) for shape in drawn]
    mine, yours = ([x.expand(batch, *to) for x, to in zip(images, each, strict=True)] for each in (ours, theirs))
    return Inputs(mine, [each.flip(1) for each in yours] if bgr else yours, grey)


def compare_outputs(ours: nn.Module, theirs: Foreign, inputs: Inputs, order: Sequence[int]) -> float:
    """The largest relative error of an output; infinite where shapes differ.

    Our module, in float64, runs in the mode it is in. `order` gives the number of their output for each of ours.
    """
    import torch

    with torch.no_grad():
        mine = tensors_in(ours(*inputs.ours))
    yours = theirs.run(inputs.theirs)
    return max(relative_error(mine[i], yours[j]) for i, j in enumerate(order))


def first_difference(
    ours: nn.Module, theirs: Foreign, skeleton: Skeleton, pairs: Mapping[str, str], inputs: Inputs
) -> LayerDifference | None:
    """Compare what paired layers with tensors put out, in the order of our network, whose module is read for that."""
    own = from_module(ours, [tuple(each.shape[1:]) for each in inputs.ours], "our network", "")
    mine = _results(own, foreign_skeleton(own.network), inputs.ours)
    yours = _results(theirs, skeleton, inputs.theirs)
    compared = [(one, pairs[one]) for one in mine if pairs.get(one) in yours]
    before = None
    for one, other in compared:
        error = relative_error(mine[one], _like(yours[other], tuple(mine[one].shape[1:])))
        if not error <= theirs.precision.limit:
            return LayerDifference(one, other, error, before)
        before = one, other
    return None


def _results(foreign: Foreign, skeleton: Skeleton, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
    """What units with tensors put out, in the order of the network."""
    called = {foreign.network.results.get(unit.node, ""): unit.name for unit in skeleton.units if unit.slots}
    return {called[name]: tensor for name, tensor in foreign.results(inputs, called).items()}


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
