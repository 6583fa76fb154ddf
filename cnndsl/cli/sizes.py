"""`cnndsl sizes MODEL`: which sizes of pictures a network takes, with the same weights, and without losing pixels."""

from __future__ import annotations

import argparse

from cnndsl.cli.arguments import MODEL_HELP, add_request
from cnndsl.cli.checked import checked_network

EXAMPLES = """\
examples:
  cnndsl sizes vgg16
  cnndsl sizes unet --format json
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    add_request(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.analysis.sizes import sizes
    from cnndsl.analysis.sizes_render import sizes_json, sizes_text

    network = checked_network(options, warn=False)
    if network is None:
        return 1
    print({"text": sizes_text, "json": sizes_json}[options.format](sizes(network.graph)))
    return 0
