"""`cnndsl check MODEL ...`: every shape, claim and name, without importing torch."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from cnndsl.cli.arguments import MODEL_HELP, add_request, request_from

if TYPE_CHECKING:
    from cnndsl.checking import Checked


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("models", metavar="MODEL", nargs="+", help=MODEL_HELP)
    parser.add_argument("--format", choices=("text", "json", "github", "sarif"), default="text")
    add_request(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.checking import check_request
    from cnndsl.diagnostics import Report, render, tally, use_color
    from cnndsl.models import find_model

    report, request = Report(), request_from(options)
    checked = [check_request(find_model(model), request) for model in options.models]
    for each in checked:
        report.extend(each.report)
    text = render(report, options.format, color=use_color(sys.stdout, os.environ))
    if text:
        print(text)
    if options.format == "text":
        for each in checked:
            if each.report.ok:
                print("\n".join(_verdict(each)))
        if report:
            print(tally(report))
    return 0 if report.ok else 1


def _verdict(checked: Checked) -> list[str]:
    """A line for the file and one for each network in it."""
    name = checked.module.source.name
    if not checked.networks and not checked.unset:
        blocks = len(checked.module.file.blocks)
        return [f"{name}: ok, {blocks} block{'' if blocks == 1 else 's'} and no network"]
    facts = checked.facts
    rows = [(n, f"{facts[n].params:,}", f"{facts[n].macs:,}", str(facts[n].depth)) for n in checked.networks]
    width = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    lines = [
        f"  {row[0]:<{width[0]}}  {row[1]:>{width[1]}} params  {row[2]:>{width[2]}} MACs  depth {row[3]:>{width[3]}}"
        for row in rows
    ]
    lines += [
        f"  {network}  not checked: it needs {' and '.join(needed)} (`-p {needed[0]}=...`, or a variant)"
        for network, needed in checked.unset.items()
    ]
    return [f"{name}: ok", *lines]
