"""`cnndsl diff OLD NEW`: what differs between two networks, at which lines, and what it costs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.cli.arguments import (
    MODEL_HELP,
    UsageError,
    add_request,
    destination,
    inputs_from,
    max_nodes_of,
    parameters_from,
    positive,
    show_input,
)
from cnndsl.cli.checked import print_findings
from cnndsl.records import replace

if TYPE_CHECKING:
    from cnndsl.checking import Checked
    from cnndsl.diff import Difference
    from cnndsl.elaborate.given_inputs import GivenInputs

FORMATS = ("text", "json", "markdown", "html", "svg")
ENDINGS = {".txt": "text", ".json": "json", ".md": "markdown", ".html": "html", ".svg": "svg"}
EXAMPLES = """\
examples:
  cnndsl diff resnet18 resnet34
  cnndsl diff HEAD~1:archs/mine.arch archs/mine.arch --format markdown
  cnndsl diff resnet50 -p classes=10 -o changes.html
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", metavar="OLD", help=f"{MODEL_HELP}; or REV:PATH, a file as git has it in a revision")
    parser.add_argument("model", metavar="NEW", nargs="?", help="the same; without it, OLD as -p and --input say")
    add_request(parser)
    parser.add_argument(
        "--old",
        dest="old_parameters",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="set a parameter of OLD; -p and --input are about NEW",
    )
    parser.add_argument("--format", choices=FORMATS, help="(default: what the name of the file says, else text)")
    parser.add_argument(
        "--depth", type=positive, metavar="N", help="levels of blocks that pictures open (default: about 60 boxes)"
    )
    parser.add_argument(
        "-o", dest="output", metavar="FILE", type=destination, help="where to write it (default: standard output)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.diff import compare
    from cnndsl.files import write_file

    if options.model is None and not (options.parameters or options.input or options.old_parameters):
        raise UsageError("give two networks, or with one of them what differs: -p NAME=VALUE or --input")
    if options.old == options.model == "-":
        raise UsageError("standard input can be one of the two")
    form = options.format or _form_of(options.output)
    new_model = options.model or options.old
    old = _checked(options.old, parameters_from(options.old_parameters), options)
    new = _checked(new_model, parameters_from(options.parameters), options, inputs_from(options.input))
    ((_, before),), ((_, now),) = old.networks.items(), new.networks.items()
    titles = (
        _title(options.old, options.old_parameters),
        _title(new_model, options.parameters, [show_input(*each) for each in options.input]),
    )
    difference = compare(before.graph, now.graph, *titles)
    text = _written(difference, form, options.depth)
    if options.output is None:
        sys.stdout.write(text)
    else:
        write_file(options.output, text)
    for checked in (old, new):
        if not checked.report.ok:
            print_findings(checked.report)
    return 1 if difference or not (old.report.ok and new.report.ok) else 0


def _form_of(output: Path | None) -> str:
    """The format that the ending of a file's name says."""
    if output is None:
        return "text"
    if output.suffix not in ENDINGS:
        raise UsageError(f"what format {output} is to have is not known from its name; say --format")
    return ENDINGS[output.suffix]


def _checked(
    model: str, parameters: dict[str, object], options: argparse.Namespace, input: GivenInputs | None = None
) -> Checked:
    """One network, as far as it could be made of what is wrong with it, and the report."""
    from cnndsl.checking import Request, check_model
    from cnndsl.models import find_model
    from cnndsl.revisions import find_revised, is_revision

    request = Request(parameters, input, max_nodes_of(options))
    if not is_revision(model):
        return check_model(find_model(model), request)
    revised = find_revised(model)
    return check_model(revised.model, replace(request, files=revised.files))


def _title(model: str, parameters: Sequence[str], inputs: Sequence[str] = ()) -> str:
    """A network with what was set of it, as on the command line."""
    return " ".join([model, *(f"-p {each}" for each in parameters), *(f"--input {each}" for each in inputs)])


def _written(difference: Difference, form: str, depth: int | None) -> str:
    if form in ("html", "svg"):
        from cnndsl.draw.difference import diff_html, diff_svg

        return (diff_html if form == "html" else diff_svg)(difference, depth)
    from cnndsl.diff import diff_json, diff_markdown, diff_text

    return {"text": diff_text, "json": diff_json, "markdown": diff_markdown}[form](difference) + "\n"
