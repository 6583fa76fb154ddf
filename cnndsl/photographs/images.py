"""Photographs as they come: files of any mode become RGB of 8 bits, and the square in their middle an image.

Sizes and corners are rounded as torchvision's `Resize` and `CenterCrop` do, so that both see the same pixels.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from cnndsl.errors import WeightsError, reason

if TYPE_CHECKING:
    from PIL.Image import Image

Box: TypeAlias = tuple[float, float, float, float]

# Formats in which Pillow's 32 bits are 16 of a file: 65535 is white. Elsewhere nobody knows what is.
SIXTEEN_BITS = frozenset({"PNG", "PPM"})
# Pixels of a whole resized photograph; larger ones (a side 1,000 times the other) are cut before they are resized.
LARGEST = 2**26


@contextmanager
def opened(path: Path) -> Iterator[Image]:
    """A file whose pixels are read later. Raises anything if it is no photograph."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metadata that is spoilt, and of sizes that are still read
        with Image.open(path) as photograph:
            if 0 in photograph.size:
                raise ValueError("it has no pixels")
            yield photograph


def read_photograph(path: Path) -> Image:
    """A file as an RGB image, turned as its camera was. Raises `WeightsError` if it is no photograph."""
    from PIL import ImageOps

    try:
        with opened(path) as photograph:
            return _in_eight_bits(ImageOps.exif_transpose(photograph), photograph.format or "").convert("RGB")
    except Exception as error:  # a broken file raises anything
        raise WeightsError(f"cannot read {path} as a photograph: {reason(error)}") from error


def _in_eight_bits(image: Image, kind: str) -> Image:
    """Pillow itself would clip larger values to white."""
    import numpy as np
    from PIL import Image

    if image.mode.startswith("I;16") or (image.mode == "I" and kind in SIXTEEN_BITS):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))  # as Pillow reads colours of 16 bits
    if image.mode in ("I", "F"):
        numbers = "32-bit whole numbers" if image.mode == "I" else "floating-point numbers"
        raise ValueError(f"its pixels are {numbers}, which do not say what is white; save it with 8 or 16 bits")
    return image


def centre(image: Image, resize: int, crop: int, interpolation: str) -> Image:
    """The square of `crop` pixels in the middle of an image whose shorter side is brought to `resize`."""
    from PIL import Image

    width, height = (_resized(side, min(image.size), resize) for side in image.size)
    left, top = round((width - crop) / 2), round((height - crop) / 2)
    square, method = (left, top, left + crop, top + crop), Image.Resampling[interpolation.upper()]
    if width * height <= LARGEST:
        return image.resize((width, height), method).crop(square)
    return _cut_first(image, square, (image.width / width, image.height / height), method)


def _resized(side: int, shorter: int, resize: int) -> int:
    return int(resize * side / shorter)


def _cut_first(image: Image, square: Box, scale: tuple[float, float], method: Any) -> Image:
    """The same square from the part of the image that it depends on, but for rounding."""
    left, top, right, bottom = (edge * scale[number % 2] for number, edge in enumerate(square))
    x, y = (max(0, math.floor(edge - _reach(step))) for edge, step in zip((left, top), scale, strict=True))
    ends = zip((right, bottom), scale, image.size, strict=True)
    x_end, y_end = (min(size, math.ceil(edge + _reach(step))) for edge, step, size in ends)
    part = image.crop((x, y, x_end, y_end))
    size = (round(square[2] - square[0]), round(square[3] - square[1]))
    return part.resize(size, method, box=(left - x, top - y, right - x, bottom - y))


def _reach(scale: float) -> float:
    """How far a filter looks, in pixels of the source: two of the result, or two of its own when it enlarges."""
    return 2 * max(scale, 1.0) + 1
