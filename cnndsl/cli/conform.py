"""`cnndsl conform MODEL --against SOURCE`: is it the same network? Counts, every difference, and numbers."""

from __future__ import annotations

import argparse

from cnndsl.cli.arguments import MODEL_HELP, SOURCE_HELP, add_request
from cnndsl.cli.checked import checked_network
from cnndsl.extras import require
from cnndsl.table import aligned

EXAMPLES = """\
examples:
  cnndsl conform squeezenet1_1 --against torchvision:squeezenet1_1
  cnndsl conform resnet18 --against timm:resnet18
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument("--against", metavar="SOURCE", required=True, help=SOURCE_HELP)
    add_request(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.weights.conforming import conform

    require("torch", extra="torch")
    network = checked_network(options)
    if network is None:
        return 1
    found = conform(network, options.against)
    counts = [(name, f"{ours:,}", f"{theirs:,}") for name, (ours, theirs) in found.counts.items()]
    print("\n".join(aligned([("", network.name, options.against), *counts])), end="\n\n")
    print("\n".join(map(str, found.differences)) or "no difference in structure")
    for kind in found.unseen:
        print(f"not compared: {kind}, of which nothing is seen outside training")
    print("\n".join(found.lines))
    return 0 if found.same else 1
