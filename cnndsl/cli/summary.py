"""`cnndsl summary MODEL`: the table of a network, folded by blocks and repeats."""

from __future__ import annotations

import argparse
import sys

from cnndsl.cli.arguments import MODEL_HELP, add_request, positive
from cnndsl.cli.checked import checked_model, print_findings

EXAMPLES = """\
examples:
  cnndsl summary vgg16
  cnndsl summary resnet50 --depth 2 --format csv
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument("--depth", type=positive, metavar="N", help="levels of blocks to show (default: a screenful)")
    parser.add_argument("--format", choices=("text", "json", "csv"), default="text")
    add_request(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.analysis import summarize, summary_csv, summary_json, summary_text

    checked = checked_model(options)
    ((_, done),) = checked.networks.items()
    show = {"text": summary_text, "json": summary_json, "csv": summary_csv}[options.format]
    print(show(summarize(done.graph, options.depth)))
    if not checked.report.ok:
        print(file=sys.stderr)
        print_findings(checked.report)
        return 1
    return 0
