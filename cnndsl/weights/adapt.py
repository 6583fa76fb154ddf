"""Tensors from one layout to another: what has to be done to each of theirs to become one of ours, and doing it.

Only what keeps the function of a layer is done. A bias that ours lacks before a batch norm, say, is not folded into it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Literal, TypeAlias

from cnndsl.alignment.skeleton import Slot
from cnndsl.ops.base import Shape

if TYPE_CHECKING:
    from torch import Tensor

# How a file keeps its weights: (out, in, height, width) and (out, in), or (height, width, in, out) and (in, out).
Layout: TypeAlias = Literal["OIHW", "HWIO"]


@dataclass(frozen=True)
class Move:
    """One of our tensors, theirs that it is made of, and the steps to get there.

    `image` is what a layer reads as one vector, (channels, height, width), where a step has to know it.
    """

    ours: Slot
    theirs: Slot
    steps: tuple[str, ...] = ()
    image: Shape = ()

    def apply(self, tensor: Tensor) -> Tensor:
        """Our tensor, contiguous, in the type of theirs."""
        for step in self.steps:
            tensor = STEPS[step](tensor, self)
        return tensor.reshape(self.ours.shape).contiguous()


def _channels_first(weight: Tensor, move: Move) -> Tensor:
    """The inputs of a linear layer in the order in which we flatten an image."""
    channels, height, width = move.image
    return weight.reshape(-1, height, width, channels).permute(0, 3, 1, 2).flatten(1)


def _repeated(weight: Tensor, move: Move) -> Tensor:
    """Filters that answer to a grey image in colours as they did to it in grey."""
    times = move.ours.shape[1] // weight.shape[1]
    return weight.double().repeat(1, times, 1, 1) / times


# What timm's `adapt_input_conv` does: of a grey image both compute the same.
SUMMED, REPEATED = "RGB to grey by a sum", "grey to RGB by repetition / 3"
STEPS: dict[str, Callable[[Tensor, Move], Tensor]] = {
    SUMMED: lambda weight, move: weight.double().sum(1, keepdim=True),
    REPEATED: _repeated,
    "linear as a convolution": lambda weight, move: weight,
    "convolution as a linear": lambda weight, move: weight,
    "reshaped": lambda weight, move: weight,
    "HWIO to OIHW": lambda weight, move: weight.permute(3, 2, 0, 1),
    "HWC x multiplier to OIHW": lambda weight, move: weight.permute(2, 3, 0, 1),
    "transposed": lambda weight, move: weight.t(),
    "inputs from HWC to CHW": _channels_first,
    "BGR to RGB": lambda weight, move: weight.flip(1),
}


def steps_between(theirs: Shape, ours: Shape, layout: Layout = "OIHW") -> tuple[str, ...] | None:
    """The steps from a tensor of theirs to one of ours by their shapes, None if it does not fit."""
    if layout == "OIHW" or len(theirs) not in (2, 4):
        return _reshaping(theirs, ours)
    if len(theirs) == 2:
        rest = _reshaping((theirs[1], theirs[0]), ours)
        return None if rest is None else ("transposed", *rest)
    height, width, channels, filters = theirs
    if ours == (channels * filters, 1, height, width) and channels > 1:
        return ("HWC x multiplier to OIHW",)
    rest = _reshaping((filters, channels, height, width), ours)
    return None if rest is None else ("HWIO to OIHW", *rest)


def stem_steps(theirs: Shape, ours: Shape, layout: Layout = "OIHW") -> tuple[str, ...] | None:
    """The steps for the weight of a convolution that reads an image, which may be in colours for one of the two."""
    found = steps_between(theirs, ours, layout)
    if found is not None or (len(theirs), len(ours)) != (4, 4):
        return found
    channels = theirs[1] if layout == "OIHW" else theirs[2]
    step = {(3, 1): SUMMED, (1, 3): REPEATED}.get((channels, ours[1]))
    rest = steps_between(theirs, (ours[0], channels, *ours[2:]), layout)
    return None if rest is None or step is None else (*rest, step)


def _reshaping(theirs: Shape, ours: Shape) -> tuple[str, ...] | None:
    if theirs == ours:
        return ()
    if prod(theirs) != prod(ours) or (len(theirs) > 1 and len(ours) > 1 and theirs[0] != ours[0]):
        return None
    if (len(theirs), len(ours)) == (2, 4):
        return ("linear as a convolution",)
    if (len(theirs), len(ours)) == (4, 2):
        return ("convolution as a linear",)
    return ("reshaped",) if _squeezed(theirs) == _squeezed(ours) else None


def _squeezed(shape: Shape) -> Shape:
    return tuple(n for n in shape if n > 1)


def with_rgb(move: Move) -> Move:
    """The move of the weight of a convolution that reads an image, from one whose channels are blue, green, red."""
    return replace(move, steps=(*move.steps, "BGR to RGB"))


def moved(moves: tuple[Move, ...], theirs: Mapping[str, Tensor], ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our state dict with what the moves bring, in our types; the rest stays as it is in `ours`."""
    state = dict(ours)
    for move in moves:
        state[move.ours.name] = move.apply(theirs[move.theirs.name]).to(ours[move.ours.name].dtype)
    return state
