"""`cnndsl draw MODEL`: the network as a picture, the way a paper's figure draws it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cnndsl.cli.arguments import MODEL_HELP, UsageError, add_request, destination, positive
from cnndsl.cli.checked import checked_model, print_findings

ENDINGS = ("svg", "png", "pdf", "html", "md", "dot")
PRINTED = ("png", "pdf")  # these need libraries of their own
UNPLACED = ("html", "md", "dot")  # in these nothing has a place of its own
EXAMPLES = """examples:
  cnndsl draw googlenet -o googlenet.svg
  cnndsl draw resnet50 --depth 2 -o resnet50.png"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.epilog, parser.formatter_class = EXAMPLES, argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument(
        "-o",
        dest="output",
        metavar="FILE",
        type=picture_file,
        help=f"where to write it; the ending says the format: {', '.join(ENDINGS)} (default: SVG on standard output)",
    )
    parser.add_argument(
        "--depth", type=positive, metavar="N", help="levels of blocks to open (default: about 60 boxes)"
    )
    parser.add_argument("--direction", choices=("down", "right"), help="which way the network runs (default: down)")
    parser.add_argument(
        "--fit",
        dest="page",
        choices=("16:9", "4:3", "column"),
        help="a slide, or a column of a paper 3.5 inches wide: no letters under 9 points; blocks close until it fits",
    )
    add_request(parser)
    parser.set_defaults(run=run)


def picture_file(text: str) -> Path:
    path = destination(text)
    if path.suffix[1:] not in ENDINGS:
        raise argparse.ArgumentTypeError(f"{text!r} says no format of a picture; it ends in .{', .'.join(ENDINGS)}")
    return path


def run(options: argparse.Namespace) -> int:
    from cnndsl.draw import Look, draw, draw_as
    from cnndsl.files import write_file

    form = options.output.suffix[1:] if options.output is not None else "svg"
    if form in UNPLACED and (options.direction or options.page):
        raise UsageError(f"--direction and --fit are for svg, png and pdf; .{form} is laid out by its reader")
    if form in PRINTED:
        from cnndsl.draw.printing import require_printing

        require_printing()
    checked = checked_model(options)
    ((_, done),) = checked.networks.items()
    if len(done.graph):
        look = Look(options.depth, options.direction, options.page)
        if options.output is None:
            sys.stdout.write(draw(done.graph, look))
        else:
            write_file(options.output, draw_as(done.graph, form, look))
    if not checked.report.ok:
        print_findings(checked.report)
    return 0 if checked.report.ok else 1
