"""`cnndsl predict MODEL photo.jpg`: the most probable classes of photographs, of a folder or of a list of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.cli.arguments import UsageError, positive
from cnndsl.cli.photos import batches, named_photos
from cnndsl.cli.trained import Trained, add_trained, trained

if TYPE_CHECKING:
    from cnndsl.photographs.prediction import Prediction

SHOWN = 5


EXAMPLES = """\
examples:
  cnndsl predict birds photo.jpg
  cnndsl predict birds . --top 3 --format json
  cnndsl predict resnet18 photo.jpg -p classes=10 --weights runs/resnet18.safetensors
"""


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
    photos = [*chain.from_iterable(map(named_photos, options.photos))]
    unread: list[str] = []
    predictions = _predictions(found, photos, options.top, unread)
    for text in WRITERS[options.format](found.network.name, predictions, unread):
        sys.stdout.write(text)
        sys.stdout.flush()
    return int(bool(unread))


def _predictions(found: Trained, photos: Sequence[Path], top: int, unread: list[str]) -> Iterator[Prediction]:
    """Batch after batch."""
    from cnndsl.photographs.finite import require_finite
    from cnndsl.photographs.prediction import Prediction

    probabilities = found.classifier()
    for images, there in batches(found.preprocessing, photos, unread):
        values = probabilities(images)
        require_finite(values, there)
        best = values.topk(min(top, len(found.classes)), dim=1)
        for photo, parts, indices in zip(there, best.values.tolist(), best.indices.tolist(), strict=True):
            named = [(found.classes[at], part) for at, part in zip(indices, parts, strict=True)]
            yield Prediction(str(photo), tuple(named))
