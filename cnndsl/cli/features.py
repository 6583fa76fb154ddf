"""`cnndsl features MODEL IMAGES -o FILE.npz`: what a trained network makes of photographs before it classifies them."""

from __future__ import annotations

import argparse
import sys

from cnndsl.cli.arguments import UsageError, destination
from cnndsl.cli.trained import add_trained, trained
from cnndsl.files import require_place

EXAMPLES = """\
examples:
  cnndsl features birds photo.jpg -o features.npz
  cnndsl features runs/resnet20/best photo.jpg -o resnet20.npz

The file holds `features`, a row for each photograph, `photos`, their names, and `folders`, the names of their folders,
which are labels where there is a folder for each class.
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    add_trained(parser)
    parser.add_argument("photos", metavar="PHOTO", nargs="+", help="an image file, or a folder with some")
    parser.add_argument("-o", dest="output", metavar="FILE.npz", type=destination, required=True)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.extras import require

    if options.output.suffix != ".npz":
        raise UsageError(f"{options.output} is to hold arrays of numpy: end its name in .npz")
    require_place(options.output)
    require("torch", "safetensors", "PIL", "tqdm", extra="predict")
    from cnndsl.cli.photos import batches, named_photos
    from cnndsl.features.off_the_shelf import extractor, write_features
    from cnndsl.photographs.finite import require_finite

    found = trained(options)
    if found is None:
        return 1
    photos = [photo for given in options.photos for photo in named_photos(given)]
    extract = extractor(found.network.graph, found.module())
    unread: list[str] = []
    rows, names = [], []
    for images, there in batches(found.preprocessing, photos, unread):
        rows.append(extract(images))
        require_finite(rows[-1], there)
        names += there
    if not names:
        print("cnndsl: error: there is no photograph to look at", file=sys.stderr)
        return 1
    width = write_features(options.output, rows, names)
    photographs = f"{len(names):,} photograph{'s'[: len(names) != 1]}"
    print(f"wrote {options.output}: {photographs}, {width:,} features of each")
    return int(bool(unread))
