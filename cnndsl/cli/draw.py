"""`cnndsl draw MODEL`: the network as a picture, the way a paper's figure draws it."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from cnndsl.cli.arguments import MODEL_HELP, Commands, UsageError, add_command, add_request, positive, request_from


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
    from cnndsl.checking import check_model
    from cnndsl.diagnostics import render, use_color
    from cnndsl.draw import draw
    from cnndsl.models import find_model

    checked = check_model(find_model(options.model), request_from(options))
    if not checked.report.ok:
        print(render(checked.report, "text", color=use_color(sys.stderr, os.environ)), file=sys.stderr)
        return 1
    ((_, done),) = checked.networks.items()
    _put(draw(done.graph, options.depth), options.output)
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
