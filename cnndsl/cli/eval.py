"""`cnndsl eval MODEL --data DATA`: how right a trained network is on pictures that are held out."""

from __future__ import annotations

import argparse
import sys

from cnndsl.cli.arguments import UsageError, destination
from cnndsl.cli.photos import tell_notes, tell_unread
from cnndsl.cli.trained import add_trained, trained
from cnndsl.files import require_place, write_file

PACKAGES = ("torch", "safetensors", "PIL", "torchvision", "tqdm")
EXAMPLES = """\
examples:
  cnndsl eval runs/resnet20/best --data fake
  cnndsl eval runs/resnet20/best --data fake --confusion confusion.svg --format json
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    add_trained(parser)
    parser.add_argument(
        "--data",
        required=True,
        help="a folder with one for each class, or with val or test that has them; fashionmnist:DIR, cifar10:DIR",
    )
    parser.add_argument(
        "--format", choices=("text", "json", "csv"), default="text", help="csv: a line for each picture"
    )
    parser.add_argument("--confusion", metavar="FILE.svg", type=destination, help="also a picture of what is confused")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.extras import require

    if options.confusion is not None:
        if options.confusion.suffix != ".svg":
            raise UsageError(f"{options.confusion} is to be a picture in SVG: end its name in .svg")
        require_place(options.confusion)
    require(*PACKAGES, extra="train")
    from cnndsl.draw.confusion import confusion_svg
    from cnndsl.train.data.named import data_to_measure
    from cnndsl.train.evaluating import evaluate
    from cnndsl.train.report import evaluation_csv, evaluation_json, evaluation_text

    found = trained(options)
    if found is None:
        return 1
    data = data_to_measure(options.data, len(found.classes))
    tell_notes(data.notes)
    graph = found.network.graph
    done = evaluate(graph, found.module(), found.preprocessing, found.classes, data, options.data)
    tell_unread(done.unread)
    write = {"text": lambda done: evaluation_text(done) + "\n", "json": evaluation_json, "csv": evaluation_csv}
    sys.stdout.write(write[options.format](done))
    if options.confusion is not None:
        heading = f"{done.network} on {done.data}"
        write_file(options.confusion, confusion_svg(heading, done.classes, done.confusion))
    return int(bool(done.unread))
