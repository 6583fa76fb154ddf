"""`cnndsl summary MODEL`: the table of a network, folded by blocks and repeats."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from cnndsl.cli.arguments import MODEL_HELP, add_request, positive
from cnndsl.cli.checked import checked_model, print_findings

if TYPE_CHECKING:
    from cnndsl.analysis import Summary

FORMATS = ("text", "json", "csv", "markdown", "latex", "html")
EXAMPLES = """examples:
  cnndsl summary alexnet --columns name,layer,kernel,stride,pad,output,params,memory
  cnndsl summary vgg16 --sort params --format latex"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.epilog, parser.formatter_class = EXAMPLES, argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument("--depth", type=positive, metavar="N", help="levels of blocks to show (default: a screenful)")
    parser.add_argument("--format", choices=FORMATS, default="text")
    parser.add_argument("--columns", type=_columns, metavar="NAMES", help="such as name,kernel,stride,pad,params_share")
    parser.add_argument("--sort", choices=("params", "macs", "memory"), help="rows alone, the largest first")
    parser.add_argument(
        "--memory",
        choices=("maps", "inference", "training"),
        default="maps",
        help="count feature maps, what inference holds at once, or what training keeps (default: maps)",
    )
    add_request(parser)
    parser.set_defaults(run=run)


def _columns(text: str) -> tuple[str, ...]:
    from cnndsl.analysis.columns import COLUMNS
    from cnndsl.diagnostics import did_you_mean

    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in COLUMNS:
            hint = did_you_mean(name, list(COLUMNS), f"there are {', '.join(COLUMNS)}")
            raise argparse.ArgumentTypeError(f"no column is called {name!r}; {hint}")
    return names


def run(options: argparse.Namespace) -> int:
    from cnndsl.analysis import summarize

    checked = checked_model(options)
    ((_, done),) = checked.networks.items()
    summary = summarize(done.graph, options.depth, memory=options.memory, sort=options.sort)
    print(_written(summary, options.format, options.columns))
    if not checked.report.ok:
        print(file=sys.stderr)
        print_findings(checked.report)
        return 1
    return 0


def _written(summary: Summary, form: str, columns: tuple[str, ...] | None) -> str:
    from cnndsl import table
    from cnndsl.analysis import summary_csv, summary_json, summary_table, summary_text
    from cnndsl.analysis.columns import SHOWN

    if form == "json":
        return summary_json(summary)
    if form == "csv":
        return summary_csv(summary, columns or ())
    if form == "text":
        return summary_text(summary, columns or SHOWN)
    write = {"markdown": table.markdown, "latex": table.latex, "html": table.html}[form]
    return write(summary_table(summary, columns or SHOWN))
