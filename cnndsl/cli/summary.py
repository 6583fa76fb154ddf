"""`cnndsl summary MODEL`: the table of a network, folded by blocks and repeats."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from cnndsl.cli.arguments import MODEL_HELP, UsageError, add_request, positive
from cnndsl.cli.checked import checked_model, print_findings

if TYPE_CHECKING:
    from cnndsl.analysis import Summary
    from cnndsl.analysis.rows import Floors
    from cnndsl.ir import Graph

FORMATS = ("text", "json", "csv", "markdown", "latex", "html")
CARDS = ("h200", "a100", "rtx4090")
EXAMPLES = """\
examples:
  cnndsl summary alexnet --columns name,layer,kernel,stride,pad,output,params,memory
  cnndsl summary vgg16 --sort params --format latex
"""


def add_to(parser: argparse.ArgumentParser) -> None:
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
    parser.add_argument(
        "--roofline", choices=CARDS, help="the least time of each layer on a GPU, alone and fused, for 32 pictures"
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

    if options.roofline and options.sort:
        raise UsageError("--roofline shows the network in its order: leave --sort out")
    checked = checked_model(options)
    ((_, done),) = checked.networks.items()
    floors = _floors(done.graph, options.roofline) if options.roofline and done.complete else None
    summary = summarize(done.graph, options.depth, memory=options.memory, sort=options.sort, floors=floors)
    print(_written(summary, options.format, options.columns))
    if not checked.report.ok:
        print(file=sys.stderr)
        print_findings(checked.report)
        return 1
    return 0


def _floors(graph: Graph, card: str) -> Floors:
    from cnndsl.backends.triton.roofline import CARDS, floors

    return floors(graph, next(target for name, target in CARDS.items() if name.lower().replace(" ", "") == card))


def _written(summary: Summary, form: str, columns: tuple[str, ...] | None) -> str:
    from cnndsl import table
    from cnndsl.analysis import summary_csv, summary_json, summary_table, summary_text
    from cnndsl.analysis.columns import SHOWN, SHOWN_TIMES

    if form == "json":
        return summary_json(summary)
    if form == "csv":
        return summary_csv(summary, columns or ())
    shown = columns or (SHOWN if summary.floors is None else SHOWN_TIMES)
    if form == "text":
        return summary_text(summary, shown)
    write = {"markdown": table.markdown, "latex": table.latex, "html": table.html}[form]
    return write(summary_table(summary, shown))
