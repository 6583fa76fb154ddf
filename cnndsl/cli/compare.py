"""`cnndsl compare MODELS`: several networks as a chart or a table, by what they cost and how accurate they are."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.cli.arguments import MODEL_HELP, UsageError, destination
from cnndsl.cli.checked import print_findings

if TYPE_CHECKING:
    from cnndsl.analysis import Facts
    from cnndsl.comparison.measures import Comparison

ENDINGS = (".svg", ".html", ".csv", ".md", ".tex")
EXAMPLES = """\
examples:
  cnndsl compare alexnet vgg16 googlenet_torchvision resnet50 -o chart.svg
  cnndsl compare resnet18 resnet50 densenet121 --x params --y macs
"""
AXES = ("params", "macs", "memory", "depth", "field", "top1", "top5")


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("models", metavar="MODEL", nargs="+", help=MODEL_HELP)
    parser.add_argument("--x", choices=AXES, default="macs", help="(default: macs)")
    parser.add_argument("--y", choices=AXES, default="top1", help="(default: top1)")
    parser.add_argument("--size", choices=AXES, help="what the areas of circles are")
    parser.add_argument("--source", choices=("papers", "torchvision"), help="who measured accuracies (default: either)")
    parser.add_argument(
        "-o",
        dest="output",
        metavar="FILE",
        type=destination,
        help=f"a chart or table, by its ending: {' '.join(ENDINGS)} (default: a table on standard output)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.comparison.measures import compare
    from cnndsl.files import write_file

    if options.output is not None and options.output.suffix not in ENDINGS:
        raise UsageError(f"what {options.output} is to be is not known from its name; end it in {' '.join(ENDINGS)}")
    networks = _networks(options.models)
    if networks is None:
        return 1
    comparison = compare(networks, options.x, options.y, options.size, options.source)
    if options.output is None:
        print(_text(comparison))
    else:
        write_file(options.output, _written(comparison, options.output) + "\n")
    return 0


def _networks(models: list[str]) -> list[tuple[str, Facts]] | None:
    """All networks by name, or None after printing what is wrong with one."""
    from cnndsl.checking import Request, check_model
    from cnndsl.models import find_model

    found: dict[str, Facts] = {}
    for model in models:
        checked = check_model(find_model(model), Request())
        if not checked.report.ok:
            print_findings(checked.report)
            return None
        ((name, facts),) = checked.facts.items()
        if name in found:
            raise UsageError(f"{name} is named twice")
        found[name] = facts
    return list(found.items())


def _text(comparison: Comparison) -> str:
    from cnndsl.comparison.table import comparison_table
    from cnndsl.table import aligned

    table = comparison_table(comparison)
    return "\n".join([*aligned([table.heads, *table.rows], table.left), *(["", *table.notes] if table.notes else [])])


def _written(comparison: Comparison, output: Path) -> str:
    from cnndsl import table
    from cnndsl.comparison.table import comparison_csv, comparison_table

    if output.suffix == ".csv":
        return comparison_csv(comparison)
    if output.suffix == ".md":
        return table.markdown(comparison_table(comparison))
    if output.suffix == ".tex":
        return table.latex(comparison_table(comparison))
    from cnndsl.draw.chart import chart

    if output.suffix == ".svg":
        return chart(comparison).rstrip("\n")
    return table.html(comparison_table(comparison), chart(comparison))
