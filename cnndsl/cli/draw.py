"""`cnndsl draw MODEL`: the network as a picture, the way a paper's figure draws it."""

from __future__ import annotations

import argparse
import sys

from cnndsl.cli.arguments import MODEL_HELP, add_request, destination, positive
from cnndsl.cli.checked import checked_network

EXAMPLES = """\
examples:
  cnndsl draw googlenet -o googlenet.svg
  cnndsl draw resnet50 --depth 1 -o resnet50.svg
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument(
        "-o", dest="output", metavar="FILE.svg", type=destination, help="where to write it (default: standard output)"
    )
    parser.add_argument(
        "--depth", type=positive, metavar="N", help="levels of blocks to open (default: about 60 boxes)"
    )
    add_request(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.draw import draw
    from cnndsl.files import write_file

    network = checked_network(options, warn=False)
    if network is None:
        return 1
    text = draw(network.graph, options.depth)
    if options.output is None:
        sys.stdout.write(text)
    else:
        write_file(options.output, text)
    return 0
