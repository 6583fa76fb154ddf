"""`cnndsl fmt FILE ...`: writes `.arch` files in their canonical form, without importing torch."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.cli.arguments import UsageError
from cnndsl.cli.checked import print_findings
from cnndsl.errors import Error

if TYPE_CHECKING:
    from cnndsl.formatting import Formatted

_OUTCOMES = _FORMATTED, _WOULD_CHANGE, _UNCHANGED, _FAILED = "formatted", "would change", "unchanged", "failed"


EXAMPLES = """\
examples:
  cnndsl fmt net.arch
  cnndsl fmt --check --diff .
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help="a file, a folder for all .arch files in it, or - for standard input"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file would change")
    parser.add_argument("--diff", action="store_true", help="write nothing; show what would change")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """2 if something could not be read or written, 1 if something would change and `--check` asks, else 0."""
    if "-" in options.files:
        outcomes = [_pipe(options)]
    else:
        outcomes = [*_outcomes(options)]
        counts = [f"{outcomes.count(each)} {each}" for each in _OUTCOMES if each in outcomes]
        print(", ".join(counts), file=sys.stderr if options.diff else sys.stdout)
    if _FAILED in outcomes:
        return 2
    return 1 if options.check and _WOULD_CHANGE in outcomes else 0


def _outcomes(options: argparse.Namespace) -> Iterator[str]:
    """Format each file once; what cannot be formatted is told and does not stop the others."""
    from cnndsl.formatting import arch_files

    seen: set[str] = set()
    for name in options.files:
        try:
            paths = arch_files(Path(name))
        except Error as error:
            yield _failure(error)
            continue
        for path in paths:
            place = os.path.realpath(path)
            if place not in seen:
                seen.add(place)
                yield _outcome(path, options)


def _outcome(path: Path, options: argparse.Namespace) -> str:
    from cnndsl.formatting import formatted
    from cnndsl.source import read_source

    try:
        file = formatted(read_source(path))
        if file.changed and not options.check and not options.diff:
            file.write()
            print(f"formatted {path}")
            return _FORMATTED
        return _told(file, options)
    except Error as error:
        return _failure(error)


def _pipe(options: argparse.Namespace) -> str:
    """Format standard input, whose text goes to standard output: as it came if it has errors, not for a mere look."""
    from cnndsl.formatting import formatted
    from cnndsl.source import MAX_BYTES, decode_source

    if len(options.files) > 1:
        raise UsageError("- stands for standard input, whose text goes to standard output: give no other FILE")
    raw = sys.stdin.buffer.read(MAX_BYTES + 1)
    file = formatted(decode_source(raw, "<stdin>"))
    if not options.check and not options.diff:
        sys.stdout.buffer.write(file.text.encode("utf-8") if file.changed else raw)
    return _told(file, options)


def _told(file: Formatted, options: argparse.Namespace) -> str:
    """Print what is wrong with a file or would change in it."""
    if not file.report.ok:
        print_findings(file.report)
        return _FAILED
    if file.changed and options.diff:
        sys.stdout.write(file.diff())
    elif file.changed and options.check:
        print(f"would format {file.source.name}")
    return _WOULD_CHANGE if file.changed else _UNCHANGED


def _failure(error: Error) -> str:
    print(f"cnndsl: error: {error}", file=sys.stderr)
    return _FAILED
