"""`cnndsl save MODEL --weights FILE -o DIR`: a trained network as one folder, which every MODEL may be."""

from __future__ import annotations

import argparse
from pathlib import Path

from cnndsl.cli.amounts import show_size
from cnndsl.cli.arguments import MODEL_HELP, add_request, destination
from cnndsl.cli.checked import checked_network

EXAMPLES = """\
examples:
  cnndsl save squeezenet1_1 --weights squeezenet1_1.safetensors -o squeezenet
  cnndsl save resnet18 -p classes=10 --weights runs/resnet18.safetensors -o birds
  cnndsl predict birds photo.jpg
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument(
        "--weights",
        metavar="PATH",
        type=Path,
        required=True,
        help="NAME.safetensors or its folder; NAME.preprocess.toml beside it is taken along, with the names of classes",
    )
    parser.add_argument("-o", "--output", metavar="DIR", type=destination, required=True, help="a new folder")
    add_request(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    network = checked_network(options)
    if network is None:
        return 1
    folder = network.save(options.output, options.weights)
    for path in sorted(folder.iterdir()):
        print(f"wrote {path} ({show_size(path.stat().st_size)})")
    return 0
