"""`cnndsl predict MODEL photo.jpg`: the most probable classes of photographs, of a folder or of a list of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.cli.arguments import UsageError, positive
from cnndsl.cli.trained import Trained, add_trained, trained
from cnndsl.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

    from cnndsl.photographs.prediction import Prediction
    from cnndsl.photographs.preprocessing import Preprocessing

SHOWN = 5
BATCH = 32


def add_to(parser: argparse.ArgumentParser) -> None:
    add_trained(parser)
    parser.add_argument(
        "photos",
        metavar="PHOTO",
        nargs="+",
        help="an image file, a folder with some, or - for a list of names, one a line",
    )
    parser.add_argument("--top", type=positive, default=SHOWN, metavar="N", help=f"classes of each (default: {SHOWN})")
    parser.add_argument("--format", choices=("text", "json", "csv"), default="text")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.extras import require

    require("torch", "safetensors", "PIL", "tqdm", extra="predict")
    if "-" in options.photos and options.model == "-":
        raise UsageError("standard input can be the network or the names of photographs")
    from cnndsl.photographs.prediction import WRITERS

    found = trained(options)
    if found is None:
        return 1
    photos = [*chain.from_iterable(map(_photos, options.photos))]
    unread: list[str] = []
    predictions = _predictions(found, photos, options.top, unread)
    for text in WRITERS[options.format](found.network.name, predictions, unread):
        sys.stdout.write(text)
        sys.stdout.flush()
    return int(bool(unread))


def _photos(given: str) -> list[Path]:
    """The files that an argument means."""
    from PIL import Image

    if given == "-":
        return [Path(line) for line in sys.stdin.read().splitlines() if line.strip()]
    folder = Path(given)
    if not folder.is_dir():
        return [folder]
    endings = Image.registered_extensions()
    inside = sorted(path for path in folder.rglob("*") if path.suffix.lower() in endings and path.is_file())
    return inside or [folder]  # which is no photograph, and is told so


def _predictions(found: Trained, photos: Sequence[Path], top: int, unread: list[str]) -> Iterator[Prediction]:
    """Batch after batch; of what cannot be read a line says why, in `unread` too, and the others go on."""
    import torch
    from tqdm import tqdm

    from cnndsl.photographs.prediction import Prediction

    probabilities = found.classifier()
    watched = tqdm(photos, "photos", disable=None if len(photos) > BATCH else True, leave=False)
    for batch in _batches(_images(found.preprocessing, watched, unread)):
        given = probabilities(torch.cat([image for _, image in batch]))
        best = given.topk(min(top, len(found.classes)), dim=1)
        for (photo, _), values, indices in zip(batch, best.values.tolist(), best.indices.tolist(), strict=True):
            named = [(found.classes[at], value) for at, value in zip(indices, values, strict=True)]
            yield Prediction(str(photo), tuple(named))


def _images(preprocessing: Preprocessing, photos: Iterable[Path], unread: list[str]) -> Iterator[tuple[Path, Tensor]]:
    for photo in photos:
        try:
            yield photo, preprocessing.tensor(photo)
        except WeightsError as error:
            unread.append(str(error))
            print(f"cnndsl: error: {error}", file=sys.stderr)


def _batches(images: Iterator[tuple[Path, Tensor]]) -> Iterator[list[tuple[Path, Tensor]]]:
    while batch := list(islice(images, BATCH)):
        yield batch
