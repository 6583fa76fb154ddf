"""The network that a command line means, checked; what is wrong with it goes to standard error."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.cli.arguments import request_from

if TYPE_CHECKING:
    from cnndsl.architecture import Architecture
    from cnndsl.bundled import Bundle
    from cnndsl.checking import Checked
    from cnndsl.diagnostics import Report
    from cnndsl.ops.base import Shape


def checked_network(
    options: argparse.Namespace, input: Shape | None = None, *, warn: bool = True
) -> Architecture | None:
    """The network of `options.model`, or None after printing what is wrong with it.

    `input` is the input shape if the command line does not give one. Without `warn`, only errors are printed.
    """
    from cnndsl.architecture import Architecture

    checked = checked_model(options, input)
    if checked.report and (warn or not checked.report.ok):
        print_findings(checked.report)
    return Architecture.of(checked) if checked.report.ok else None


def checked_model(options: argparse.Namespace, input: Shape | None = None) -> Checked:
    """One network, as far as it could be made of what is wrong with it, and the report."""
    from dataclasses import replace

    from cnndsl.checking import check_model
    from cnndsl.models import find_model

    request = request_from(options)
    return check_model(find_model(options.model), replace(request, input=request.input or input))


def bundle_named(model: str) -> Bundle | None:
    """The bundle that MODEL is, with all of its files as they were written; None for any other MODEL.

    Raises `BundleError`, and `WeightsError`.
    """
    if not os.path.isdir(model):
        return None
    from cnndsl.bundle.folder import is_bundle

    if not is_bundle(Path(model)):
        return None
    from cnndsl.bundled import load_bundle

    return load_bundle(model)


def print_findings(report: Report) -> None:
    from cnndsl.diagnostics import render, tally, use_color

    print(render(report, "text", color=use_color(sys.stderr, os.environ)), file=sys.stderr)
    print(tally(report), file=sys.stderr)
