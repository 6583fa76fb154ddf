"""`cnndsl check MODEL ...`: every shape, claim and name, without importing torch."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from cnndsl.cli.arguments import MODEL_HELP, UsageError, add_request, request_from
from cnndsl.cli.checked import bundle_named
from cnndsl.errors import Error
from cnndsl.records import replace

if TYPE_CHECKING:
    from cnndsl.checking import Checked


EXAMPLES = """\
examples:
  cnndsl check googlenet
  cnndsl check net.arch --format sarif
  cnndsl check net.arch --watch
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("models", metavar="MODEL", nargs="+", help=MODEL_HELP)
    parser.add_argument("--format", choices=("text", "json", "github", "sarif"), default="text")
    parser.add_argument(
        "--advice", type=_codes, metavar="CODES", default=frozenset(), help="also what papers advise: all, or W701,W703"
    )
    parser.add_argument("--fix", action="store_true", help="make the repairs that are certain, in the files")
    parser.add_argument("--watch", action="store_true", help="check again whenever a file changes, until Ctrl-C")
    add_request(parser)
    parser.set_defaults(run=run)


def _codes(text: str) -> frozenset[str]:
    from cnndsl.analysis.lint.advice import ADVICE
    from cnndsl.diagnostics import did_you_mean

    codes = [code.strip().upper() for code in text.split(",")]
    for code in codes:
        if code not in (*ADVICE, "ALL"):
            hint = did_you_mean(code, list(ADVICE), f"there are {', '.join(ADVICE)}")
            raise argparse.ArgumentTypeError(f"{code} is no code of advice; {hint}")
    return frozenset(ADVICE) if "ALL" in codes else frozenset(codes)


def run(options: argparse.Namespace) -> int:
    if options.watch:
        _watch(options)
    if options.fix:
        return _fix(options)
    checked = _checked(options)
    return _show(checked, options.format, sys.stdout)


def _checked(options: argparse.Namespace) -> list[Checked]:
    from cnndsl.checking import check_request
    from cnndsl.models import find_model

    request = replace(request_from(options), advice=options.advice)
    checked = [check_request(find_model(model), request) for model in options.models]
    for each, model in zip(checked, options.models, strict=True):
        if each.report.ok:
            bundle_named(model)
    return checked


def _watch(options: argparse.Namespace) -> NoReturn:
    """Check whenever a file changes; one that is gone or cannot be read is said, and waited for."""
    from cnndsl.cli.watch import files_of, watch

    if options.fix or "-" in options.models:
        raise UsageError("--watch looks at files again and again: it goes with neither - nor --fix")

    def check() -> set[Path]:
        if sys.stdout.isatty():
            print("\033[2J\033[H", end="")
        try:
            checked = _checked(options)
            _show(checked, options.format, sys.stdout)
            return {path for each in checked for path in files_of(each.module)}
        except Error as error:
            print(f"cnndsl: error: {error}", file=sys.stderr)
            return set()
        finally:
            sys.stdout.flush()

    watch(check, map(Path, options.models))


def _show(checked: Sequence[Checked], format: str, stream: TextIO, made: int = 0) -> int:
    """Print what was found; gives the exit code."""
    from cnndsl.diagnostics import Report, render, tally, use_color

    report = Report()
    for each in checked:
        report.extend(each.report)
    text = render(report, format, color=use_color(stream, os.environ))
    if text:
        print(text, file=stream)
    if format == "text":
        for each in checked:
            if each.report.ok:
                print("\n".join(_verdict(each)), file=stream)
        if report or made:
            print(", ".join(filter(None, (f"{made} fixed" if made else "", tally(report)))), file=stream)
    return 0 if report.ok else 1


def _fix(options: argparse.Namespace) -> int:
    """Make the safe fixes, say which, and show what is left; the text of standard input goes to standard output."""
    from cnndsl.fixing import fix_models, in_words, write_fixed
    from cnndsl.models import find_model
    from cnndsl.shipped import is_shipped

    piped = "-" in options.models
    if piped and len(options.models) > 1:
        raise UsageError("--fix with - writes the mended text to standard output: give no other MODEL")
    models = [find_model(model) for model in options.models]
    for model in models:
        if model.files:
            raise UsageError(f"--fix does not change {model.source.name}, which is in a bundle")
        if is_shipped(model.source.path):
            raise UsageError(f"--fix does not change {model.source.name}, which comes with cnndsl: mend a copy of it")
    fixed = fix_models(models, request_from(options))
    write_fixed(fixed)
    if piped:
        sys.stdout.buffer.write(fixed.now(models[0].source).text.encode("utf-8"))  # as it came, whatever the terminal
    quiet = piped or options.format != "text"
    for line in in_words(fixed.made):
        print(line, file=sys.stderr if quiet else sys.stdout)
    return _show(fixed.checked, options.format, sys.stderr if piped else sys.stdout, len(fixed.made))


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
