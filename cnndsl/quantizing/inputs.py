"""Some pictures of many, as what a network takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnndsl.photographs.preprocessing import Preprocessing
from cnndsl.train.data.images import Pictures
from cnndsl.train.pixels import Measured

if TYPE_CHECKING:
    from numpy.typing import NDArray


def inputs(pictures: Pictures, preprocessing: Preprocessing, most: int) -> tuple[list[NDArray[Any]], list[str]]:
    """So many, evenly from all of them, each as a batch of one; and why some cannot be read."""
    measured = Measured(pictures, preprocessing)
    items = [measured[index] for index in range(0, len(pictures.labels), -(-len(pictures.labels) // most))]
    there = [item.pixels[None].numpy() for item in items if item.pixels.numel()]
    return there, [line for item in items for line in item.unread]
