"""Axes of images that PyTorch programs turn around: which axis of a tensor is which, until it is made a vector.

People turn images for a layer norm or a linear layer and back again, which changes nothing. But a vector that is made
of a turned image has its values in another order, and with it the weights of the linear layer behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnndsl.alignment import units
from cnndsl.alignment.exported_program import Reading, Turned, word
from cnndsl.alignment.spatial_operators import SPATIAL
from cnndsl.alignment.units import Description

if TYPE_CHECKING:
    from torch import fx

TURNS = frozenset({"permute", "transpose", "movedim"})
AXES = "nchw"
UNTURNED = (0, 1, 2, 3)
# What takes the second axis for channels, whatever it was: its result is an image as it should be.
ON_IMAGES = frozenset({"conv2d", "conv_transpose2d", "batch_norm", "group_norm", "instance_norm", *SPATIAL})


def moved(reading: Reading, node: fx.Node) -> Description:
    """What an operator that moves values does to them: nothing, unless it makes a vector of a turned image."""
    image = _image(reading, node)
    if image is None:
        return units.IDENTITY
    if word(node) in TURNS and len(node.meta["val"].shape) == len(UNTURNED):
        image = Turned(tuple(image.axes[axis] for axis in _permutation(node)), tuple(node.meta["val"].shape))
    if image.axes != UNTURNED:
        reading.turned[node] = image
    if node.meta["val"].dim() != 2 or image.axes[0] != 0:
        return units.IDENTITY
    sizes = dict(zip(image.axes, image.shape, strict=True))
    return units.flattened("".join(AXES[axis] for axis in image.axes[1:]), (sizes[1], sizes[2], sizes[3]))


def _image(reading: Reading, node: fx.Node) -> Turned | None:
    """The image that an operator moves: as it lies now, or as it was before it got fewer axes."""
    source: Any = node.args[0]
    shape = tuple(source.meta["val"].shape)
    image = reading.turned.get(source)
    if len(shape) == len(UNTURNED):
        return image if image is not None and image.shape == shape else Turned(UNTURNED, shape)
    return image


def passed_on(reading: Reading, node: fx.Node) -> None:
    """A layer on a turned image gives a turned image."""
    turned = [reading.turned[source] for source in node.all_input_nodes if source in reading.turned]
    if turned and word(node) not in ON_IMAGES:
        reading.turned[node] = turned[0]


def _permutation(node: fx.Node) -> tuple[int, ...]:
    """Where each axis of the result was: seen at a tensor whose axes differ in size."""
    import torch

    sizes = (2, 3, 5, 7)
    result = node.target(torch.empty(sizes, device="meta"), *node.args[1:], **node.kwargs)  # type: ignore[operator]
    return tuple(sizes.index(size) for size in result.shape)
