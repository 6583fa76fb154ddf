"""The network that a command line means, checked; what is wrong with it goes to standard error."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from cnndsl.cli.arguments import request_from

if TYPE_CHECKING:
    from cnndsl.architecture import Architecture
    from cnndsl.ops.base import Shape


def checked_network(
    options: argparse.Namespace, input: Shape | None = None, *, warn: bool = True
) -> Architecture | None:
    """The network of `options.model`, or None after printing what is wrong with it.

    `input` is the input shape if the command line does not give one. Without `warn`, only errors are printed.
    """
    from dataclasses import replace

    from cnndsl.architecture import Architecture
    from cnndsl.checking import check_model
    from cnndsl.diagnostics import render, tally, use_color
    from cnndsl.models import find_model

    request = request_from(options)
    checked = check_model(find_model(options.model), replace(request, input=request.input or input))
    if checked.report and (warn or not checked.report.ok):
        print(render(checked.report, "text", color=use_color(sys.stderr, os.environ)), file=sys.stderr)
        print(tally(checked.report), file=sys.stderr)
    if not checked.report.ok:
        return None
    ((name, done),) = checked.networks.items()
    return Architecture(name, done.graph, checked.facts[name], checked.report)
