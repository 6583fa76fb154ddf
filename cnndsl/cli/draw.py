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
FACTS = ("params", "macs", "memory", "field")
EXAMPLES = """\
examples:
  cnndsl draw googlenet -o googlenet.svg
  cnndsl draw resnet50 --depth 2 -o resnet50.html
  cnndsl draw alexnet --fit 16:9 -o slide.pdf
  cnndsl draw alexnet --kind boxes -o maps.png
  cnndsl draw vgg19 plain34 resnet34_a --kind chain -o figure3.svg
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("models", metavar="MODEL", nargs="+", help=f"{MODEL_HELP}; several for --kind chain")
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
    parser.add_argument(
        "--kind",
        dest="figure",
        choices=("graph", "boxes", "dense", "chain"),
        default="graph",
        help="a graph of layers and blocks (default), maps as cuboids, every connection of dense blocks, or layers in a"
        " chain, several networks side by side",
    )
    parser.add_argument(
        "--label", dest="labels", type=facts, default=(), metavar="FACTS", help=f"written in boxes: {','.join(FACTS)}"
    )
    parser.add_argument("--colour", choices=("kind", "macs", "params"), help="what colours say, with a legend")
    parser.add_argument(
        "--highlight", metavar="PATH", action="append", default=[], help="a layer or block with a ring around it"
    )
    add_request(parser)
    parser.set_defaults(run=run)


def picture_file(text: str) -> Path:
    path = destination(text)
    if path.suffix[1:] not in ENDINGS:
        raise argparse.ArgumentTypeError(f"{text!r} says no format of a picture; it ends in .{', .'.join(ENDINGS)}")
    return path


def facts(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in FACTS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(FACTS)}")
    return names


def run(options: argparse.Namespace) -> int:
    form = options.output.suffix[1:] if options.output is not None else "svg"
    _require_sense(options, form)
    if form in PRINTED:
        from cnndsl.draw.printing import require_printing

        require_printing()
    checked = [checked_model(argparse.Namespace(**vars(options), model=model)) for model in options.models]
    graphs = [done.graph for each in checked for done in each.networks.values()]
    if all(len(graph) for graph in graphs):
        from cnndsl.draw import Look, draw_as
        from cnndsl.files import write_file

        told = options.labels, options.colour, tuple(options.highlight)
        look = Look(options.depth, options.direction, options.page, options.figure, *told)
        content = draw_as(graphs, form, look)
        if options.output is not None:
            write_file(options.output, content)
        elif isinstance(content, str):
            sys.stdout.write(content)
    reports = [each.report for each in checked if not each.report.ok]
    for report in reports:
        print_findings(report)
    return 1 if reports else 0


def _require_sense(options: argparse.Namespace, form: str) -> None:
    """Raise `UsageError` for what does not go together, before any work."""
    placing = options.direction or options.page or options.labels or options.colour or options.highlight
    if len(options.models) > 1 and options.figure != "chain":
        raise UsageError("several networks are drawn side by side with --kind chain alone")
    if options.models.count("-") > 1:
        raise UsageError("standard input can be one of the networks")
    if options.figure != "graph" and (placing or options.depth or form in UNPLACED):
        raise UsageError(
            f"--kind {options.figure} is a picture as svg, png or pdf, without what is for graphs: --depth, --fit"
        )
    if form in UNPLACED and placing:
        raise UsageError(f"of .{form} only --depth can be chosen; the rest is for svg, png and pdf")
