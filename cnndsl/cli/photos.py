"""Photographs that a command line names, as batches of images, and what standard error says of some of them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

    from cnndsl.photographs.preprocessing import Preprocessing

BATCH = 32


def named_photos(given: str) -> list[Path]:
    """The files that an argument means: itself, those in a folder, or with `-` those that standard input lists."""
    from PIL import Image

    if given == "-":
        return [Path(line) for line in sys.stdin.read().splitlines() if line.strip()]
    folder = Path(given)
    if not folder.is_dir():
        return [folder]
    endings = Image.registered_extensions()
    inside = sorted(path for path in folder.rglob("*") if path.suffix.lower() in endings and path.is_file())
    return inside or [folder]  # which is no photograph, and is told so


def batches(
    preprocessing: Preprocessing, photos: Sequence[Path], unread: list[str]
) -> Iterator[tuple[Tensor, list[Path]]]:
    """Images and where they are from; what cannot be read goes to `unread` too, and the others go on."""
    import torch
    from tqdm import tqdm

    watched = tqdm(photos, "photos", disable=None if len(photos) > BATCH else True, leave=False)
    images = _images(preprocessing, watched, unread)
    while batch := list(islice(images, BATCH)):
        yield torch.cat([image for _, image in batch]), [photo for photo, _ in batch]


def _images(preprocessing: Preprocessing, photos: Iterable[Path], unread: list[str]) -> Iterator[tuple[Path, Tensor]]:
    for photo in photos:
        try:
            yield photo, preprocessing.tensor(photo)
        except WeightsError as error:
            unread.append(str(error))
            tell_unread([str(error)])


def tell_notes(notes: Iterable[str]) -> None:
    """What is odd about pictures that are labelled, and no error."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


def tell_unread(lines: Iterable[str]) -> None:
    """Why pictures were left out."""
    for line in lines:
        print(f"cnndsl: error: {line}", file=sys.stderr)
