"""What a set of labelled pictures is: their number, names and labels, and each as an image when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cnndsl.photographs.images import read_photograph

if TYPE_CHECKING:
    from PIL.Image import Image


class Pictures(Protocol):
    """Labelled pictures; `image` raises `WeightsError` for a file that is no photograph."""

    @property
    def labels(self) -> Sequence[int]: ...

    def name(self, index: int) -> str: ...

    def image(self, index: int) -> Image: ...


@dataclass(frozen=True)
class Stored:
    """Pictures in memory: `pixels` are N x height x width, or with three colours behind that, in 8 bits."""

    called: str
    pixels: Any
    labels: Sequence[int]

    def name(self, index: int) -> str:
        return f"{self.called}[{index}]"

    def image(self, index: int) -> Image:
        from PIL import Image

        return Image.fromarray(self.pixels[index]).convert("RGB")


@dataclass(frozen=True)
class Files:
    """Pictures in files, which are read when they are needed."""

    paths: Sequence[Path]
    labels: Sequence[int]

    def name(self, index: int) -> str:
        return str(self.paths[index])

    def image(self, index: int) -> Image:
        return read_photograph(self.paths[index])


@dataclass(frozen=True)
class Data:
    """What is learned from, what is held out to measure on, the names of the classes, and what is odd about them."""

    train: Pictures
    held_out: Pictures
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()
