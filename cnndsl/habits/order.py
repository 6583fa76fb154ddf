"""What numbers give away: an input with its channels last, as in TensorFlow, or filters where the kernel belongs."""

from __future__ import annotations

LARGEST_KERNEL = 15  # written as a plain integer; one that is larger is a number of filters
_COLORS = (1, 3, 4)  # channels that an image has
_LEAST = 16  # rows and columns of an image


def channels_first(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The same with the channels first, if they are plainly last."""
    return (shape[2], shape[0], shape[1]) if channels_last(shape) else shape


def channels_last(shape: tuple[int, ...]) -> bool:
    """Whether the numbers give it away: `224 x 224 x 3`, `28 x 28 x 1`."""
    if len(shape) != 3 or shape[2] not in _COLORS or min(shape[:2]) < _LEAST:
        return False
    return shape[2] == 3 or shape[0] == shape[1]
