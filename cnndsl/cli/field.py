"""`cnndsl field MODEL`: the receptive field of a layer as a picture, as theory has it or as gradients have it."""

from __future__ import annotations

import argparse
import sys

from cnndsl.cli.arguments import MODEL_HELP, UsageError, destination
from cnndsl.cli.checked import print_findings

EXAMPLES = """\
examples:
  cnndsl field vgg16 --at stage2 -o field.svg
  cnndsl field resnet18 --at stage2 --effective -o effective.svg
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("models", metavar="MODEL", nargs="+", help=f"{MODEL_HELP}; several stand side by side")
    parser.add_argument("--at", metavar="LAYER", help="a layer or part (default: the last that does not see all)")
    parser.add_argument("--effective", action="store_true", help="how much each pixel counts; needs PyTorch")
    parser.add_argument(
        "-o", dest="output", metavar="FILE.svg", type=destination, help="where to write it (default: standard output)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.analysis.field_steps import field_steps
    from cnndsl.checking import Request, check_model
    from cnndsl.draw.field import field_svg
    from cnndsl.files import write_file
    from cnndsl.models import find_model

    if options.output is not None and options.output.suffix != ".svg":
        raise UsageError(f"{options.output} is to be a picture in SVG: end its name in .svg")
    if options.effective:
        from cnndsl.extras import require

        require("torch", extra="torch")
    graphs = []
    for model in options.models:
        checked = check_model(find_model(model), Request())
        if not checked.report.ok:
            print_findings(checked.report)
            return 1
        ((_, done),) = checked.networks.items()
        graphs.append(done.graph)
    found = [field_steps(graph, options.at) for graph in graphs]
    heats = None
    if options.effective:
        from cnndsl.features.effective import effective_field

        heats = [effective_field(graph, steps.at) for graph, steps in zip(graphs, found, strict=True)]
    text = field_svg(found, heats)
    if options.output is None:
        sys.stdout.write(text)
    else:
        write_file(options.output, text)
    return 0
