"""`cnndsl draw MODEL`: the network as a picture, the way a paper's figure draws it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cnndsl.cli.arguments import MODEL_HELP, Commands, UsageError, add_command, add_request, positive
from cnndsl.cli.checked import checked_network


def add_to(commands: Commands) -> None:
    parser = add_command(commands, "draw", "Draw the network as an SVG picture.")
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument(
        "-o", dest="output", metavar="FILE.svg", type=Path, help="where to write it (default: standard output)"
    )
    parser.add_argument(
        "--depth", type=positive, metavar="N", help="levels of blocks to open (default: about 60 boxes)"
    )
    add_request(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.draw import draw

    network = checked_network(options, warn=False)
    if network is None:
        return 1
    _put(draw(network.graph, options.depth), options.output)
    return 0


def _put(text: str, path: Path | None) -> None:
    if path is None:
        sys.stdout.write(text)
        return
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise UsageError(f"cannot write {path}: {reason}") from error
