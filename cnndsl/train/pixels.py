"""From pictures to batches: what training changes at random, and the same numbers whenever the same step comes again.

An item's randomness follows from the seed, the epoch and its index alone, whichever process or worker makes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from cnndsl.errors import DataError, WeightsError
from cnndsl.ops.base import Shape
from cnndsl.photographs.preprocessing import Preprocessing
from cnndsl.train.data.images import Pictures
from cnndsl.train.data.vision import vision

if TYPE_CHECKING:
    from PIL.Image import Image

SMALL = 64  # pixels; smaller inputs are whole pictures, larger ones the middle of pictures in the way of ImageNet
MARGIN = 256 / 224
SCALES = (256 / 224, 480 / 224)  # of the shorter side, in crops: He et al. 2015, section 3.4
PADDING = 4 / 32  # on each side: section 4.2
SAMPLED = 2_000  # pictures that say the mean and deviation

Change = Callable[["Image"], "Image"]
Key = tuple[int, int]  # epoch and index


def require_square(shape: Shape) -> None:
    """Raises `DataError` for an input that no picture becomes."""
    if len(shape) != 3 or shape[0] not in (1, 3) or shape[1] != shape[2]:
        raise DataError(f"pictures become squares of 1 or 3 channels, and this input is {' x '.join(map(str, shape))}")


def preparation(pictures: Pictures, shape: Shape) -> Preprocessing:
    """For an input of that shape, with the mean and deviation of these pictures. Raises `DataError`."""
    side, colours = shape[1], "grey" if shape[0] == 1 else "RGB"
    none, one = (0.0,) * shape[0], (1.0,) * shape[0]
    resize = side if side <= SMALL else round(side * MARGIN)
    plain = Preprocessing(resize, side, "bilinear", colours, 1 / 255, none, one)
    step = -(-len(pictures.labels) // SAMPLED)
    count, total, squares = 0, torch.zeros(shape[0], dtype=torch.float64), torch.zeros(shape[0], dtype=torch.float64)
    for index in range(0, len(pictures.labels), step):
        try:
            values = plain.whole(pictures.image(index)).double()
        except WeightsError:
            continue
        count += side * side
        total, squares = total + values.sum((1, 2)), squares + values.square().sum((1, 2))
    if not count:
        raise DataError("no picture can be read")
    mean = total / count
    deviation = (squares / count - mean.square()).clamp_min(1e-12).sqrt()
    means = tuple(round(each, 4) for each in mean.tolist())
    deviations = tuple(max(1e-3, round(each, 4)) for each in deviation.tolist())
    return Preprocessing(resize, side, "bilinear", colours, 1 / 255, means, deviations)


def change(augment: str, preprocessing: Preprocessing) -> Any:
    """What training sees of a picture, from image to image: a square of the input's size."""
    side = preprocessing.crop
    if augment == "none":
        return preprocessing.square
    v2 = vision("transforms.v2")
    flip = v2.RandomHorizontalFlip()
    if augment == "shift_flip":
        return v2.Compose([preprocessing.square, v2.RandomCrop(side, padding=max(1, round(PADDING * side))), flip])
    if augment == "scale_crop":
        least, most = (round(side * each) for each in SCALES)
        return v2.Compose([v2.RandomShortestSize(list(range(least, most + 1))), v2.RandomCrop(side), flip])
    return v2.Compose([v2.RandomResizedCrop(side), flip])


class Item(NamedTuple):
    """One picture, or many of them stacked; `unread` are files that another picture stands for, and why."""

    pixels: Tensor
    labels: Tensor
    indices: Tensor
    unread: tuple[str, ...]


@dataclass(frozen=True)
class Learned(Dataset[Item]):
    """Changed at random. What cannot be read is told, and the next picture stands for it: an epoch goes on."""

    pictures: Pictures
    preprocessing: Preprocessing
    change: Change
    seed: int

    def __getitem__(self, key: Key) -> Item:
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: Sequence[Key]) -> list[Item]:
        """A whole batch, as PyTorch asks for it; what is random elsewhere does not notice."""
        with torch.random.fork_rng(devices=[]):
            return [self._item(*key) for key in keys]

    def _item(self, epoch: int, index: int) -> Item:
        unread: list[str] = []
        for step in range(len(self.pictures.labels)):
            at = (index + step) % len(self.pictures.labels)
            try:
                image = self.pictures.image(at)
            except WeightsError as error:
                unread.append(str(error))
                continue
            torch.default_generator.manual_seed(seed_of(self.seed, epoch, index))
            pixels = self.preprocessing.normal(self.change(image))
            return Item(pixels, torch.tensor(self.pictures.labels[at]), torch.tensor(at), tuple(unread))
        raise DataError("no picture can be read any more")


@dataclass(frozen=True)
class Measured(Dataset[Item]):
    """As they are. What cannot be read has no pixels, and is left out of its batch."""

    pictures: Pictures
    preprocessing: Preprocessing

    def __getitem__(self, index: int) -> Item:
        label, place = torch.tensor(self.pictures.labels[index]), torch.tensor(index)
        try:
            return Item(self.preprocessing.whole(self.pictures.image(index)), label, place, ())
        except WeightsError as error:
            return Item(torch.empty(0), label, place, (str(error),))


def together(items: Sequence[Item]) -> Item:
    """A batch of those that have pixels."""
    there = [item for item in items if item.pixels.numel()]
    unread = tuple(line for item in items for line in item.unread)
    if not there:
        return Item(torch.empty(0), torch.empty(0), torch.empty(0), unread)
    labels, indices = torch.stack([item.labels for item in there]), torch.stack([item.indices for item in there])
    return Item(torch.stack([item.pixels for item in there]), labels, indices, unread)


def seed_of(seed: int, *numbers: int) -> int:
    """A seed that follows from all of them; neighbours have nothing in common."""
    generator = torch.Generator().manual_seed(seed % 2**63)
    for number in numbers:
        mixed = (int(torch.randint(2**62, (), generator=generator)) ^ (number * 0x9E3779B97F4A7C15)) % 2**63
        generator.manual_seed(mixed)
    return int(torch.randint(2**62, (), generator=generator))


def order(count: int, seed: int, epoch: int) -> list[int]:
    """In which pictures are learned in an epoch."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed_of(seed, epoch))).tolist()


def loader(dataset: Dataset[Item], batches: Sequence[Sequence[Any]], workers: int) -> DataLoader[Item]:
    return DataLoader(dataset, batch_sampler=batches, num_workers=workers, collate_fn=together)  # type: ignore[arg-type]
